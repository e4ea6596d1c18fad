using System.Runtime.CompilerServices;
using IommuKit.Models.State;
using IommuKit.Specs.Memory;

namespace IommuKit.Models.Tegra;

/// <summary>
/// The page-table cache: copies of lines of table memory, by physical address. It does not snoop; a line stays as
/// it was until it is flushed or makes way.
/// </summary>
internal sealed class TegraPtc<TMemory>
    where TMemory : struct, IMemoryAccessor
{
    private const ulong Empty = ulong.MaxValue;
    private const int UsualLineSize = 64;

    private readonly TMemory _memory;
    private readonly int _lineSize;
    private readonly int _lineLog2;
    private readonly int _sets;
    private readonly int _ways;
    private readonly ulong[] _tags;
    private readonly byte[] _data;
    private readonly int[] _nextWay;

    // Counts flushes: a line that was read while one came does not stay.
    private long _flushes;
    private long _hits;
    private long _misses;

    public TegraPtc(TMemory memory, int lineSize, int sets, int ways)
    {
        _memory = memory;
        _lineSize = lineSize;
        _lineLog2 = int.Log2(lineSize);
        _sets = sets;
        _ways = ways;
        _tags = new ulong[sets * ways];
        _data = new byte[sets * ways * lineSize];
        _nextWay = new int[sets];
        FlushAll();
    }

    /// <summary>Whether lines are kept (CACHE_ENABLE).</summary>
    public bool IsEnabled { get; set; }

    /// <summary>The bits of the line number that choose the set (INDEX_MAP).</summary>
    public uint IndexMask { get; set; }

    public long Hits => _hits;

    public long Misses => _misses;

    /// <summary>Bytes of a line.</summary>
    public int LineSize => _lineSize;

    /// <summary>Finds the line around a physical address in the cache, or brings it there from memory that is at hand.</summary>
    /// <param name="physicalAddress">The address.</param>
    /// <param name="line">The line, until another one is read.</param>
    /// <returns>False, and nothing has changed, if memory has to be asked for it, which <see cref="ReadLine"/> does.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryLine(ulong physicalAddress, out ReadOnlySpan<byte> line)
    {
        line = default;
        if (!IsEnabled)
        {
            return false;
        }

        ulong start = physicalAddress & ~((ulong)_lineSize - 1);
        int set = SetOf(start);

        // Few: a loop takes less than the start of a search by vectors.
        int first = set * _ways;
        var tags = _tags.AsSpan(first, _ways);
        for (int way = 0; way < tags.Length; way++)
        {
            if (tags[way] == start)
            {
                _hits++;
                line = Data(first + way);
                return true;
            }
        }

        return TryFetch(set, start, out line);
    }

    /// <summary>Reads the line around a physical address.</summary>
    /// <param name="physicalAddress">The address.</param>
    /// <param name="buffer">Where the line goes that is not in the cache: memory may call back, and other lines be read meanwhile.</param>
    /// <returns>The line, until another one is read; empty if no memory answers.</returns>
    public ReadOnlySpan<byte> ReadLine(ulong physicalAddress, Span<byte> buffer)
    {
        if (TryLine(physicalAddress, out var there))
        {
            return there;
        }

        _misses++;
        ulong line = physicalAddress & ~((ulong)_lineSize - 1);
        bool isKept = IsEnabled;
        long flushes = _flushes;
        if (!_memory.TryRead(line, buffer))
        {
            return default;
        }

        if (isKept && flushes == _flushes)
        {
            buffer.CopyTo(Data(MakeRoom(SetOf(line), line)));
        }

        return buffer;
    }

    private bool TryFetch(int set, ulong start, out ReadOnlySpan<byte> line)
    {
        line = default;
        if (!_memory.TryGetSpan(start, _lineSize, isWrite: false, out var there) || there.Length < _lineSize || !IsEnabled)
        {
            return false;
        }

        // From here on nobody is called, who could flush what is read.
        _misses++;
        var kept = Data(MakeRoom(set, start));
        if (kept.Length == UsualLineSize)
        {
            // A length that the compiler knows is copied by two moves.
            there[..UsualLineSize].CopyTo(kept);
        }
        else
        {
            there[.._lineSize].CopyTo(kept);
        }

        line = kept;
        return true;
    }

    private int SetOf(ulong line) => (int)((uint)(line >> _lineLog2) & IndexMask) & (_sets - 1);

    /// <summary>Gives a line the place of the one that came into its set first.</summary>
    private int MakeRoom(int set, ulong line)
    {
        ref int next = ref _nextWay[set];
        int victim = (set * _ways) + next;
        next = next + 1 == _ways ? 0 : next + 1;
        _tags[victim] = line;
        return victim;
    }

    public void FlushAll()
    {
        _flushes++;
        Array.Fill(_tags, Empty);
    }

    public void FlushLine(ulong physicalAddress)
    {
        _flushes++;
        ulong line = physicalAddress & ~((ulong)_lineSize - 1);

        // Every set is searched: the index mask may have changed since the line came in.
        for (int i = 0; i < _tags.Length; i++)
        {
            if (_tags[i] == line)
            {
                _tags[i] = Empty;
            }
        }
    }

    /// <summary>As it is after power-on.</summary>
    public void Reset()
    {
        FlushAll();
        Array.Clear(_data);
        Array.Clear(_nextWay);
        _hits = 0;
        _misses = 0;
    }

    /// <summary>Saves or restores what it holds.</summary>
    public void Transfer(ref StateTransfer transfer)
    {
        _flushes++;
        transfer.Values(_tags);
        transfer.Values(_data);
        transfer.Values(_nextWay);
        transfer.Value(ref _hits);
        transfer.Value(ref _misses);
        StateTransfer.Check(!_nextWay.AsSpan().ContainsAnyExceptInRange(0, _ways - 1), "a set of the page-table cache has no such way");
    }

    private Span<byte> Data(int way) => _data.AsSpan(way * _lineSize, _lineSize);
}
