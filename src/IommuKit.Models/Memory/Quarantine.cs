namespace IommuKit.Models.Memory;

/// <summary>
/// Addresses of memory that nobody refers to any more, oldest first. They hold zeros and are given back to the system only when very much more was
/// added after them, so that a span that outlived its memory does not look into somebody else's.
/// </summary>
internal static class Quarantine
{
    /// <summary>How many bytes of addresses are kept: an eighth of what a process has.</summary>
    public const ulong Capacity = 16ul << 40;

    private static readonly Queue<(nint Address, nuint Length)> Ranges = new();
    private static ulong _bytes;

    /// <summary>Adds a range, and gives back the oldest ones that are too many now.</summary>
    public static void Add(nint address, nuint length)
    {
        lock (Ranges)
        {
            Ranges.Enqueue((address, length));
            _bytes += length;
            Shrink(Capacity);
        }
    }

    /// <summary>Gives everything back.</summary>
    public static void Clear()
    {
        lock (Ranges)
        {
            Shrink(0);
        }
    }

    private static void Shrink(ulong capacity)
    {
        while (_bytes > capacity)
        {
            var (address, length) = Ranges.Dequeue();
            _bytes -= length;
            HostPages.Unmap(address, length);
        }
    }
}
