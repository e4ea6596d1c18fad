using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>A machine with VT-d: a remapping unit, the driver, and three functions behind it.</summary>
public sealed class VtdMachine : Machine
{
    // The queue, with descriptors of 256 bits at the most, and a page of status words.
    private const ulong QueueBytes = 4 << 12;

    // No machine here has more memory, whatever its addresses could name.
    private const int MostMemoryLog2 = 36;

    // 00:02.0, 00:14.0 and 01:00.0.
    private static readonly ushort[] Sources = [0x0010, 0x00a0, 0x0100];

    private readonly VtdDriver _driver;
    private readonly PostedDoorbell? _doorbell;
    private readonly VtdPorts? _ports;

    private VtdMachine(
        VtdDriver driver, MachineParts parts, VtdModel<SnoopedMemory>? model, PostedDoorbell? doorbell, bool devicesAskAgain)
        : base(driver.Unit.Name, parts)
    {
        Model = model;
        _doorbell = doorbell;
        _driver = driver;
        if (model is not null)
        {
            model.MessageSent = _ => _driver.HandleInterrupt();
            VtdDevice[] withTlbs = [.. driver.Devices.Cast<VtdDevice>().Where(device => device.HasDeviceTlb)];
            _ports = withTlbs.Length == 0 ? null : new VtdPorts(model, withTlbs, devicesAskAgain);
        }
    }

    /// <summary>The model of the unit; null without one.</summary>
    public VtdModel<SnoopedMemory>? Model { get; }

    /// <inheritdoc/>
    public override IIommuModel? Hardware => (IIommuModel?)_ports ?? Model;

    /// <inheritdoc/>
    public override IommuDriver Driver => _driver;

    /// <inheritdoc/>
    public override CacheCounts Caches => Model?.Statistics is { } statistics
        ? new CacheCounts(
            statistics.IotlbHits,
            statistics.IotlbMisses,
            statistics.IotlbMisses - statistics.Level1Misses,
            statistics.EntriesRead)
        : default;

    /// <summary>Builds a machine.</summary>
    /// <param name="unit">Which unit it has.</param>
    /// <param name="settings">How it is to be, or null.</param>
    /// <param name="modelOptions">The unit's caches, or null.</param>
    /// <param name="driverOptions">The options of the driver; null for those that the settings say.</param>
    /// <param name="mode">By which tables the driver uses the unit, where the settings say its options.</param>
    /// <param name="hasDeviceTlbs">Whether the functions keep translations of their own.</param>
    /// <param name="devicesAskAgain">Whether they ask at once again for what they are told to drop.</param>
    /// <param name="pasids">How many PASIDs the functions have.</param>
    public static VtdMachine Create(
        VtdUnit unit,
        MachineSettings? settings = null,
        VtdModelOptions? modelOptions = null,
        VtdDriverOptions? driverOptions = null,
        VtdMode mode = VtdMode.Legacy,
        bool hasDeviceTlbs = false,
        bool devicesAskAgain = false,
        int pasids = 0)
    {
        ArgumentNullException.ThrowIfNull(unit);
        settings ??= new MachineSettings();
        VtdModel<SnoopedMemory>? model = null;
        PostedDoorbell? doorbell = null;
        return MachineParts.Build(
            settings,
            1ul << Math.Min(unit.HostAddressBits, MostMemoryLog2),
            isCoherent: unit.ExtendedCapability.IsCoherent,
            unit.PurposeOf,
            memory =>
            {
                ulong queues = settings.TablePoolStart + settings.TablePool;
                model = new VtdModel<SnoopedMemory>(unit, new SnoopedMemory(memory, queues, QueueBytes), modelOptions);
                if (settings.HasImmediateWrites)
                {
                    return model;
                }

                return doorbell = new PostedDoorbell(model, new HostStatusWords(memory.CpuView), VtdRegister.QueueTail, IsOfQueue);
            },
            parts => new VtdMachine(CreateDriver(
                unit,
                driverOptions ?? VtdTuning.OptionsFor(settings) with { Mode = mode },
                [.. Sources.Select(source => new VtdFunction(source, hasDeviceTlbs, pasids))],
                parts), parts, model, doorbell, devicesAskAgain),
            new QueueParts(QueueBytes, memory => new VtdQueueReader(memory), () => new SilentVtd()));
    }

    /// <summary>Translates an access of a PASID, as a device does it: through its own TLB if it has one.</summary>
    /// <exception cref="InvalidOperationException">There is no model.</exception>
    public Translation TranslatePasid(in DmaRequest request, int pasid)
    {
        var asked = new VtdRequest((ushort)request.Source, request.Iova, request.IsWrite ? VtdAccess.Write : VtdAccess.Read, pasid);
        return _ports?.Translate(asked) ?? Model?.Translate(asked).Range ?? throw new InvalidOperationException($"{Name} has no model here.");
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
        device is VtdDevice function ? (function.SourceId, function.SourceId) : null;

    private static bool IsOfQueue(uint offset) =>
        offset is VtdRegister.GlobalCommand or >= VtdRegister.QueueHead and < VtdRegister.CompletionStatus;

    private static VtdDriver CreateDriver(
        VtdUnit unit, VtdDriverOptions options, IReadOnlyList<VtdFunction> functions, MachineParts parts) => new(
        unit, parts.Registers, parts.Cache, parts.Allocator, functions, options, parts.Queues, parts.StatusWords);
}
