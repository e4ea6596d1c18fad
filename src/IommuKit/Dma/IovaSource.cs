namespace IommuKit.Dma;

/// <summary>
/// One device's way to IOVAs: no higher than it reaches, and below 4 GiB first, which old devices and bridges do better with. The first time that
/// fails, it is tried no more.
/// </summary>
/// <param name="allocator">Where from.</param>
/// <param name="last">The last IOVA that the device reaches.</param>
/// <param name="prefersLow">Whether to try below 4 GiB first.</param>
public sealed class IovaSource(IovaAllocator allocator, ulong last = ulong.MaxValue, bool prefersLow = true)
{
    private volatile bool _isLowFull;

    /// <summary>Whether nothing is tried below 4 GiB any more, because once there was no place.</summary>
    public bool IsLowFull => _isLowFull;

    /// <summary>Hands out IOVAs that the device reaches.</summary>
    /// <param name="size">Bytes, at least 1.</param>
    /// <param name="range">They.</param>
    /// <param name="alignment">A power of two of bytes; 0 for that from the size on.</param>
    /// <param name="offset">What the IOVA is beyond a multiple of the alignment, in whole granules.</param>
    /// <returns>False if there is no place.</returns>
    public bool TryAllocate(ulong size, out IovaRange range, ulong alignment = 0, ulong offset = 0)
    {
        if (prefersLow && last > uint.MaxValue && !_isLowFull)
        {
            if (allocator.TryAllocate(size, out range, uint.MaxValue, alignment, offset))
            {
                return true;
            }

            _isLowFull = true;
        }

        return allocator.TryAllocate(size, out range, last, alignment, offset);
    }
}
