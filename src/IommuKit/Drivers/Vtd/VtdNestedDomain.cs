using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>
/// A guest's own address space: devices in it are translated by the guest's first-stage tables and then by the domain under it, which holds the guest's
/// memory (PGTT 011b). Made by <see cref="VtdDriver.CreateNestedDomain"/>.
/// </summary>
/// <remarks>
/// <para>The guest maps and unmaps in its tables by itself; what it invalidates, the host passes on by <see cref="Invalidate"/> and
/// <see cref="InvalidateAll"/>. Nothing can be mapped here (ENODEV), and look-ups find nothing, because the tables are the guest's.</para>
/// <para>A change of the domain under it invalidates what devices here were told too, whatever its policy. It lives as long as that domain at
/// most.</para>
/// </remarks>
public sealed class VtdNestedDomain : UnmappableDomain
{
    private readonly VtdDriver _driver;

    internal VtdNestedDomain(VtdDriver driver, PagingDomain parent, VtdAddressSpace parentSpace, VtdGuestTables tables)
        : base(driver)
    {
        _driver = driver;
        Parent = parent;
        Tables = tables;
        Space = new VtdAddressSpace { Parent = parentSpace };
        driver.Add(this);
    }

    /// <summary>The domain under it.</summary>
    public PagingDomain Parent { get; }

    /// <summary>The guest's tables.</summary>
    public VtdGuestTables Tables { get; }

    /// <inheritdoc/>
    public override ulong PageSizes => 1ul << 12;

    /// <inheritdoc/>
    public override ulong ApertureEnd => ulong.MaxValue >> (Tables.Levels == 5 ? 8 : 17);

    internal VtdAddressSpace Space { get; }

    /// <summary>Drops what is cached of a range, in the unit and in devices, and waits until that is done.</summary>
    /// <param name="iova">The first address, a multiple of 4096.</param>
    /// <param name="size">Bytes, a multiple of 4096 and not 0.</param>
    /// <param name="changesTables">Whether pointers to tables changed too, and not only entries that map pages (IH is 0 then).</param>
    /// <exception cref="IommuException">The range is misaligned or empty (EINVAL), or wraps around (EOVERFLOW).</exception>
    public void Invalidate(ulong iova, ulong size, bool changesTables)
    {
        if (size == 0 || ((iova | size) & 0xfff) != 0)
        {
            throw new IommuException(IommuError.EINVAL, $"0x{size:x} bytes at 0x{iova:x} are no whole pages.");
        }

        ulong last = iova + (size - 1);
        if (last < iova)
        {
            throw new IommuException(IommuError.EOVERFLOW, $"0x{size:x} bytes at 0x{iova:x} wrap around.");
        }

        _driver.InvalidateNested(Space, new Interval(iova, last), changesTables);
    }

    /// <summary>Drops everything that is cached of the guest's tables, in the unit and in devices, and waits until that is done.</summary>
    public void InvalidateAll() => _driver.InvalidateNested(Space, null, changesTables: true);

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
}
