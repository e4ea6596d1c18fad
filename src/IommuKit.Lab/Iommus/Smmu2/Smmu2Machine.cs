using IommuKit.Domains;
using IommuKit.Drivers.Smmu2;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Lab.Iommus.Smmu2;

/// <summary>A machine with an SMMUv1 or SMMUv2: the SMMU, the driver, and three devices behind it.</summary>
public sealed class Smmu2Machine : Machine
{
    // No machine here has more memory, whatever its addresses could name.
    private const int MostMemoryLog2 = 36;

    private static readonly Smmu2Client[] Clients = [new("usb", 0x10), new("sdhci", 0x20), new("display", 0x80, Mask: 0xf)];

    private readonly Smmu2Driver _driver;

    private Smmu2Machine(Smmu2Driver driver, MachineParts parts, Smmu2Model<DeviceMemory>? model)
        : base(driver.Traits.Name, parts)
    {
        Model = model;
        _driver = driver;
        if (model is not null)
        {
            model.InterruptChanged = interrupt =>
            {
                if (interrupt.IsRaised)
                {
                    _driver.HandleInterrupt();
                }
            };
        }
    }

    /// <summary>The model of the SMMU; null without one.</summary>
    public Smmu2Model<DeviceMemory>? Model { get; }

    /// <inheritdoc/>
    public override IIommuModel? Hardware => Model;

    /// <inheritdoc/>
    public override IommuDriver Driver => _driver;

    /// <inheritdoc/>
    // The model does not count the look-ups of its table cache.
    public override CacheCounts Caches =>
        Model?.Statistics is { } statistics ? new CacheCounts(statistics.IotlbHits, statistics.IotlbMisses, 0, statistics.EntriesRead) : default;

    /// <summary>Builds a machine.</summary>
    /// <param name="unit">Which SMMU it has.</param>
    /// <param name="settings">How it is to be, or null.</param>
    /// <param name="modelOptions">The SMMU's caches, or null.</param>
    /// <param name="driverOptions">
    /// The options of the driver, or null. What the settings tune is taken from those; version and part are the unit's.
    /// </param>
    public static Smmu2Machine Create(
        Smmu2Unit unit,
        MachineSettings? settings = null,
        Smmu2ModelOptions? modelOptions = null,
        Smmu2DriverOptions? driverOptions = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        settings ??= new MachineSettings();
        modelOptions ??= new Smmu2ModelOptions();
        if (settings.HasImmediateWrites)
        {
            modelOptions = modelOptions with { PostedInvalidations = 0 };
        }

        var options = (driverOptions ?? new Smmu2DriverOptions()) with
        {
            Version = unit.Version,
            IsMmu500 = unit.HasCacheLock,
            AddressSpaceThreshold = settings.Tuning[Smmu2Tuning.Threshold],
            HasRangeFlush = settings.HasRangeFlush,
        };
        Smmu2Model<DeviceMemory>? model = null;
        return MachineParts.Build(
            settings,
            1ul << Math.Min(unit.AddressBits, MostMemoryLog2),
            unit.IsCoherent,
            unit.PurposeOf,
            memory => model = new Smmu2Model<DeviceMemory>(unit, memory.DeviceView, modelOptions),
            parts => new Smmu2Machine(
                new Smmu2Driver(parts.Registers, parts.Cache, parts.Allocator, Clients, options, unit.Name), parts, model),
            createSilent: () => new SilentSmmu2(unit));
    }

    /// <inheritdoc/>
    public override void SettleWrites() => Model?.SettleInvalidations();

    /// <inheritdoc/>
    public override void EvictTranslations() => Model?.Evict();

    /// <inheritdoc/>
    protected override (int Reads, int Writes)? SourcesOf(IommuDevice device) =>
        device is Smmu2StreamDevice stream ? ((int)stream.StreamId, (int)stream.StreamId) : null;
}
