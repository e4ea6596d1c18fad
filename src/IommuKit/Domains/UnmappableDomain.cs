using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Domains;

/// <summary>A domain in which nothing can be mapped (ENODEV), as it has no tables of its own: what its devices reach is decided elsewhere.</summary>
public abstract class UnmappableDomain : IommuDomain
{
    private protected UnmappableDomain(IommuDriver driver)
        : base(driver, new DomainOptions())
    {
    }

    /// <inheritdoc/>
    /// <returns>ENODEV.</returns>
    public override IommuError TryMap(ulong iova, ulong physicalAddress, ulong size, Protection protection) => IommuError.ENODEV;

    /// <inheritdoc/>
    /// <returns>ENODEV.</returns>
    public override IommuError TryMapScatterGather(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        size = 0;
        return IommuError.ENODEV;
    }

    /// <inheritdoc/>
    /// <returns>ENODEV.</returns>
    public override IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped)
    {
        unmapped = 0;
        return IommuError.ENODEV;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        // Nothing is ever owed.
    }

    /// <inheritdoc/>
    public override void Flush(ulong iova, ulong size)
    {
        // As above.
    }

    private protected override void FreeTables()
    {
        // There are none.
    }
}
