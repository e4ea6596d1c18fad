namespace IommuKit.Specs.Vtd;

/// <summary>
/// Types of descriptors in VT-d's invalidation queue (VT-d specification, section 6.5.2), as bits 3:0 of the first quadword have them.
/// </summary>
public enum VtdInvalidationType
{
    /// <summary>cc_inv_dsc: context-cache invalidation (6.5.2.1).</summary>
    ContextCache = 1,

    /// <summary>iotlb_inv_dsc: IOTLB invalidation (6.5.2.3).</summary>
    Iotlb = 2,

    /// <summary>dev_tlb_inv_dsc: device-TLB invalidation (6.5.2.5).</summary>
    DeviceTlb = 3,

    /// <summary>iec_inv_dsc: interrupt-entry-cache invalidation (6.5.2.7).</summary>
    InterruptEntryCache = 4,

    /// <summary>inv_wait_dsc: invalidation wait (6.5.2.8).</summary>
    Wait = 5,

    /// <summary>p_iotlb_inv_dsc: PASID-based IOTLB invalidation (6.5.2.4).</summary>
    PasidIotlb = 6,

    /// <summary>pc_inv_dsc: PASID-cache invalidation (6.5.2.2).</summary>
    PasidCache = 7,

    /// <summary>p_dev_tlb_inv_dsc: PASID-based device-TLB invalidation (6.5.2.6).</summary>
    PasidDeviceTlb = 8,

    /// <summary>page_grp_resp_dsc: page-group response (7.7.1).</summary>
    PageGroupResponse = 9,
}
