using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Models.State;

namespace IommuKit.Models.Tegra;

/// <summary>
/// The TLB: lines tagged by address space and group of pages, each with the frame and the rights of every page in the group, as they
/// were when the line was filled. Pages without any right are held like the others.
/// </summary>
internal sealed class TegraTlb
{
    private const int Empty = -1;

    private readonly int[] _asids;
    private readonly uint[] _groups;
    private readonly long[] _stamps;
    private readonly uint[] _words;
    private readonly CacheReplacement _replacement;
    private readonly int _groupShift;
    private readonly int _pagesLog2;
    private long _clock;

    public TegraTlb(int lines, int groupShift, int pageShift, CacheReplacement replacement)
    {
        _groupShift = groupShift;
        _pagesLog2 = groupShift - pageShift;
        _replacement = replacement;
        _asids = new int[lines];
        _groups = new uint[lines];
        _stamps = new long[lines];
        _words = new uint[lines << _pagesLog2];
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

        if (_replacement == CacheReplacement.LeastRecentlyUsed)
        {
            _stamps[line] = ++_clock;
        }

        return Words(line);
    }

    /// <summary>
    /// Looks for the word of a page where that changes nothing: where what was used last does not matter. Another thread may change the TLB
    /// meanwhile: then what is found is of no meaning.
    /// </summary>
    public bool TryPeek(int asid, uint iova, out uint word)
    {
        word = 0;
        if (_replacement == CacheReplacement.LeastRecentlyUsed || LineOf(asid, iova) is not (>= 0 and int line))
        {
            return false;
        }

        word = _words[(line << _pagesLog2) + ((int)(iova >> (_groupShift - _pagesLog2)) & (PagesPerLine - 1))];
        return true;
    }

    /// <summary>Makes room for the line around an address.</summary>
    /// <returns>Where its words go; empty if the TLB is off.</returns>
    public Span<uint> Add(int asid, uint iova)
    {
        if (ActiveLines == 0)
        {
            return default;
        }

        int victim = _asids.AsSpan(0, ActiveLines).IndexOf(Empty);
        if (victim < 0)
        {
            victim = IndexOfLeast(_stamps.AsSpan(0, ActiveLines));
        }

        _asids[victim] = asid;
        _groups[victim] = iova >> _groupShift;
        _stamps[victim] = ++_clock;
        return Words(victim);
    }

    /// <summary>Flushes until now.</summary>
    public long Flushes { get; private set; }

    public void FlushAll()
    {
        Flushes++;
        Array.Fill(_asids, Empty);
    }

    /// <summary>As it is after power-on.</summary>
    public void Reset()
    {
        FlushAll();
        Array.Clear(_groups);
        Array.Clear(_stamps);
        Array.Clear(_words);
        _clock = 0;
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
    }

    /// <summary>Drops lines.</summary>
    /// <param name="asid">Of one address space, or null for all.</param>
    /// <param name="iova">An address to match, if <paramref name="shift"/> is less than 32.</param>
    /// <param name="shift">Log2 of the bytes around it that match.</param>
    public void Flush(int? asid, uint iova, int shift)
    {
        Flushes++;
        for (int line = 0; line < _asids.Length; line++)
        {
            ulong start = (ulong)_groups[line] << _groupShift;
            if ((asid is null || _asids[line] == asid) && start >> shift == (ulong)iova >> shift)
            {
                _asids[line] = Empty;
            }
        }
    }

    /// <summary>The line around an address; negative if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int LineOf(int asid, uint iova)
    {
        uint group = iova >> _groupShift;
        var groups = _groups.AsSpan(0, ActiveLines);
        for (int line = 0; line < groups.Length; line++)
        {
            int next = groups[line..].IndexOf(group);
            if (next < 0)
            {
                break;
            }

            line += next;
            if (_asids[line] == asid)
            {
                return line;
            }
        }

        return -1;
    }

    private static int IndexOfLeast(ReadOnlySpan<long> stamps)
    {
        var least = new Vector<long>(long.MaxValue);
        int at = 0;
        for (; at <= stamps.Length - Vector<long>.Count; at += Vector<long>.Count)
        {
            least = Vector.Min(least, new Vector<long>(stamps[at..]));
        }

        long first = long.MaxValue;
        for (int lane = 0; lane < Vector<long>.Count; lane++)
        {
            first = Math.Min(first, least[lane]);
        }

        for (; at < stamps.Length; at++)
        {
            first = Math.Min(first, stamps[at]);
        }

        return stamps.IndexOf(first);
    }

    private Span<uint> Words(int line) => _words.AsSpan(line << _pagesLog2, PagesPerLine);
}
