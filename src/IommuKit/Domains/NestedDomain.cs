using IommuKit.PageTables;

namespace IommuKit.Domains;

/// <summary>
/// A guest's own address space on top of a domain that holds the guest's memory: nothing can be mapped here (ENODEV), and look-ups find nothing, because
/// the tables are the guest's. It lives as long as the domain under it at most.
/// </summary>
public abstract class NestedDomain : UnmappableDomain
{
    private const ulong PageBytes = 1 << 12;

    private protected NestedDomain(IommuDriver driver, PagingDomain parent)
        : base(driver) => Parent = parent;

    /// <summary>The domain under it.</summary>
    public PagingDomain Parent { get; }

    /// <inheritdoc/>
    public override ulong PageSizes => PageBytes;

    /// <inheritdoc/>
    public override bool TryTranslate(ulong iova, out ulong physicalAddress)
    {
        physicalAddress = 0;
        return false;
    }

    /// <inheritdoc/>
    public override bool TryFind(ulong iova, out PageMapping mapping)
    {
        mapping = default;
        return false;
    }

    /// <inheritdoc/>
    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped)
    {
        mapped = 0;
        return false;
    }

    /// <summary>The last address of a range that a guest invalidates.</summary>
    /// <exception cref="IommuException">The range is misaligned or empty (EINVAL), or wraps around (EOVERFLOW).</exception>
    private protected static ulong LastOf(ulong iova, ulong size)
    {
        if (size == 0 || ((iova | size) & (PageBytes - 1)) != 0)
        {
            throw new IommuException(IommuError.EINVAL, $"0x{size:x} bytes at 0x{iova:x} are no whole pages.");
        }

        ulong last = iova + (size - 1);
        return last >= iova ? last : throw new IommuException(IommuError.EOVERFLOW, $"0x{size:x} bytes at 0x{iova:x} wrap around.");
    }
}
