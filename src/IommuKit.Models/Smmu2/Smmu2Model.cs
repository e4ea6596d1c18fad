using IommuKit.Models.Caches;
using IommuKit.Models.Dma;
using IommuKit.Models.Interrupts;
using IommuKit.Models.State;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <summary>
/// An SMMUv1 or SMMUv2 at the level of its registers, as software that is not secure sees it: stream matching, context banks of stage 1, stage 2 and
/// both, three formats of tables, invalidations that a sync completes, faults that end or stall, address translation by registers. Its caches hold
/// what they once read until they are told to drop it: what a driver forgets shows.
/// </summary>
/// <remarks>
/// <para>Everything that the SMMU reads may come from somebody hostile: whatever registers and tables hold, a call ends and does not throw. What the
/// memory or a listener throws, reaches the caller.</para>
/// <para>Thread-safe. A translation that the IOTLB answers takes no lock; walks take the model's. Memory that is a callback may call the model, but
/// must not wait for another thread that does.</para>
/// </remarks>
/// <typeparam name="TMemory">Accessor to system memory.</typeparam>
public sealed partial class Smmu2Model<TMemory> : IMmio, IIommuModel, IInvalidationSource, ISavable
    where TMemory : struct, IMemoryAccessor
{
    private readonly Lock _gate = new();
    private readonly TMemory _memory;
    private readonly Smmu2Unit _unit;
    private readonly Smmu2ModelOptions _options;
    private readonly Action _tell;

    private readonly HardwareCache _pages;
    private readonly HardwareCache _tables;
    private readonly HitCount _hits = new();
    private long _misses;
    private long _entriesRead;
    private long _stopped;
    private long _invalidations;

    // Counted so that a walk during which something was dropped does not fill a cache with what may have been dropped.
    private long _drops;

    /// <summary>Makes an SMMU in its state after reset: nothing is translated, caches are empty.</summary>
    /// <param name="unit">Which one.</param>
    /// <param name="memory">Memory as the SMMU sees it.</param>
    /// <param name="options">Its caches, or null.</param>
    /// <exception cref="ArgumentException">There is no such hardware.</exception>
    public Smmu2Model(Smmu2Unit unit, TMemory memory, Smmu2ModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(unit);
        options ??= new Smmu2ModelOptions();
        Smmu2ModelOptions.Validate(options);
        if (unit.WhyImpossible() is { } reason)
        {
            throw new ArgumentException(reason, nameof(unit));
        }

        _unit = unit;
        _options = options;
        _memory = memory;
        _tell = Tell;
        _pages = new HardwareCache(options.Iotlb);
        _tables = new HardwareCache(options.TableCache);
        _matches = new uint[unit.StreamCount];
        _contexts = new uint[unit.StreamCount];
        _banks = [.. Enumerable.Range(0, unit.BankCount).Select(_ => new Smmu2BankState())];
        _posted = new Smmu2Invalidation[options.PostedInvalidations];
        _lines = [.. Enumerable.Range(0, unit.BankCount + 1).Select(_ => new InterruptLine())];
        _listeners = [.. Enumerable.Range(0, unit.BankCount + 1).Select(MakeListener)];
        _routes = new Routes(unit.StreamCount);
        ResetRegisters();
    }

    /// <summary>Which SMMU it is.</summary>
    public Smmu2Unit Unit => _unit;

    /// <summary>
    /// Called with each change of an interrupt line, outside all locks of the model, on a thread whose access or transaction led to it; during an
    /// access of a device (see <see cref="Accesses"/>), when that has ended.
    /// </summary>
    public Action<Smmu2Interrupt>? InterruptChanged { get; set; }

    /// <summary>Called when a stall ends, outside all locks.</summary>
    public Action<Smmu2StallEnd>? StallEnded { get; set; }

    /// <inheritdoc/>
    public AccessGate Accesses { get; } = new();

    /// <summary>What the caches did since the start.</summary>
    public Smmu2Statistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return new Smmu2Statistics(_hits.Total, _misses, _entriesRead, _stopped, _invalidations);
            }
        }
    }

    /// <summary>Lets the caches forget everything, as they may at any time.</summary>
    public void Evict()
    {
        lock (_gate)
        {
            ClearCaches();
        }
    }

    /// <summary>
    /// Puts the SMMU in its state after reset: nothing is translated, registers as they come up, caches empty, stalled transactions gone. Statistics
    /// go on.
    /// </summary>
    public void Reset()
    {
        lock (_gate)
        {
            ResetAll();
        }

        TellEverything();
        Accesses.Drain();
        TellIfDue();
    }

    private void ClearCaches()
    {
        _drops++;
        _pages.Clear();
        _tables.Clear();
        _brokenSizes = 0;
    }
}
