namespace IommuKit.Domains;

/// <summary>A domain with a page table in memory, which the IOMMU walks.</summary>
public abstract class PagingDomain : IommuDomain
{
    private protected PagingDomain(IommuDriver driver, DomainOptions options)
        : base(driver, options)
    {
    }

    /// <summary>Name of the page table's format.</summary>
    public abstract string Format { get; }

    /// <summary>Physical address of the root table, which stays the same as long as the domain lives.</summary>
    public abstract ulong RootAddress { get; }

    /// <summary>Level of the root table, counted from the leaves' level 0.</summary>
    public abstract int RootLevel { get; }
}
