using System.Numerics;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu3;
using IommuKit.Sync;

namespace IommuKit.Drivers.Smmu3;

/// <summary>Drives an SMMUv3 (IHI 0070) through its registers, its queues and its tables in memory.</summary>
/// <remarks>
/// Devices that are in no domain reach nothing. All domains of a driver are of one stage and one granule. Thread-safe.
/// </remarks>
public sealed partial class Smmu3Driver : IommuDriver
{
    private const int VirtualBits = 48;
    private const int WideBits = 52;
    private const int WideGranuleLog2 = 16;

    private readonly IMmio _registers;
    private readonly ICpuCache _cache;
    private readonly PageAllocator _allocator;
    private readonly Smmu3DriverOptions _options;
    private readonly Smmu3Unit _unit;
    private readonly Smmu3Blocks _blocks;
    private readonly Smmu3CommandQueue _queue;
    private readonly Smmu3EventQueue _events;
    private readonly Smmu3StreamTable _streams;
    private readonly Smmu3Tables _tables;
    private readonly Smmu3Tags _tags;
    private readonly Smmu3RangeRules _ranges;
    private readonly int _granuleLog2;
    private readonly bool _isStage2;
    private readonly Smmu3StreamDevice[] _devices;
    private readonly Dictionary<uint, Smmu3StreamDevice> _deviceByStream = [];
    private readonly Dictionary<IommuDomain, Smmu3AddressSpace> _spaces = [];

    /// <summary>Reads what the SMMU is, and switches it on: from then on nothing passes but what a domain lets pass.</summary>
    /// <param name="registers">Its registers, both pages.</param>
    /// <param name="cache">The CPU's cache. Its barrier orders stores before what hardware is told next.</param>
    /// <param name="allocator">Memory for page tables.</param>
    /// <param name="streams">The devices behind it, at least one.</param>
    /// <param name="options">What can be tuned, or null.</param>
    /// <param name="name">The name by which users select it.</param>
    /// <param name="queues">Memory for queues, the stream table and context descriptors; null for that of page tables.</param>
    /// <exception cref="ArgumentException">The hardware cannot do what the options ask, or devices are described wrongly.</exception>
    /// <exception cref="IommuException">There is not enough memory (ENOMEM).</exception>
    /// <exception cref="TimeoutException">The hardware does not answer.</exception>
    public Smmu3Driver(
        IMmio registers,
        ICpuCache cache,
        PageAllocator allocator,
        IReadOnlyList<Smmu3Client> streams,
        Smmu3DriverOptions? options = null,
        string name = "smmuv3",
        PageAllocator? queues = null)
    {
        ArgumentNullException.ThrowIfNull(registers);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(name);
        _options = options ?? new Smmu3DriverOptions();
        Smmu3DriverOptions.Validate(_options);
        _interrupts = new InterruptWork(Drain);
        _registers = registers;
        _cache = cache;
        _allocator = allocator;
        _unit = ReadUnit(registers, name);
        CheckStreams(streams);
        _isStage2 = ChooseStage(_options);
        _granuleLog2 = ChooseGranule(_options);
        _tables = Smmu3Tables.Of(_isStage2, _granuleLog2);
        _tags = new Smmu3Tags((_isStage2 ? _unit.HasWideVmid : _unit.HasWideAsid) ? 16 : 8);
        _ranges = new Smmu3RangeRules(_options.UsesRanges && _unit.HasRangeInvalidation, _granuleLog2, _options.RangeEncoding);
        Traits = MakeTraits(name);
        queues ??= allocator;
        _blocks = new Smmu3Blocks(queues, cache, cleans: !_unit.IsCoherent);
        try
        {
            int log2 = Math.Min(_options.CommandQueueLog2, _unit.CommandQueueLog2);
            _queue = new Smmu3CommandQueue(registers, cache, queues.Memory, _blocks.Take(log2 + 4), log2, _unit, _options);
            log2 = Math.Min(_options.EventQueueLog2, _unit.EventQueueLog2);
            _events = new Smmu3EventQueue(registers, _blocks, _blocks.Take(log2 + 5), log2);
            _streams = new Smmu3StreamTable(_blocks, _unit, streams, _options);
            _devices = [.. streams.Select(MakeDevice)];
            SwitchOn();
        }
        catch
        {
            _blocks.Release();
            throw;
        }
    }

    /// <summary>What the SMMU says of itself.</summary>
    public Smmu3Unit Unit => _unit;

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDevice> Devices => _devices;

