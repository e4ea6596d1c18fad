namespace IommuKit.Traces.Audit;

/// <summary>
/// Invalidations of pages that nothing had been unmapped of. They may belong to an unmap whose event is still to come: the kernel prints it at the
/// end of the call, and where the call goes from pages of one size to those of another, it invalidates on the way.
/// </summary>
internal sealed class InvalidationsAhead
{
    // A call of unmap makes few invalidations before its event; other CPUs' events come in between.
    private const int Kept = 16;
    private const int MaxAge = 64;

    private readonly (Invalidation Invalidation, long Event)[] _waiting = new (Invalidation Invalidation, long Event)[Kept];
    private int _count;

    /// <summary>Those that turned out to be for nothing.</summary>
    public Tally Needless { get; } = new();

    /// <summary>Has an invalidation wait for its unmap.</summary>
    public void Add(in Invalidation invalidation, long eventNumber)
    {
        if (_count == Kept)
        {
            Drop(0);
        }

        _waiting[_count++] = (invalidation, eventNumber);
    }

    /// <summary>Takes out one that has something in a range.</summary>
    public bool TryTake(ulong first, ulong last, out Invalidation invalidation)
    {
        for (int at = 0; at < _count; at++)
        {
            if (_waiting[at].Invalidation.First <= last && _waiting[at].Invalidation.Last >= first)
            {
                invalidation = _waiting[at].Invalidation;
                Remove(at);
                return true;
            }
        }

        invalidation = default;
        return false;
    }

    /// <summary>Gives up those that have waited too long.</summary>
    public void Age(long eventNumber)
    {
        while (_count != 0 && eventNumber - _waiting[0].Event > MaxAge)
        {
            Drop(0);
        }
    }

    /// <summary>Gives up those of a range that is mapped: no unmap is on its way there.</summary>
    public void Mapped(ulong first, ulong last)
    {
        while (_count != 0 && TryTake(first, last, out var invalidation))
        {
            Needless.Add(invalidation.Line, 1);
        }
    }

    /// <summary>Forgets all, as events are missing.</summary>
    public void Forget() => _count = 0;

    /// <summary>Gives up all.</summary>
    public void Finish()
    {
        while (_count != 0)
        {
            Drop(0);
        }
    }

    private void Drop(int at)
    {
        Needless.Add(_waiting[at].Invalidation.Line, 1);
        Remove(at);
    }

    private void Remove(int at)
    {
        _count--;
        Array.Copy(_waiting, at + 1, _waiting, at, _count - at);
    }
}
