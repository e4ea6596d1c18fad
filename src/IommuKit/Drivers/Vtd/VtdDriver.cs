using System.Collections;
using System.Numerics;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>The driver of a VT-d remapping unit: legacy mode, domains on the second stage, invalidation by the queue.</summary>
/// <remarks>
/// An operation that invalidates puts its descriptors into the queue with one wait behind them, and waits for that outside all locks. Devices that
/// are in no domain are blocked. Device TLBs are not used: contexts block translation requests.
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
    private readonly VtdDevice[] _devices;
    private readonly Dictionary<ushort, VtdDevice> _deviceBySource = [];
    private readonly Dictionary<IommuDomain, VtdAddressSpace> _spaces = [];
    private readonly BitArray _domainIds;
    private readonly int _width;
    private readonly bool _isCoherent;

    /// <summary>Takes control of a unit and switches translation on. Every device is blocked.</summary>
    /// <param name="unit">What its registers and ACPI say.</param>
    /// <param name="registers">Its registers.</param>
    /// <param name="cache">The CPU's cache.</param>
    /// <param name="allocator">Where page tables, the root table and context tables come from.</param>
    /// <param name="sources">The source ids of the functions behind it: bus, device and function.</param>
    /// <param name="options">Tuning, or null.</param>
    /// <param name="queueMemory">Where the queue comes from, which hardware snoops on every unit; null for where page tables come from.</param>
    /// <param name="statusWords">How words that hardware stores are looked at; null for directly.</param>
    /// <exception cref="ArgumentException">The options are not possible, or the unit has no queue or no tables that this driver can use.</exception>
    /// <exception cref="IommuException">There is no memory (ENOMEM), or the unit does not answer (EIO).</exception>
    public VtdDriver(
        VtdUnit unit,
        IMmio registers,
        ICpuCache cache,
        PageAllocator allocator,
        IReadOnlyList<ushort> sources,
        VtdDriverOptions? options = null,
        PageAllocator? queueMemory = null,
        IStatusWords? statusWords = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ArgumentNullException.ThrowIfNull(registers);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentNullException.ThrowIfNull(sources);
        _options = options ?? new VtdDriverOptions();
        Validate(unit, _options);
        Unit = unit;
        _registers = registers;
        _allocator = allocator;
        _commands = new VtdGlobalCommands(registers);
        var capability = unit.Capability;
        bool snoops = unit.ExtendedCapability.IsCoherent;
        _isCoherent = snoops && !capability.NeedsWriteBufferFlush;
        _cache = capability.NeedsWriteBufferFlush ? new WriteBufferCache(cache, snoops, _commands) : cache;
        _width = BitOperations.Log2((uint)capability.SupportedWidths & 0xe);
        _blocksPerRange = _options.BlocksPerRange == 0 ? DefaultBlocks : _options.BlocksPerRange;
        _domainThreshold = _options.DomainThreshold == 0 ? ulong.MaxValue : (ulong)_options.DomainThreshold - 1;
        _largestBlock = capability.PageSelectiveInvalidation ? capability.MaxAddressMask : -1;
        _usesHint = _options.UsesHint && !capability.CachingMode;
        _interrupts = new InterruptWork(Drain);
        _domainIds = new BitArray(1 << capability.DomainIdBits);
        _domainIds[NoDomain] = true;
        _domainIds[Transit] = true;
        _devices = [.. sources.Select(source => new VtdDevice(this, source))];
        foreach (var device in _devices)
        {
            _deviceBySource.Add(device.SourceId, device);
        }

        ulong supported = VtdSecondStageFormat.PageSizes
            & ~((capability.SecondStage2M ? 0 : 1ul << 21) | (capability.SecondStage1G ? 0 : 1ul << 30));
        Traits = new IommuTraits
        {
            Name = unit.Name,
            InputBits = Math.Min(capability.MaxGuestWidth, WidthBits(_width)),
            OutputBits = unit.HostAddressBits,
            PageSizes = _options.UsesLargePages ? supported : 1ul << PageShift,
            SupportedPageSizes = supported,
            AddressSpaces = _domainIds.Length - FirstDomainId,
            Paging = new PagingTraits
            {
                Format = VtdSecondStageFormat.Name,
                Release = _options.Release,
                Flush = new FlushTraits
                {
                    HasCoherentWalk = _isCoherent,
                    CachesInvalidEntries = capability.CachingMode,
                    HasRangeFlush = _options.HasRangeFlush,
                },
            },
        };
        int statusLog2 = _options.QueueLog2 + 2;
        int ringLog2 = _options.QueueLog2 + 4;
        var memory = queueMemory ?? allocator;
        Queue = new VtdQueue(
            registers,
            _commands,
            memory.Memory,
            statusWords ?? new HostStatusWords(memory.Memory),
            Allocate(memory, ringLog2),
            Allocate(memory, statusLog2),
            _options.QueueLog2,
            isWide: false);
        _root = AllocateTable();
        SwitchOn();
    }

    /// <summary>What the unit's registers and ACPI say.</summary>
    public VtdUnit Unit { get; }

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDevice> Devices => _devices;

    internal VtdQueue Queue { get; }

    /// <summary>Whether all that an operation changed is invalidated as one range.</summary>
    internal bool MergesRanges => _options.MergesRanges;

    /// <inheritdoc/>
    public override PagingDomain CreateDomain(DomainOptions? options = null)
    {
        options ??= new DomainOptions();
        options.Validate();
        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            var space = new VtdAddressSpace();
            var domain = new PagingDomain<VtdSecondStageFormat, VtdAddressSpace.Hardware, VtdBatch>(
                this, options, _allocator, new VtdAddressSpace.Hardware(space, this), _cache);
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
        FreeStructures();
    }

    private static int WidthBits(int encoded) => 30 + (9 * encoded);

    private static void Validate(VtdUnit unit, VtdDriverOptions options)
    {
        if (!unit.ExtendedCapability.QueuedInvalidation || (unit.Capability.SupportedWidths & 0xe) == 0)
        {
            throw new ArgumentException($"{unit.Name} has no invalidation queue, or no second stage of three to five levels.", nameof(unit));
        }

        if (options.BlocksPerRange < 0 || options.DomainThreshold < 0 || options.QueueLog2 is < MinQueueLog2 or > MaxQueueLog2)
        {
            throw new ArgumentException(
                $"BlocksPerRange {options.BlocksPerRange}, DomainThreshold {options.DomainThreshold} and QueueLog2 {options.QueueLog2} are not "
                + $"possible: numbers are not negative, and a queue has 2^{MinQueueLog2} to 2^{MaxQueueLog2} descriptors.",
                nameof(options));
        }

        if (!Enum.IsDefined(options.Release))
        {
            throw new ArgumentException($"There is no release rule {options.Release}.", nameof(options));
        }
    }

    private void SwitchOn()
    {
        // The one that had the unit before is done with it.
        _commands.TakeOver();
        foreach (uint bit in (ReadOnlySpan<uint>)[VtdRegister.GlobalBits.TranslationEnable, VtdRegister.GlobalBits.QueuedInvalidationEnable])
        {
            if (_commands.IsOn(bit))
            {
                _commands.Clear(bit);
            }
        }

        ClearFaults();
        Clean(_root, 1ul << PageShift);
        _cache.Barrier();
        Queue.Enable();
        _registers.Write64(VtdRegister.RootTable, _root);
        _commands.Set(VtdRegister.GlobalBits.SetRootTable);
        Queue.Do(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Global));
        Queue.Do(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Global));
        _commands.Set(VtdRegister.GlobalBits.TranslationEnable);
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
