namespace IommuKit.Models.Memory;

/// <summary>
/// Addresses of blocks that nothing refers to any more, as far as the collector knows. A span may still: it then sees zeros, and not the next block.
/// </summary>
/// <remarks>
/// A range is unmapped when <see cref="MaxBytes"/> or <see cref="MaxRanges"/> have come after it, or when the host has no other addresses left. They
/// cost no memory, but a process has 128 TiB of addresses on most hosts, and Linux keeps no more than 65,530 separate ranges.
/// </remarks>
internal static class HostQuarantine
{
    /// <summary>The most bytes of addresses that are kept.</summary>
    public const ulong MaxBytes = 16ul << 40;

    /// <summary>The most ranges that are kept.</summary>
    public const int MaxRanges = 16384;

    private static readonly Queue<(nint Address, nuint Length)> Ranges = new();
    private static ulong _bytes;

    /// <summary>Keeps a range from being used again. Its memory is given back.</summary>
    public static void Add(nint address, nuint length)
    {
        // Whatever was written here after the block was given back goes too.
        LinuxPages.Discard(address, length);
        lock (Ranges)
        {
            Ranges.Enqueue((address, length));
            _bytes += length;
            Trim(MaxBytes, MaxRanges);
        }
    }

    /// <summary>Gives all addresses back, for a host that has no others left.</summary>
    public static void Clear()
    {
        lock (Ranges)
        {
            Trim(0, 0);
        }
    }

    private static void Trim(ulong maxBytes, int maxRanges)
    {
        while (_bytes > maxBytes || Ranges.Count > maxRanges)
        {
            var oldest = Ranges.Dequeue();
            _bytes -= oldest.Length;
            LinuxPages.Unmap(oldest.Address, oldest.Length);
        }
    }
}
