namespace IommuKit.Specs.Vtd;

/// <summary>
/// How much an invalidation of the IOTLB or the context cache drops: bits 5:4 of its first quadword (VT-d
/// specification, sections 6.5.2.1, 6.5.2.3 and 6.5.2.4).
/// </summary>
public enum VtdGranularity
{
    /// <summary>00: reserved.</summary>
    Reserved,

    /// <summary>01: everything. Reserved in PASID-based descriptors.</summary>
    Global,

    /// <summary>10: everything of a domain; in PASID-based descriptors, of a PASID within a domain.</summary>
    Domain,

    /// <summary>11: pages within a domain (and PASID); in context-cache descriptors, a device.</summary>
    Selective,
}
