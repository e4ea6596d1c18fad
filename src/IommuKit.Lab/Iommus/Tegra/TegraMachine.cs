using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Iommus.Tegra;

/// <summary>A Tegra: its SMMU, the driver, and memory that the SMMU's walker does not see coherently.</summary>
public sealed class TegraMachine : Machine
{
    private readonly TegraSmmuDriver _driver;

    private TegraMachine(TegraSmmuDriver driver, MachineParts parts, TegraSmmuModel<DeviceMemory>? model)
        : base(driver.Soc.Name, parts)
    {
        Model = model;
        _driver = driver;
        TestDevice = driver.Devices.First(device => device is TegraSwgroupDevice { Clients: [{ Enable: TegraClientEnable.ReadWrite }, ..] });
        if (model is not null)
        {
            model.Interrupt = isRaised =>
            {
                if (isRaised)
                {
                    _driver.HandleInterrupt();
                }
            };
        }
    }

    /// <summary>Which Tegra it is.</summary>
    public TegraSoc Soc => _driver.Soc;

    /// <summary>The model of the SMMU; null without one.</summary>
    public TegraSmmuModel<DeviceMemory>? Model { get; }

    /// <inheritdoc/>
    public override IIommuModel? Hardware => Model;

    /// <inheritdoc/>
    public override IommuDriver Driver => _driver;

    /// <inheritdoc/>
    public override IommuDevice TestDevice { get; }

    /// <inheritdoc/>
    public override CacheCounts Caches =>
        Model?.Statistics is { } statistics
            ? new CacheCounts(statistics.TlbHits, statistics.TlbMisses, statistics.PtcHits, statistics.PtcMisses)
            : default;

    /// <summary>Builds a machine.</summary>
    /// <param name="soc">Which Tegra.</param>
    /// <param name="settings">How it is to be, or null.</param>
    /// <param name="modelOptions">What is not known for sure about the hardware, or null.</param>
    /// <param name="tablePoolStart">Where page tables lie in memory; null for where the settings say.</param>
    public static TegraMachine Create(
        TegraSoc soc, MachineSettings? settings = null, TegraModelOptions? modelOptions = null, ulong? tablePoolStart = null)
    {
        ArgumentNullException.ThrowIfNull(soc);
        settings ??= new MachineSettings();
        settings = settings with { TablePoolStart = tablePoolStart ?? settings.TablePoolStart };
        modelOptions ??= new TegraModelOptions();
        if (settings.HasImmediateWrites)
        {
            modelOptions = modelOptions with { PostedWrites = 0 };
        }

        TegraSmmuModel<DeviceMemory>? model = null;
        return MachineParts.Build(
            settings,
            1ul << soc.PhysicalBits,
            isCoherent: false,
            TegraMc.PurposeOf,
            memory => model = new TegraSmmuModel<DeviceMemory>(soc, memory.DeviceView, modelOptions),
            parts => new TegraMachine(CreateDriver(soc, settings, parts), parts, model));
    }

    /// <inheritdoc/>
    public override void SettleWrites() => Model?.SettleWrites();

    /// <inheritdoc/>
    public override void EvictTableLine(ulong physicalAddress) => Model?.EvictTableLine(physicalAddress);

    /// <inheritdoc/>
    public override void EvictTranslations() => Model?.EvictTranslations();

    /// <remarks>A line of the page-table cache, and a group of the TLB or what a threshold puts in its place.</remarks>
    /// <inheritdoc/>
    protected override bool DoPagesCostAlike => true;

    /// <inheritdoc/>
    protected override (int Reads, int Writes)? SourcesOf(IommuDevice device)
    {
        if (device is not TegraSwgroupDevice { Clients: [var reader, ..] clients })
        {
            return null;
        }

        // Reads and writes of an engine come from ports of their own, where it has two.
        var writer = clients.FirstOrDefault(client => client.IsWriterBeside(reader)) ?? reader;
        return (reader.Id, writer.Id);
    }

    private static TegraSmmuDriver CreateDriver(TegraSoc soc, MachineSettings settings, MachineParts parts) => new(
        soc,
        parts.Registers,
        parts.Cache,
        parts.Allocator,
        new TegraDriverOptions
        {
            TlbStep = settings.Tuning[TegraTuning.TlbStep],
            SectionThreshold = settings.Tuning[TegraTuning.SectionThreshold],
            AsidThreshold = settings.Tuning[TegraTuning.AsidThreshold],
            UsesSections = settings.UsesSuperpages,
            HasRangeFlush = settings.HasRangeFlush,
        },
        soc.HasAhbInitDone ? new TegraAhbModel() : null);
}