    /// <inheritdoc/>
    public override PagingDomain CreateDomain(DomainOptions? options = null)
    {
        options ??= new DomainOptions();
        options.Validate();
        ulong pageSizes = IommuDomain.ChoosePageSizes(Traits, options);

        // One range for all leaves of an operation has no level, where they may be of several.
        bool mixesLeaves = options.Policy is SyncPolicy.RangeFlush or SyncPolicy.SplitSync && BitOperations.PopCount(pageSizes) > 1;
        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            var space = new Smmu3AddressSpace(_queue, _isStage2, mixesLeaves, _ranges, _options.AddressSpaceThreshold);
            var domain = _tables.CreateDomain(this, options, _allocator, new Smmu3AddressSpace.Hardware(space, _queue), _cache);
            space.Shape = new Smmu3TableShape(domain.RootAddress, domain.RootLevel, _granuleLog2, Traits.InputBits, Traits.OutputBits);
            _spaces.Add(domain, space);
            return domain;
        }
    }

    private static Smmu3Unit ReadUnit(IMmio registers, string name)
    {
        var unit = new Smmu3Unit(
            name,
            registers.Read32(Smmu3Register.Idr0),
            registers.Read32(Smmu3Register.Idr1),
            registers.Read32(Smmu3Register.Idr3),
            registers.Read32(Smmu3Register.Idr5),
            registers.Read32(Smmu3Register.Iidr),
            registers.Read32(Smmu3Register.Aidr));
        string? reason = unit.WhyImpossible() ?? (unit.HasLittleEndianTables ? null : "Its tables are big-endian.");
        return reason is null ? unit : throw new ArgumentException($"{name} cannot be driven. {reason}", nameof(registers));
    }

    private static void CheckStreams(IReadOnlyList<Smmu3Client> streams)
    {
        if (streams.Count == 0
            || streams.Any(stream => stream is null || stream.Pasids is < 0 or > 1 << 20)
            || streams.DistinctBy(stream => stream.StreamId).Count() != streams.Count)
        {
            throw new ArgumentException("There must be devices, each with a StreamID of its own and at most 2^20 PASIDs.", nameof(streams));
        }
    }

    private Smmu3StreamDevice MakeDevice(Smmu3Client stream)
    {
        if (stream.Pasids != 0 && _isStage2)
        {
            throw new ArgumentException($"{stream.Name} has PASIDs, which take stage 1.", nameof(stream));
        }

        // What stage 2 can only stall cannot be asked for.
        bool hasDeviceTlb = stream.HasDeviceTlb && _unit.HasAts && !(_isStage2 && _unit.StallModel == 2);
        var contexts = _isStage2 ? null : new Smmu3ContextTable(_blocks, _queue, _unit, stream);
        var device = new Smmu3StreamDevice(this, stream, contexts, hasDeviceTlb);
        _deviceByStream.Add(stream.StreamId, device);
        return device;
    }

    private bool ChooseStage(Smmu3DriverOptions options)
    {
        bool isStage2 = options.Stage == Smmu3Stage.Stage2 || (options.Stage == Smmu3Stage.Any && !_unit.HasStage1);
        return (isStage2 ? _unit.HasStage2 : _unit.HasStage1)
            ? isStage2
            : throw new ArgumentException($"{_unit.Name} does not have {options.Stage}.", nameof(options));
    }

    private int ChooseGranule(Smmu3DriverOptions options)
    {
        int wanted = options.GranuleLog2;
        int smallest = _unit.HasGranule(12) ? 12 : _unit.HasGranule(14) ? 14 : 16;
        return wanted == 0 ? smallest
            : _unit.HasGranule(wanted) ? wanted
            : throw new ArgumentException($"{_unit.Name} does not have a granule of 2^{wanted} bytes.", nameof(options));
    }

    private IommuTraits MakeTraits(string name)
    {
        int outputBits = Math.Min(_unit.AddressBits, _granuleLog2 == WideGranuleLog2 ? WideBits : VirtualBits);
        ulong supported = _tables.PageSizes & (outputBits > VirtualBits ? ulong.MaxValue : (1ul << 42) - 1);
        int mostInput = _isStage2 ? Math.Min(_unit.AddressBits, VirtualBits) : VirtualBits;
        return new IommuTraits
        {
            Name = name,
            InputBits = _options.InputBits == 0 ? mostInput : Math.Min(_options.InputBits, mostInput),
            OutputBits = outputBits,
            PageSizes = supported & BlockSizes(_granuleLog2),
            SupportedPageSizes = supported,
            AddressSpaces = _tags.Count,
            Paging = new PagingTraits
            {
                Format = _tables.Format,
                Release = TableRelease.WhenCovered,
                Flush = new FlushTraits
                {
                    HasCoherentWalk = _unit.IsCoherent,
                    CachesInvalidEntries = false,
                    TlbGroup = 1 << _granuleLog2,
                    HasRangeFlush = _options.HasRangeFlush,
                },
            },
        };
    }

    /// <summary>Pages and blocks, without groups of them.</summary>
    private static ulong BlockSizes(int granuleLog2)
    {
        ulong sizes = 0;
        for (int log2 = granuleLog2; log2 < 64; log2 += granuleLog2 - 3)
        {
            sizes |= 1ul << log2;
        }

        return sizes;
    }
}
