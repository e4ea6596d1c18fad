using System.Collections;
using System.Numerics;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>The driver of a VT-d remapping unit: legacy or scalable mode, domains on the second or the first stage, invalidation by the queue.</summary>
/// <remarks>
/// An operation that invalidates puts its descriptors into the queue with one wait behind them, and waits for that outside all locks. Devices that
/// are in no domain are blocked.
/// </remarks>
public sealed partial class VtdDriver : IommuDriver
{
    private const int PageShift = 12;
    private const int MinQueueLog2 = 8;
    private const int MaxQueueLog2 = 15;

    private readonly IMmio _registers;
    private readonly ICpuCache _cache;
    private readonly PageAllocator _allocator;
    private readonly VtdDriverOptions _options;
    private readonly VtdGlobalCommands _commands;
    private readonly VtdStructures _structures;
    private readonly IVtdRoutes _routes;
    private readonly VtdDevice[] _devices;
    private readonly Dictionary<ushort, VtdDevice> _deviceBySource = [];
    private readonly Dictionary<IommuDomain, VtdAddressSpace> _spaces = [];
    private readonly BitArray _domainIds;

    /// <summary>Takes control of a unit and switches translation on. Every device is blocked.</summary>
    /// <param name="unit">What its registers and ACPI say.</param>
    /// <param name="registers">Its registers.</param>
    /// <param name="cache">The CPU's cache.</param>
    /// <param name="allocator">Where page tables, the root table and context tables come from.</param>
    /// <param name="functions">The functions behind it.</param>
    /// <param name="options">Tuning, or null.</param>
    /// <param name="queueMemory">Where the queue comes from, which hardware snoops on every unit; null for where page tables come from.</param>
    /// <param name="statusWords">How words that hardware stores are looked at; null for directly.</param>
    /// <exception cref="ArgumentException">The options are not possible, or the unit has no queue or no tables that this driver can use.</exception>
    /// <exception cref="IommuException">There is no memory (ENOMEM), or the unit does not answer (EIO).</exception>
    /// <exception cref="TimeoutException">The unit does not take descriptors from the queue.</exception>
    public VtdDriver(
        VtdUnit unit,
        IMmio registers,
        ICpuCache cache,
        PageAllocator allocator,
        IReadOnlyList<VtdFunction> functions,
        VtdDriverOptions? options = null,
        PageAllocator? queueMemory = null,
        IStatusWords? statusWords = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(registers);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentNullException.ThrowIfNull(functions);
        _options = options ?? new VtdDriverOptions();
        Validate(unit, _options);
        Unit = unit;
        _registers = registers;
        _allocator = allocator;
        _commands = new VtdGlobalCommands(registers);
        var capability = unit.Capability;
        bool snoops = unit.ExtendedCapability.IsCoherent && (_options.Mode == VtdMode.Legacy || unit.ExtendedCapability.ScalableWalkSnoops);
        bool isCoherent = snoops && !capability.NeedsWriteBufferFlush;
        _cache = capability.NeedsWriteBufferFlush ? new WriteBufferCache(cache, snoops, _commands) : cache;
        _structures = new VtdStructures(allocator, _cache, isCoherent);
        int width = BitOperations.Log2((uint)capability.SupportedWidths & 0xe);
        _interrupts = new InterruptWork(Drain);
        _domainIds = new BitArray(1 << capability.DomainIdBits);
        _domainIds[NoDomain] = true;
        _domainIds[Transit] = true;
        _devices = [.. functions.Select(MakeDevice)];
        foreach (var device in _devices)
        {
            _deviceBySource.Add(device.SourceId, device);
        }

        Traits = MakeTraits(unit, _options, WidthBits(width), isCoherent, _domainIds.Length - FirstDomainId);
        bool isWide = _options.Mode != VtdMode.Legacy;
        var memory = queueMemory ?? allocator;
        Queue = new VtdQueue(
            registers,
            _commands,
            memory.Memory,
            statusWords ?? new HostStatusWords(memory.Memory),
            VtdStructures.Allocate(memory, _options.QueueLog2 + (isWide ? 5 : 4)),
            VtdStructures.Allocate(memory, _options.QueueLog2 + 2),
            _options.QueueLog2,
            isWide,
            _options.Patience);
        Invalidator = new VtdInvalidator(unit, _options, Queue);
        _routes = isWide
            ? new VtdPasids(unit, _structures, Invalidator, _options.Mode, width)
            : new VtdContexts(unit, _structures, Invalidator, width);
        SwitchOn();
    }

