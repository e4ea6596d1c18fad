using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Models.State;

namespace IommuKit.Models.Tegra;

/// <summary>
/// The TLB: lines tagged by address space and group of pages, each with the frame and the rights of every page in the group, as they
/// were when the line was filled. Pages without any right are held like the others.
/// </summary>
/// <remarks>
/// Any line may hold any group, as in hardware, which compares all at once: here buckets say which lines may hold one, and a list which line makes way
/// next, so that neither looks at all of them.
/// </remarks>
internal sealed class TegraTlb
{
    // ACTIVE_LINES has six bits.
    private const int MostLines = 64;
    private const int Empty = -1;

    private readonly int[] _asids;
    private readonly uint[] _groups;
    private readonly long[] _stamps;
    private readonly uint[] _words;

    // The first line of each bucket, and the next one after each line, of a higher number; the number of lines for none. One who holds no lock may
    // see them in the middle of a change.
    private readonly int[] _heads;
    private readonly int[] _nexts;
    private readonly int _bucketShift;
    private readonly LineAges _ages;
    private readonly CacheReplacement _replacement;
    private readonly int _groupShift;
    private readonly int _pagesLog2;

    // Lines that hold nothing, one bit each.
    private ulong _empty;
    private long _clock;

    public TegraTlb(int lines, int groupShift, int pageShift, CacheReplacement replacement)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lines, MostLines);
        _groupShift = groupShift;
        _pagesLog2 = groupShift - pageShift;
        _replacement = replacement;
        _asids = new int[lines];
        _groups = new uint[lines];
        _stamps = new long[lines];
        _words = new uint[lines << _pagesLog2];
        int bucketsLog2 = BitOperations.Log2((uint)lines) + 2;
        _bucketShift = 32 - bucketsLog2;
        _heads = new int[1 << bucketsLog2];
        _nexts = new int[lines];
        _ages = new LineAges(lines);
        FlushAll();
    }

    /// <summary>Lines in use (ACTIVE_LINES); 0 switches the TLB off, as more lines than there are do.</summary>
    public int ActiveLines { get; set; }

    /// <summary>Lines that exist.</summary>
    public int Lines => _asids.Length;

    /// <summary>Pages in a line.</summary>
    public int PagesPerLine => 1 << _pagesLog2;

    /// <summary>Looks for the line around an address.</summary>
    /// <returns>One word for each page of the group, or empty.</returns>
    public ReadOnlySpan<uint> Find(int asid, uint iova)
    {
        int line = LineOf(asid, iova);
        if (line < 0)
        {
            return default;
        }

        if (!MayPeek)
        {
            MakeNewest(line);
        }

        return Words(line);
    }

    /// <summary>Whether a look for a line changes nothing: what was used last does not matter.</summary>
    public bool MayPeek => _replacement != CacheReplacement.LeastRecentlyUsed;

    /// <summary>
    /// Looks for the word of a page where it may (<see cref="MayPeek"/>). Another thread may change the TLB meanwhile: then what is found is of no
    /// meaning.
    /// </summary>
    public bool TryPeek(int asid, uint iova, out uint word)
    {
        word = 0;
        if (LineOf(asid, iova) is not (>= 0 and int line))
        {
            return false;
        }

        word = _words[(line << _pagesLog2) + ((int)(iova >> (_groupShift - _pagesLog2)) & (PagesPerLine - 1))];
        return true;
    }

    /// <summary>Makes room for the line around an address: the first that is empty, or else the oldest.</summary>
    /// <returns>Where its words go; empty if the TLB is off.</returns>
    public Span<uint> Add(int asid, uint iova)
    {
        if (ActiveLines == 0)
        {
            return default;
        }

        int victim = BitOperations.TrailingZeroCount(_empty);
        if (victim >= ActiveLines)
        {
            victim = _ages.Oldest(ActiveLines);
            Drop(victim);
        }

        _asids[victim] = asid;
        _groups[victim] = iova >> _groupShift;
        Link(victim);
        MakeNewest(victim);
        return Words(victim);
    }

    /// <summary>Flushes until now.</summary>
    public long Flushes { get; private set; }

    public void FlushAll()
    {
        Flushes++;
        Array.Fill(_asids, Empty);
        LinkAll();
    }

    /// <summary>As it is after power-on.</summary>
    public void Reset()
    {
        FlushAll();
        Array.Clear(_groups);
        Array.Clear(_stamps);
        Array.Clear(_words);
        _clock = 0;
        _ages.SortBy(_stamps);
    }

    /// <summary>Saves or restores what it holds.</summary>
    public void Transfer(ref StateTransfer transfer)
    {
        Flushes++;
        transfer.Values(_asids);
        transfer.Values(_groups);
        transfer.Values(_stamps);
        transfer.Values(_words);
        transfer.Value(ref _clock);
        if (transfer.IsRestoring)
        {
            StateTransfer.Check(!_stamps.AsSpan().ContainsAnyExceptInRange(0, _clock), "a line of the TLB was filled later than now");
            LinkAll();
            _ages.SortBy(_stamps);
        }
    }

    /// <summary>Drops lines.</summary>
    /// <param name="asid">Of one address space, or null for all.</param>
    /// <param name="iova">An address to match, if <paramref name="shift"/> is less than 32.</param>
    /// <param name="shift">Log2 of the bytes around it that match.</param>
    public void Flush(int? asid, uint iova, int shift)
    {
        Flushes++;
        for (ulong held = ~_empty & AllLines; held != 0; held &= held - 1)
        {
            int line = BitOperations.TrailingZeroCount(held);
            ulong start = (ulong)_groups[line] << _groupShift;
            if ((asid is null || _asids[line] == asid) && start >> shift == (ulong)iova >> shift)
            {
                Drop(line);
            }
        }
    }

    private ulong AllLines => ulong.MaxValue >> (MostLines - Lines);

    /// <summary>The line around an address, the first if there are several; negative if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int LineOf(int asid, uint iova)
    {
        uint group = iova >> _groupShift;
        int line = _heads[BucketOf(asid, group)];
        while (line < ActiveLines && (_groups[line] != group || _asids[line] != asid))
        {
            int next = _nexts[line];
            if (next <= line)
            {
                // In the middle of another thread's change: a circle would have no end.
                return -1;
            }

            line = next;
        }

        return line < ActiveLines ? line : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int BucketOf(int asid, uint group) => (int)(((group + ((uint)asid << 20)) * 0x9E37_79B1u) >> _bucketShift);

    private void MakeNewest(int line)
    {
        _stamps[line] = ++_clock;
        _ages.MakeNewest(line);
    }

    private void LinkAll()
    {
        _empty = AllLines;
        Array.Fill(_heads, Lines);
        for (int line = Lines - 1; line >= 0; line--)
        {
            if (_asids[line] != Empty)
            {
                Link(line);
            }
        }
    }

    private void Link(int line)
    {
        ref int place = ref PlaceOf(line);
        _nexts[line] = place;
        place = line;
        _empty &= ~(1ul << line);
    }

    private void Drop(int line)
    {
        PlaceOf(line) = _nexts[line];
        _asids[line] = Empty;
        _empty |= 1ul << line;
    }

    /// <summary>Where in its bucket's list the number of a line is, or would be.</summary>
    private ref int PlaceOf(int line)
    {
        ref int place = ref _heads[BucketOf(_asids[line], _groups[line])];
        while (place < line)
        {
            place = ref _nexts[place];
        }

        return ref place;
    }

    private Span<uint> Words(int line) => _words.AsSpan(line << _pagesLog2, PagesPerLine);
}
