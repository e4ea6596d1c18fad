using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Models.State;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <summary>
/// An SMMUv3 at the level of its registers, non-secure: stream tables, both stages, queues, faults that end or stall, ATS and page requests, address
/// translation by registers. Its caches hold what they once read until they are told to drop it: what a driver forgets shows.
/// </summary>
/// <remarks>
/// <para>Everything that the SMMU reads may come from somebody hostile: whatever registers, queues and tables hold, a call ends and does not throw.
/// What the memory or a listener throws, reaches the caller.</para>
/// <para>Thread-safe. A translation that the caches answer takes no lock; walks take the model's. Memory that is a callback may call the model, but
/// must not wait for another thread that does.</para>
/// </remarks>
/// <typeparam name="TMemory">
/// Accessor to system memory. Access flags and dirty state are set by its <see cref="IMemoryAccessor.TryCompareExchange"/>.
/// </typeparam>
public sealed partial class Smmu3Model<TMemory> : IMmio, IIommuModel, IInvalidationSource, ISavable
    where TMemory : struct, IMemoryAccessor
{

    private readonly Lock _gate = new();
    private readonly TMemory _memory;
    private readonly Smmu3Unit _unit;
    private readonly Smmu3ModelOptions _options;
    private readonly Action _tell;

    private readonly HardwareCache _streams;
    private readonly HardwareCache _streamTables;
    private readonly HardwareCache _contexts;
    private readonly HardwareCache _contextTables;
    private readonly HardwareCache _pages;

    // What a hit needs of the entry and the descriptor of a stream, together: see Smmu3Model.Hit.
    private readonly HardwareCache _shortcuts = new(new CacheGeometry(64, 2));
    private readonly HardwareCache _tables;

    private readonly HitCount _hits = new();
    private long _misses;
    private long _entriesRead;
    private long _structuresRead;
    private long _stopped;
    private long _commands;
    private long _lostEvents;

    // Counted so that a walk during which something was dropped does not fill a cache with what may have been dropped.
    private long _drops;

    /// <summary>Makes an SMMU in its state after reset: disabled, caches empty.</summary>
    /// <param name="unit">Which one.</param>
    /// <param name="memory">Memory as the SMMU sees it.</param>
    /// <param name="options">Its caches, or null.</param>
    /// <exception cref="ArgumentException">There is no such hardware.</exception>
    public Smmu3Model(Smmu3Unit unit, TMemory memory, Smmu3ModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        options ??= new Smmu3ModelOptions();
        if (options.Impossible() is { } geometry)
        {
            throw new ArgumentException(
                $"A cache cannot have {geometry.Sets} sets of {geometry.Ways} ways: sets are a power of two, and there are at most "
                + $"{CacheGeometry.MaxEntries} entries.",
                nameof(options));
        }

        if (unit.WhyImpossible() is { } reason)
        {
            throw new ArgumentException(reason, nameof(unit));
        }

        _unit = unit;
        _options = options;
        _memory = memory;
        _tell = Tell;
        _streams = new HardwareCache(options.StreamCache);
        _streamTables = new HardwareCache(options.StreamTableCache);
        _contexts = new HardwareCache(options.ContextCache);
        _contextTables = new HardwareCache(options.ContextTableCache);
        _pages = new HardwareCache(options.Iotlb);
        _tables = new HardwareCache(options.TableCache);
        _stalls = new Stall[Math.Min(unit.MostStalls, MostStalls)];
        ResetRegisters();
    }

    /// <summary>Which SMMU it is.</summary>
    public Smmu3Unit Unit => _unit;

    /// <summary>
    /// Called with each edge of a wired interrupt, outside all locks of the model, on a thread whose access or transaction led to it; during an
    /// access of a device (see <see cref="Accesses"/>), when that has ended.
    /// </summary>
    public Action<Smmu3Interrupt>? InterruptRaised { get; set; }

    /// <summary>
    /// Called with each message of the SMMU that no memory answers for: false if nothing else does either, which is an error in GERROR. In memory, a
    /// message is a store. Called as <see cref="InterruptRaised"/> is.
    /// </summary>
    public Func<Smmu3Message, bool>? MessageSent { get; set; }

    /// <summary>
    /// What devices with TLBs do when they are told to drop translations; false if the device does not answer in time. Called outside all locks.
    /// Without it, every device answers.
    /// </summary>
    public Func<Smmu3DeviceTlbInvalidation, bool>? DeviceTlbInvalidated { get; set; }

    /// <summary>Called with each answer to page requests, outside all locks.</summary>
    public Action<Smmu3PageResponse>? PageResponded { get; set; }

    /// <summary>Called when a stall ends, outside all locks.</summary>
    public Action<Smmu3StallEnd>? StallEnded { get; set; }

    /// <inheritdoc/>
    public AccessGate Accesses { get; } = new();

    /// <summary>What the caches did since the start.</summary>
    public Smmu3Statistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return new Smmu3Statistics(_hits.Total, _misses, _entriesRead, _structuresRead, _stopped, _commands, _lostEvents);
            }
        }
    }

    /// <summary>Lets every cache forget everything, as it may at any time.</summary>
    public void Evict()
    {
        lock (_gate)
        {
            ClearCaches();
        }
    }

    /// <summary>
    /// Puts the SMMU in its state after reset: disabled, registers as they come up, caches empty, stalled transactions gone. Statistics go on.
    /// </summary>
    public void Reset()
    {
        lock (_gate)
        {
            ResetAll();
        }

        TellEverything();
        Accesses.Drain();
    }

    private void ClearCaches()
    {
        _drops++;
        _streams.Clear();
        _streamTables.Clear();
        _contexts.Clear();
        _contextTables.Clear();
        _shortcuts.Clear();
        _pages.Clear();
        _tables.Clear();
        _brokenSizes = 0;
    }
}
