namespace IommuKit.Domains;

/// <summary>What an IOMMU is, whatever its caches are like.</summary>
public sealed record IommuTraits
{
    /// <summary>The name by which users select the IOMMU.</summary>
    public required string Name { get; init; }

    /// <summary>Bits of an IOVA.</summary>
    public required int InputBits { get; init; }

    /// <summary>Bits of a physical address.</summary>
    public required int OutputBits { get; init; }

    /// <summary>The page sizes that a domain uses unless it asks for others: bit n means pages of 2^n bytes.</summary>
    public required ulong PageSizes { get; init; }

    /// <summary>Every page size of the hardware.</summary>
    public required ulong SupportedPageSizes { get; init; }

    /// <summary>Address spaces that the hardware can hold at a time.</summary>
    public required int AddressSpaces { get; init; }

    /// <summary>Its page tables and caches; null for an IOMMU that maps by requests and has no table of ours.</summary>
    public PagingTraits? Paging { get; init; }
}
