using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Tells the domains of a trace apart, whose events do not name them: what maps an IOVA that is mapped already is another domain's, as a kernel does not
/// map over a mapping.
/// </summary>
/// <remarks>
/// What one call maps is of one domain, which has none of it mapped before. So it is not scattered over those that others left room in, and what one
/// unmap takes away again is in one place.
/// Which of two domains an unmap is of, where both have all of its IOVAs mapped, nobody knows: the first is taken. Each IOVA is mapped and unmapped as
/// often as in the trace all the same, so that there is no unmap that nothing was mapped for, if nothing is missing in the trace.
/// </remarks>
internal sealed class TraceDomains
{
    /// <summary>The most domains. What would take more goes to the first, over what is mapped there.</summary>
    public const int Most = 16;

    /// <summary>In the place of a domain's number: several have parts of the range. Each IOVA is of the first that has it.</summary>
    public const int Several = -1;

    private readonly List<LiveSet> _live = [new()];

    /// <summary>How many there are.</summary>
    public int Count => _live.Count;

    /// <summary>Separate pieces that are mapped, of all of them.</summary>
    public int Pieces
    {
        get
        {
            int pieces = 0;
            foreach (var live in _live)
            {
                pieces += live.Pieces;
            }

            return pieces;
        }
    }

    /// <summary>Bytes that are mapped, in all of them.</summary>
    public ulong Bytes
    {
        get
        {
            ulong bytes = 0;
            foreach (var live in _live)
            {
                ulong sum = bytes + live.Bytes;
                bytes = sum < bytes ? ulong.MaxValue : sum;
            }

            return bytes;
        }
    }

    /// <summary>Takes down a map.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="call">The call that it is of. Is told the domain, which is that of the map before if it has one.</param>
    /// <param name="mayBeAnother">Whether it may be of a domain that was not seen yet: false where unmaps may be missing.</param>
    /// <param name="isOver">Whether some of it is mapped already, in any domain.</param>
    /// <returns>Its domain.</returns>
    public int Map(ulong first, ulong last, ref MapCall call, bool mayBeAnother, out bool isOver)
    {
        // Nearly always.
        if (_live is [var only] && (call.Last == last || call.Domain == 0 || !Overlaps(only, first, call.Last)) && only.TryAdd(first, last))
        {
            isOver = false;
            return call.Domain = 0;
        }

        int free = -1;
        int freeForCall = -1;
        isOver = false;
        for (int domain = 0; domain < _live.Count; domain++)
        {
            bool overlaps = Overlaps(_live[domain], first, last);
            isOver |= overlaps;
            if (overlaps)
            {
                continue;
            }

            free = free < 0 ? domain : free;
            if (domain == call.Domain || (freeForCall < 0 && !Overlaps(_live[domain], first, call.Last)))
            {
                freeForCall = domain;
            }
        }

        if (freeForCall < 0 && mayBeAnother && _live.Count < Most)
        {
            _live.Add(new LiveSet());
            freeForCall = _live.Count - 1;
        }

        call.Domain = Math.Max(freeForCall < 0 ? free : freeForCall, 0);
        _live[call.Domain].Add(first, last);
        return call.Domain;
    }

    /// <summary>Takes down an unmap.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="isOrphan">Whether nothing of it was mapped.</param>
    /// <returns>Its domain, or <see cref="Several"/>.</returns>
    public int Unmap(ulong first, ulong last, out bool isOrphan)
    {
        if (_live is [var only])
        {
            isOrphan = only.Remove(first, last) == 0;
            return 0;
        }

        int some = -1;
        int count = 0;
        for (int domain = 0; domain < _live.Count; domain++)
        {
            if (_live[domain].TryFindPart(first, last, out ulong partFirst, out ulong partLast))
            {
                if (partFirst == first && partLast == last)
                {
                    _live[domain].Remove(first, last);
                    isOrphan = false;
                    return domain;
                }

                some = domain;
                count++;
            }
        }

        isOrphan = count == 0;
        if (count > 1)
        {
            RemoveParts(0, first, last);
            return Several;
        }

        some = Math.Max(some, 0);
        _live[some].Remove(first, last);
        return some;
    }

    private static bool Overlaps(LiveSet live, ulong first, ulong last) => live.TryFindPart(first, last, out _, out _);

    private void RemoveParts(int domain, ulong first, ulong last)
    {
        while (domain < _live.Count)
        {
            if (!_live[domain].TryFindPart(first, last, out ulong partFirst, out ulong partLast))
            {
                domain++;
                continue;
            }

            _live[domain].Remove(partFirst, partLast);
            if (partFirst > first)
            {
                RemoveParts(domain + 1, first, partFirst - 1);
            }

            if (partLast == last)
            {
                return;
            }

            first = partLast + 1;
        }
    }
}
