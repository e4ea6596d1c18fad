using IommuKit.Models.Dma;
using IommuKit.Models.Interrupts;
using IommuKit.Models.State;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tegra;

/// <summary>
/// The SMMU in the memory controller of a Tegra, at the level of its registers. Its caches hold what they once read until they are told
/// to drop it, and register writes take effect late: what a driver forgets shows.
/// </summary>
/// <remarks>
/// Not modelled, for want of public facts: which transactions the security registers, the hot resets and the client configuration
/// affect; these registers only hold their values. Thread-safe.
/// </remarks>
/// <typeparam name="TMemory">Accessor to system memory.</typeparam>
public sealed partial class TegraSmmuModel<TMemory> : IMmio, IIommuModel, IInvalidationSource, ISavable
    where TMemory : struct, IMemoryAccessor
{
    private readonly Lock _gate = new();
    private readonly TegraSoc _soc;
    private readonly TegraModelOptions _options;
    private readonly TegraPtc<TMemory> _ptc;
    private readonly TegraTlb _tlb;
    private readonly PostedWrites _posted;
    private readonly int _groupShift;

    // Registers that only hold a value, by offset / 4, what firmware has put there, and which of their bits can be written.
    private readonly uint[] _values = new uint[TegraMc.Size / sizeof(uint)];
    private readonly uint[] _firmware = new uint[TegraMc.Size / sizeof(uint)];
    private readonly uint[] _writable = new uint[TegraMc.Size / sizeof(uint)];

    // By client id; null for those that are never translated.
    private readonly ClientRoute?[] _routes;
    private readonly uint[] _roots;
    private uint _intStatus;
    private uint _intMask;
    private TegraFaultStatus _errStatus;
    private uint _errAddress;
    private uint _smmuConfig;
    private uint _tlbConfig;
    private uint _ptcConfig;
    private uint _selectedAsid;
    private uint _ptcFlushHigh;
    private readonly InterruptLine _line = new();

    // Register writes that took effect, and how many of them no access under way can be from before.
    private long _effects;
    private long _drained;

    // Counts changes of what a hit is read from: registers and the TLB.
    private ChangeCount _changes;

    private readonly Action _tell;

    /// <summary>Makes an SMMU in its state after reset: switched off, caches empty.</summary>
    /// <param name="soc">Which one.</param>
    /// <param name="memory">Memory as the walker sees it.</param>
    /// <param name="options">What is not known for sure, or null.</param>
    public TegraSmmuModel(TegraSoc soc, TMemory memory, TegraModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(soc);
        _soc = soc;
        _tell = () => _line.Tell(Interrupt);
        _options = options ?? new TegraModelOptions();
        TegraModelOptions.Validate(_options);
        int group = _options.TlbGroupBytes == 0 ? soc.TlbGroupBytes : _options.TlbGroupBytes;
        if (group is not (16 << 10 or 32 << 10 or 64 << 10))
        {
            throw new ArgumentException($"A TLB line covers 16, 32 or 64 KiB, not {group} bytes.", nameof(options));
        }

        _groupShift = int.Log2(group);
        _ptc = new TegraPtc<TMemory>(memory, soc.AtomBytes, _options.PtcSets, _options.PtcWays);
        _tlb = new TegraTlb(soc.TlbLines, _groupShift, TegraEntry.PageShift, _options.TlbReplacement);
        _posted = new PostedWrites(_options.PostedWrites);
        _roots = new uint[soc.AsidCount];
        _routes = new ClientRoute?[soc.Clients.Max(client => client.Id) + 1];
        AddHoldingRegisters();
        ResetRegisters();
    }

    /// <summary>
    /// Called with the level of the interrupt line for each of its changes, in order and one at a time; outside all locks of the model, on a thread
    /// whose access or transaction changed it; during an access of a device (see <see cref="Accesses"/>), when that has ended. A change that comes before the call for the one before it has
    /// returned waits for that, so the last level that was told is the level of the line.
    /// </summary>
    public Action<bool>? Interrupt { get; set; }

    /// <summary>The level of the interrupt line now, for one who listens late or wants to look again.</summary>
    public bool IsInterruptRaised => _line.IsRaised;

    /// <inheritdoc/>
    public AccessGate Accesses { get; } = new();

    /// <summary>What the caches did since the start.</summary>
    public TegraStatistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return new TegraStatistics(_tlbHits.Total, _tlbMisses, _ptc.Hits, _ptc.Misses, _faults);
            }
        }
    }

    /// <summary>
    /// Reads a register. Every write before has taken effect when it returns, and accesses of devices that were translated before these effects have
    /// ended (see <see cref="AccessGate"/>).
    /// </summary>
    public uint Read32(uint offset)
    {
        uint value;
        long effects;
        lock (_gate)
        {
            // What was posted may have acknowledged an interrupt, or unmasked one.
            Settle();
            value = ReadRegister(offset);
            effects = _effects;
            UpdateInterrupt();
        }

        if (Volatile.Read(ref _drained) < effects)
        {
            Accesses.Drain();
            NoteDrained(effects);
        }

        Accesses.WhenEnded(_tell);
        return value;
    }

    /// <inheritdoc/>
    public void Write32(uint offset, uint value)
    {
        InvalidationNotice? notice;
        lock (_gate)
        {
            if (_options.PostedWrites == 0 || _invalidated is not null)
            {
                WriteRegister(offset, value);
            }
            else
            {
                if (_posted.IsFull)
                {
                    var (oldOffset, oldValue) = _posted.Take();
                    WriteRegister(oldOffset, oldValue);
                }

                _posted.Add(offset, value);
            }

            notice = TakeNotice();
            UpdateInterrupt();
        }

        Tell(notice);
        Accesses.WhenEnded(_tell);
    }

    /// <summary>Makes every posted write take effect, as may happen at any time.</summary>
    public void SettleWrites()
    {
        lock (_gate)
        {
            Settle();
            UpdateInterrupt();
        }

        Accesses.WhenEnded(_tell);
    }

    /// <summary>Lets the TLB forget everything, as it may at any time. What is posted stays so, and the page-table cache as it is.</summary>
    public void EvictTranslations()
    {
        lock (_gate)
        {
            _changes.Begin();
            _tlb.FlushAll();
            _changes.End();
        }
    }

    /// <summary>Lets the page-table cache forget the line around a physical address, as it may at any time.</summary>
    public void EvictTableLine(ulong physicalAddress)
    {
        lock (_gate)
        {
            _ptc.FlushLine(physicalAddress);
        }
    }

    private void NoteDrained(long effects)
    {
        long drained = Volatile.Read(ref _drained);
        while (drained < effects)
        {
            long seen = Interlocked.CompareExchange(ref _drained, effects, drained);
            if (seen == drained)
            {
                break;
            }

            drained = seen;
        }
    }

    private void Settle()
    {
        while (_posted.Count != 0)
        {
            var (offset, value) = _posted.Take();
            WriteRegister(offset, value);
        }
    }

    private void UpdateInterrupt() => _line.Set((_intStatus & _intMask) != 0);
}
