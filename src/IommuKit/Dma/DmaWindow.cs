namespace IommuKit.Dma;

/// <summary>
/// IOVAs that are taken once, and what they reach changed piece by piece: the two-step way to map. Pieces at different places may be linked and unlinked
/// by several threads at once.
/// </summary>
public sealed class DmaWindow : IDisposable
{
    private readonly DmaMapper _mapper;
    private readonly IovaRange _range;

    // Unlinked pieces that a device may still reach, and one for the window itself until it is disposed of.
    private int _users = 1;
    private int _isClosed;

    internal DmaWindow(DmaMapper mapper, IovaRange range)
    {
        _mapper = mapper;
        _range = range;
    }

    /// <summary>The first IOVA.</summary>
    public ulong Iova => _range.Iova;

    /// <summary>Bytes, in whole granules.</summary>
    public ulong Size => _range.Size;

    /// <summary>Has a part of the window reach memory.</summary>
    /// <param name="offset">Where in the window.</param>
    /// <param name="physicalAddress">What it reaches.</param>
    /// <param name="size">Bytes. All three are multiples of the domain's granule.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <param name="attributes">What is special.</param>
    /// <returns>What the domain says: EINVAL misaligned, EEXIST if some of it is linked already. Nothing has changed then.</returns>
    /// <remarks>Under <see cref="Domains.SyncPolicy.Explicit"/> devices see it after one <see cref="Domains.IommuDomain.Flush()"/> for all.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The part is not in the window.</exception>
    public IommuError TryLink(
        ulong offset, ulong physicalAddress, ulong size, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None)
    {
        Check(offset, size);
        return _mapper.Link(_range.Iova + offset, physicalAddress, size, direction, attributes);
    }

    /// <summary>Has a part of the window reach nothing, and no device is left that uses it: this is never put off.</summary>
    /// <param name="offset">Where in the window.</param>
    /// <param name="size">Bytes; there may be holes.</param>
    /// <param name="attributes">
    /// What is special: the CPU sees what devices wrote, where they could, but with <see cref="DmaAttributes.SkipCpuSync"/>.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not in the window.</exception>
    /// <exception cref="IommuException">It begins or ends inside of what goes only as a whole (EINVAL), or what else the domain says.</exception>
    public void Unlink(ulong offset, ulong size, DmaAttributes attributes = DmaAttributes.None)
    {
        Check(offset, size);
        if (size != 0)
        {
            UnlinkAll(Iova + offset, Iova + offset + (size - 1), attributes);
        }
    }

    /// <summary>Gives the IOVAs back. What is linked yet goes too, as by <see cref="Unlink"/> without attributes.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
        {
            return;
        }

        UnlinkAll(Iova, Iova + (Size - 1), DmaAttributes.None);
        Leave();
    }

    private void UnlinkAll(ulong first, ulong last, DmaAttributes attributes)
    {
        for (ulong at = first; at <= last && _mapper.Domain.TryFindNext(at, last, out ulong mapped);)
        {
            Interlocked.Increment(ref _users);
            at = mapped + _mapper.Unlink(mapped, last - mapped + 1, attributes, Leave);
        }
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _mapper.Release(_range);
        }
    }

    private void Check(ulong offset, ulong size)
    {
        ObjectDisposedException.ThrowIf(_isClosed != 0, this);
        if (offset > Size || size > Size - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), $"0x{size:x} bytes at 0x{offset:x} are outside a window of 0x{Size:x} bytes.");
        }
    }
}
