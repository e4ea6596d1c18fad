using IommuKit.Domains;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>
/// A guest's own address space: devices in it are translated by the guest's first-stage tables and then by the domain under it, which holds the guest's
/// memory (PGTT 011b). Made by <see cref="VtdDriver.CreateNestedDomain"/>.
/// </summary>
/// <remarks>
/// <para>The guest maps and unmaps in its tables by itself; what it invalidates, the host passes on by <see cref="Invalidate"/> and
/// <see cref="InvalidateAll"/>.</para>
/// <para>A change of the domain under it invalidates what devices here were told too, whatever its policy.</para>
/// </remarks>
public sealed class VtdNestedDomain : NestedDomain
{
    private readonly VtdDriver _driver;

    internal VtdNestedDomain(VtdDriver driver, PagingDomain parent, VtdAddressSpace parentSpace, VtdGuestTables tables)
        : base(driver, parent)
    {
        _driver = driver;
        Tables = tables;
        Space = new VtdAddressSpace { Parent = parentSpace };
        driver.Add(this);
    }

    /// <summary>The guest's tables.</summary>
    public VtdGuestTables Tables { get; }

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
        _driver.InvalidateNested(Space, new Interval(iova, LastOf(iova, size)), changesTables);
    }

    /// <summary>Drops everything that is cached of the guest's tables, in the unit and in devices, and waits until that is done.</summary>
    public void InvalidateAll() => _driver.InvalidateNested(Space, null, changesTables: true);
}