    /// <summary>What the unit's registers and ACPI say.</summary>
    public VtdUnit Unit { get; }

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDevice> Devices => _devices;

    internal VtdQueue Queue { get; }

    internal VtdInvalidator Invalidator { get; }

    /// <inheritdoc/>
    public override PagingDomain CreateDomain(DomainOptions? options = null)
    {
        options ??= new DomainOptions();
        options.Validate();
        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            var space = new VtdAddressSpace();
            ulong pageSizes = options.PageSizes == 0 ? Traits.PageSizes : options.PageSizes;
            var merging = new VtdMerging(_options.MergesRanges, _options.BeginsAnew ? pageSizes : 0);
            var hardware = new VtdAddressSpace.Hardware(space, Invalidator, Queue, merging);
            PagingDomain domain = _options.Mode == VtdMode.FirstStage
                ? new PagingDomain<X86Format, VtdAddressSpace.Hardware, VtdBatch>(this, options, _allocator, hardware, _cache)
                : new PagingDomain<VtdSecondStageFormat, VtdAddressSpace.Hardware, VtdBatch>(this, options, _allocator, hardware, _cache);
            _spaces.Add(domain, space);
            return domain;
        }
    }

    /// <inheritdoc/>
    protected internal override void Forget(IommuDomain domain) => _spaces.Remove(domain);

    /// <inheritdoc/>
    protected override void SwitchOff()
    {
        _registers.Write32(VtdRegister.FaultEvent, VtdRegister.EventBits.Mask);
        _commands.Clear(VtdRegister.GlobalBits.TranslationEnable);
        _commands.Clear(VtdRegister.GlobalBits.QueuedInvalidationEnable);
        _routes.Free();
    }

    private static int WidthBits(int encoded) => 30 + (9 * encoded);

    private static IommuTraits MakeTraits(VtdUnit unit, VtdDriverOptions options, int widthBits, bool isCoherent, int addressSpaces)
    {
        var capability = unit.Capability;
        bool isFirstStage = options.Mode == VtdMode.FirstStage;
        ulong supported = isFirstStage
            ? X86Format.PageSizes & ~(capability.FirstStage1G ? 0 : 1ul << 30)
            : VtdSecondStageFormat.PageSizes
                & ~((capability.SecondStage2M ? 0 : 1ul << 21) | (capability.SecondStage1G ? 0 : 1ul << 30));
        return new IommuTraits
        {
            Name = unit.Name,
            InputBits = isFirstStage ? capability.FirstStage5Levels ? 57 : 48 : Math.Min(capability.MaxGuestWidth, widthBits),
            OutputBits = unit.HostAddressBits,
            PageSizes = options.UsesLargePages ? supported : 1ul << PageShift,
            SupportedPageSizes = supported,
            AddressSpaces = addressSpaces,
            Paging = new PagingTraits
            {
                Format = isFirstStage ? X86Format.Name : VtdSecondStageFormat.Name,
                Release = options.Release,
                Flush = new FlushTraits
                {
                    HasCoherentWalk = isCoherent,

                    // What is not present of a first stage is never remembered, whatever CAP.CM says.
                    CachesInvalidEntries = capability.CachingMode && !isFirstStage,
                    HasRangeFlush = options.HasRangeFlush,
                    PagesDropInvalidEntries = true,
                },
            },
        };
    }

    private VtdDevice MakeDevice(VtdFunction function)
    {
        var extended = Unit.ExtendedCapability;
        bool mayHavePasids = _options.Mode != VtdMode.Legacy && extended.Pasid;
        if (function.Pasids < 0 || (mayHavePasids && function.Pasids > 1 << extended.PasidBits))
        {
            throw new ArgumentException(
                $"{VtdDevice.NameOf(function.SourceId)} cannot have {function.Pasids} PASIDs: {Unit.Name} has {extended.PasidBits} bits for them.",
                nameof(function));
        }

        return new VtdDevice(this, function.SourceId, function.HasDeviceTlb && extended.DeviceTlb, mayHavePasids ? function.Pasids : 0);
    }

    private static void Validate(VtdUnit unit, VtdDriverOptions options)
    {
        var extended = unit.ExtendedCapability;
        if (!Enum.IsDefined(options.Mode))
        {
            throw new ArgumentException($"There is no mode {options.Mode}.", nameof(options));
        }

        bool hasStage = options.Mode switch
        {
            VtdMode.Legacy => true,
            VtdMode.SecondStage => extended is { ScalableMode: true, SecondStage: true },
            _ => extended is { ScalableMode: true, FirstStage: true },
        };
        if (!hasStage)
        {
            throw new ArgumentException($"{unit.Name} has no {options.Mode} in scalable mode.", nameof(options));
        }

        bool needsWidth = options.Mode != VtdMode.FirstStage;
        if (!extended.QueuedInvalidation || (needsWidth && (unit.Capability.SupportedWidths & 0xe) == 0))
        {
            throw new ArgumentException($"{unit.Name} has no invalidation queue, or no second stage of three to five levels.", nameof(unit));
        }

        if (options.BlocksPerRange < 0 || options.DomainThreshold < 0 || options.QueueLog2 is < MinQueueLog2 or > MaxQueueLog2
            || options.Patience <= TimeSpan.Zero)
        {
            throw new ArgumentException(
                $"BlocksPerRange {options.BlocksPerRange}, DomainThreshold {options.DomainThreshold}, QueueLog2 {options.QueueLog2} and Patience "
                + $"{options.Patience} are not possible: numbers are not negative, patience is more than 0, and a queue has 2^{MinQueueLog2} to 2^{MaxQueueLog2} descriptors.",
                nameof(options));
        }

        if (!Enum.IsDefined(options.Release))
        {
            throw new ArgumentException($"There is no release rule {options.Release}.", nameof(options));
        }
    }

    private void SwitchOn()
    {
        // Whoever had the unit before is done with it, but devices may not be: as long as translation is on, nothing passes untranslated. A new root may be
        // set meanwhile (VT-d specification, SRTP of GCMD), unless its tables are of another mode.
        _commands.TakeOver();
        bool isOtherMode = ((_registers.Read64(VtdRegister.RootTable) ^ _routes.Register) & (3ul << VtdRegister.TableModeShift)) != 0;
        if (isOtherMode && _commands.IsOn(VtdRegister.GlobalBits.TranslationEnable))
        {
            _commands.Clear(VtdRegister.GlobalBits.TranslationEnable);
        }

        if (_commands.IsOn(VtdRegister.GlobalBits.QueuedInvalidationEnable))
        {
            _commands.Clear(VtdRegister.GlobalBits.QueuedInvalidationEnable);
        }

        ClearFaults();
        Queue.Enable();
        _registers.Write64(VtdRegister.RootTable, _routes.Register);
        _commands.Set(VtdRegister.GlobalBits.SetRootTable);
        Invalidator.DropContexts();
        if (_options.Mode != VtdMode.Legacy)
        {
            Invalidator.DropPasids();
        }

        Invalidator.DropTranslations();
        if (!_commands.IsOn(VtdRegister.GlobalBits.TranslationEnable))
        {
            _commands.Set(VtdRegister.GlobalBits.TranslationEnable);
        }

        if (Unit.Capability.HasProtectedLowMemory || Unit.Capability.HasProtectedHighMemory)
        {
            // It was there until translation protects everything.
            _registers.Write32(VtdRegister.ProtectedMemoryEnable, 0);
        }

        _registers.Write32(VtdRegister.FaultEvent + VtdRegister.EventData, FaultMessageData);
        _registers.Write32(VtdRegister.FaultEvent + VtdRegister.EventAddress, FaultMessageAddress);
        _registers.Write32(VtdRegister.FaultEvent + VtdRegister.EventUpperAddress, 0);
        _registers.Write32(VtdRegister.FaultEvent, 0);
    }
}
