
namespace IommuKit.Traces.Audit;

/// <summary>How many maps and unmaps lie between an unmap and the next map that starts at the same IOVA.</summary>
internal sealed class ReuseDistances
{
    private const int MaxIovas = 1 << 20;

    private readonly Dictionary<ulong, long> _unmapped = new(new Scattered());

    /// <summary>The distances; 1 is the next event.</summary>
    public LogHistogram Distances { get; } = new();

    /// <summary>Whether there were more IOVAs than are remembered.</summary>
    public bool IsPartial { get; private set; }

    /// <summary>Notes an unmap.</summary>
    public void Unmapped(ulong iova, long number)
    {
        if (_unmapped.Count == MaxIovas && !_unmapped.ContainsKey(iova))
        {
            IsPartial = true;
            return;
        }

        _unmapped[iova] = number;
    }

    /// <summary>Notes a map.</summary>
    public void Mapped(ulong iova, long number)
    {
        if (_unmapped.Remove(iova, out long before))
        {
            Distances.Add(number - before);
        }
    }

    /// <summary>Forgets all, as events are missing.</summary>
    public void Forget() => _unmapped.Clear();

    /// <summary>
    /// The usual hash of a number is known, so that a file can have a million IOVAs with the same one. A random factor leaves it no choice.
    /// </summary>
    private sealed class Scattered : IEqualityComparer<ulong>
    {
        private readonly ulong _factor =
            Seeds.Next();

        public bool Equals(ulong x, ulong y) => x == y;

        public int GetHashCode(ulong value) => (int)((value * _factor) >> 32);
    }
}
