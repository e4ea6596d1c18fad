using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>A machine with an SMMUv3: the SMMU, the driver, and three devices behind it.</summary>
public sealed class Smmu3Machine : Machine
{
    // Queues, a stream table with tables of a second level for each device, and descriptors.
    private const ulong QueueBytes = 256 << 10;

    // No machine here has more memory, whatever its addresses could name.
    private const int MostMemoryLog2 = 36;

    /// <summary>The devices of a machine.</summary>
    internal static IReadOnlyList<Smmu3Client> UsualStreams { get; } = [new("00:02.0", 0x10), new("00:14.0", 0x20), new("01:00.0", 0x30)];

    private readonly Smmu3Driver _driver;
    private readonly PostedDoorbell? _doorbell;
    private readonly Smmu3Ports? _ports;

    private Smmu3Machine(
        Smmu3Driver driver, MachineParts parts, Smmu3Model<DeviceMemory>? model, PostedDoorbell? doorbell, bool devicesAskAgain)
        : base(driver.Traits.Name, parts)
    {
        Model = model;
        _doorbell = doorbell;
        _driver = driver;
        if (model is not null)
        {
            model.InterruptRaised = _ => _driver.HandleInterrupt();
            Smmu3StreamDevice[] withTlbs = [.. driver.Devices.Cast<Smmu3StreamDevice>().Where(device => device.HasDeviceTlb)];
            _ports = withTlbs.Length == 0 ? null : new Smmu3Ports(model, withTlbs, devicesAskAgain);
        }
    }

    /// <summary>The model of the SMMU; null without one.</summary>
    public Smmu3Model<DeviceMemory>? Model { get; }

    /// <inheritdoc/>
    public override IIommuModel? Hardware => (IIommuModel?)_ports ?? Model;

    /// <inheritdoc/>
    public override IommuDriver Driver => _driver;

    /// <summary>Translates an access of a device that has a PASID, through its TLB if it has one.</summary>
    /// <param name="request">The access.</param>
    /// <param name="pasid">The PASID, as a substream.</param>
    /// <returns>The range around its IOVA that translates alike, or a fault.</returns>
    /// <exception cref="InvalidOperationException">The machine has no model.</exception>
    public Translation TranslatePasid(in DmaRequest request, int pasid)
    {
        if (_ports is not null)
        {
            return _ports.Translate(request, pasid);
        }

        var model = Model ?? throw new InvalidOperationException($"{Name} has no model that could translate.");
        return model.Translate(new Smmu3Request(
            (uint)request.Source, request.Iova, request.IsWrite ? Smmu3Access.Write : Smmu3Access.Read, pasid)).Range;
    }

    /// <inheritdoc/>
    // The model does not count the look-ups of its table cache.
    public override CacheCounts Caches =>
        Model?.Statistics is { } statistics ? new CacheCounts(statistics.IotlbHits, statistics.IotlbMisses, 0, statistics.EntriesRead) : default;

    /// <summary>Builds a machine.</summary>
    /// <param name="unit">Which SMMU it has.</param>
    /// <param name="settings">How it is to be, or null.</param>
    /// <param name="modelOptions">The SMMU's caches, or null.</param>
    /// <param name="driverOptions">The options of the driver; null for those that the settings say.</param>
    /// <param name="streams">The devices; null for three of the usual kind.</param>
    /// <param name="devicesAskAgain">Whether devices with TLBs ask at once again for what they are told to drop.</param>
    public static Smmu3Machine Create(
        Smmu3Unit unit,
        MachineSettings? settings = null,
        Smmu3ModelOptions? modelOptions = null,
        Smmu3DriverOptions? driverOptions = null,
        IReadOnlyList<Smmu3Client>? streams = null,
        bool devicesAskAgain = false)
    {
        ArgumentNullException.ThrowIfNull(unit);
        settings ??= new MachineSettings();
        Smmu3Model<DeviceMemory>? model = null;
        PostedDoorbell? doorbell = null;
        return MachineParts.Build(
            settings,
            1ul << Math.Min(unit.AddressBits, MostMemoryLog2),
            unit.IsCoherent,
            Smmu3Register.PurposeOf,
            memory =>
            {
                model = new Smmu3Model<DeviceMemory>(unit, memory.DeviceView, modelOptions);
                if (settings.HasImmediateWrites)
                {
                    return model;
                }

                return doorbell = new PostedDoorbell(model, new HostStatusWords(memory.CpuView), Smmu3Register.CommandProducer, IsOfQueue);
            },
            parts => new Smmu3Machine(
                new Smmu3Driver(
                    parts.Registers,
                    parts.Cache,
                    parts.Allocator,
                    streams ?? UsualStreams,
                    driverOptions ?? Smmu3Tuning.OptionsFor(settings),
                    unit.Name,
                    parts.Queues),
                parts,
                model,
                doorbell,
                devicesAskAgain),
            new QueueParts(QueueBytes, memory => new Smmu3QueueReader(memory), () => new SilentSmmu3(unit)));
    }

    /// <inheritdoc/>
    public override void SettleWrites() => _doorbell?.Settle();

    /// <inheritdoc/>
    public override void EvictTranslations()
    {
        _ports?.Evict();
        Model?.Evict();
    }

    /// <inheritdoc/>
    protected override (int Reads, int Writes)? SourcesOf(IommuDevice device) =>
        device is Smmu3StreamDevice stream ? ((int)stream.StreamId, (int)stream.StreamId) : null;

    private static bool IsOfQueue(uint offset) =>
        offset is Smmu3Register.Control0 or >= Smmu3Register.CommandQueue and <= Smmu3Register.CommandConsumer;
}
