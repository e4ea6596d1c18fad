using IommuKit.Models.Dma;

namespace IommuKit.Models.Smmu2;

/// <content>What is told to those who keep translations outside of the model.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private Action<InvalidationNotice>? _invalidated;

    // Bytes of a page, as a power of two, of which the model has ever answered with pieces: as stage 2's are smaller. An invalidation that names a part
    // of the page means them all, wherever they are kept, and the IOTLB may have forgotten them long ago.
    private ulong _piecedSizes;

    // What the register write that holds the lock makes invalid.
    private InvalidationNotice? _written;

    /// <inheritdoc/>
    /// <remarks>While somebody listens, invalidations take effect at once, as they may, and <see cref="PostedCount"/> is 0: what is told of is gone.</remarks>
    public Action<InvalidationNotice>? Invalidated
    {
        get => Volatile.Read(ref _invalidated);
        set
        {
            lock (_gate)
            {
                Volatile.Write(ref _invalidated, value);
                Settle(GlobalBank, coveredOnly: false);
            }

            Accesses.Drain();
        }
    }

    private void TellEverything() => Invalidated?.Invoke(new InvalidationNotice(InvalidationScope.Everything));

    /// <summary>Notes what is told when the lock is given back. Two things at once are everything.</summary>
    private void Note(in InvalidationNotice notice) =>
        _written = _written is null ? notice : new InvalidationNotice(InvalidationScope.Everything);

    private InvalidationNotice? TakeNotice()
    {
        var notice = _written;
        _written = null;
        return notice;
    }

    private InvalidationNotice NoticeOf(in Smmu2Invalidation invalidation)
    {
        int? domain = (invalidation.SpaceMask & Smmu2Tags.VmidMask) != 0 ? (int)(invalidation.Space & Smmu2Tags.VmidMask) : null;
        int? space = (invalidation.SpaceMask & Smmu2Tags.AsidMask) != 0
            ? (int)((invalidation.Space & Smmu2Tags.AsidMask) >> Smmu2Tags.AsidShift)
            : null;
        if (invalidation.IsEverything)
        {
            return domain is null
                ? new InvalidationNotice(InvalidationScope.Everything)
                : new InvalidationNotice(InvalidationScope.AddressSpace, Domain: domain, Space: space);
        }

        bool isSecond = (invalidation.Space & Smmu2Tags.Second) != 0;
        ulong below = isSecond || _piecedSizes == 0 ? 0 : (1ul << (int)ulong.Log2(_piecedSizes)) - 1;
        return new InvalidationNotice(
            InvalidationScope.Pages,
            invalidation.First & ~below,
            invalidation.Last | below,
            Domain: domain,
            Space: space,
            LeavesOnly: invalidation.IsLeaf);
    }
}
