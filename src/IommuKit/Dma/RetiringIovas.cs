namespace IommuKit.Dma;

/// <summary>IOVAs that are unmapped and that a device may still use, and what is to be done when it no longer can. Thread-safe.</summary>
internal sealed class RetiringIovas
{
    private const int Stripes = 16;

    private readonly Dictionary<ulong, Entry>[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new Dictionary<ulong, Entry>())];

    /// <summary>Adds a range before it is unmapped.</summary>
    /// <param name="iova">Its first IOVA.</param>
    /// <param name="range">What to give back; empty for a part of a window.</param>
    /// <param name="gone">What to call; null if nothing.</param>
    public void Add(ulong iova, IovaRange range, Action? gone)
    {
        var stripe = StripeOf(iova);
        lock (stripe)
        {
            // Parts of one window may wait at the same IOVA more than once.
            stripe[iova] = stripe.TryGetValue(iova, out var entry) ? entry with { Count = entry.Count + 1 } : new Entry(range, gone, 1);
        }
    }

    /// <summary>Takes a range that no device can use any more.</summary>
    /// <returns>False if it is nobody's here.</returns>
    public bool TryTake(ulong iova, out IovaRange range, out Action? gone)
    {
        var stripe = StripeOf(iova);
        Entry entry;
        lock (stripe)
        {
            if (!stripe.TryGetValue(iova, out entry))
            {
                range = default;
                gone = null;
                return false;
            }

            if (entry.Count == 1)
            {
                stripe.Remove(iova);
            }
            else
            {
                stripe[iova] = entry with { Count = entry.Count - 1 };
            }
        }

        range = entry.Range;
        gone = entry.Gone;
        return true;
    }

    // The lowest bits are the same in all, and neighbours are of one thread.
    private Dictionary<ulong, Entry> StripeOf(ulong iova) => _stripes[(iova * 0x9e37_79b9_7f4a_7c15) >> 60];

    private readonly record struct Entry(IovaRange Range, Action? Gone, int Count);
}
