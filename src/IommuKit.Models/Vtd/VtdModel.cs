using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Models.State;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <summary>
/// A VT-d remapping unit at the level of its registers: DMA and interrupt remapping, invalidation by queue and by register, faults, page requests.
/// Its caches hold what they once read until they are told to drop it: what a driver forgets shows.
/// </summary>
/// <remarks>
/// <para>Everything that the unit reads may come from somebody hostile: whatever registers, queues and tables hold, a call ends and does not
/// throw. What the memory or a listener throws, reaches the caller.</para>
/// <para>Thread-safe. A translation that the caches answer takes no lock; walks take the model's. Memory that is a callback may call the model,
/// but must not wait for another thread that does.</para>
/// </remarks>
/// <typeparam name="TMemory">Accessor to system memory.</typeparam>
public sealed partial class VtdModel<TMemory> : IMmio, IIommuModel, IInvalidationSource, ISavable
    where TMemory : struct, IMemoryAccessor
{
    private readonly Lock _gate = new();
    private readonly TMemory _memory;
    private readonly VtdUnit _unit;
    private readonly VtdModelOptions _options;
    private readonly VtdCapability _cap;
    private readonly VtdExtendedCapability _ecap;
    private readonly Action _tell;

    private readonly VtdCache _contexts;
    private readonly VtdCache _pasids;
    private readonly VtdCache _pages;
    private readonly VtdCache _pages2M;
    private readonly VtdCache _pages1G;
    private readonly VtdCache _interrupts;

    // By the level of the entry that points to the table: 1 to 4.
    private readonly VtdCache[] _tables;

    private readonly HitCount _hits = new();
    private long _misses;
    private readonly long[] _tableMisses = new long[5];
    private long _entriesRead;
    private long _structuresRead;
    private long _stopped;
    private long _descriptors;

    // Counted so that a walk during which something was dropped does not fill a cache with what may have been dropped.
    private long _drops;

    /// <summary>Makes a unit in its state after reset: remapping off, caches empty.</summary>
    /// <param name="unit">Which one.</param>
    /// <param name="memory">Memory as the unit sees it.</param>
    /// <param name="options">Its caches, or null.</param>
    /// <exception cref="ArgumentException">There is no such hardware.</exception>
    public VtdModel(VtdUnit unit, TMemory memory, VtdModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        options ??= new VtdModelOptions();
        VtdModelOptions.Validate(options);
        if (unit.HostAddressBits is < 32 or > 52)
        {
            throw new ArgumentOutOfRangeException(nameof(unit), unit.HostAddressBits, "Physical addresses have 32 to 52 bits.");
        }

        _unit = unit;
        _options = options;
        _cap = unit.Capability;
        _ecap = unit.ExtendedCapability;
        _memory = memory;
        _tell = TellMessages;
        _contexts = new VtdCache(options.ContextCache);
        _pasids = new VtdCache(options.PasidCache);
        _pages = new VtdCache(options.Iotlb);
        _pages2M = new VtdCache(options.LargeIotlb);
        _pages1G = new VtdCache(options.LargeIotlb);
        _interrupts = new VtdCache(options.InterruptCache);
        var upper = options.UpperTableCache;
        _tables = [new(new(1, 1)), new(options.TableCache), new(upper), new(upper), new(upper)];
        _records = new VtdFaultRecord[_cap.FaultRecords];
        ResetRegisters();
    }

    /// <summary>Which unit it is.</summary>
    public VtdUnit Unit => _unit;

    /// <summary>
    /// Called with each message that the unit sends to tell of an event: faults, completed waits, page requests. Outside all locks of the model,
    /// on a thread whose access or transaction led to it; during an access of a device (see <see cref="Accesses"/>), when that has ended.
    /// </summary>
    public Action<VtdMessage>? MessageSent { get; set; }

    /// <summary>
    /// What devices with TLBs do when they are told to drop translations; false if the device does not answer in time. Called outside all locks.
    /// Without it, every device answers.
    /// </summary>
    public Func<VtdDeviceTlbInvalidation, bool>? DeviceTlbInvalidated { get; set; }

    /// <summary>Called with each page group response, outside all locks.</summary>
    public Action<VtdPageGroupResponse>? PageGroupResponded { get; set; }

    /// <summary>
    /// Called when software flushes the write buffer, on units that have one (CAP.RWBF), outside all locks: stores of the CPU before it must be
    /// visible to the unit when it returns.
    /// </summary>
    public Action? WriteBufferFlushed { get; set; }

    /// <inheritdoc/>
    public AccessGate Accesses { get; } = new();

    /// <summary>What the caches did since the start.</summary>
    public VtdStatistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return new VtdStatistics(
                    _hits.Total, _misses, _tableMisses[1], _tableMisses[2], _tableMisses[3], _entriesRead, _structuresRead, _stopped, _descriptors);
            }
        }
    }

    /// <summary>Lets every cache forget everything, as it may at any time.</summary>
    public void Evict()
    {
        lock (_gate)
        {
            DropEverything();
        }
    }

    private void DropEverything()
    {
        _drops++;
        DropTranslations();
        DropContexts();
        _interrupts.Clear();
    }

    private void DropContexts()
    {
        _contexts.Clear();
        _pasids.Clear();
    }

    private void DropTranslations()
    {
        _pages.Clear();
        _pages2M.Clear();
        _pages1G.Clear();
        foreach (var tables in _tables)
        {
            tables.Clear();
        }

        _hasNested = false;
    }
}
