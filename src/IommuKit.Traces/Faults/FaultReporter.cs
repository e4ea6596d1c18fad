namespace IommuKit.Traces.Faults;

/// <summary>Who told of a fault.</summary>
public enum FaultReporter
{
    /// <summary>The driver of VT-d ("DMAR: …").</summary>
    Vtd,

    /// <summary>The driver of AMD's IOMMU ("AMD-Vi: Event logged […]").</summary>
    AmdVi,

    /// <summary>The driver of Arm's SMMUv1 and SMMUv2 ("Unhandled context fault: …").</summary>
    SmmuV2,

    /// <summary>The driver of Arm's SMMUv3 ("event 0x10 received:").</summary>
    SmmuV3,

    /// <summary>The driver of virtio-iommu ("page fault from EP …").</summary>
    Virtio,

    /// <summary>The memory controller of Tegra, which reports for its SMMU too ("tegra-mc …: EMEM address decode error").</summary>
    TegraMc,

    /// <summary>The driver of the RISC-V IOMMU ("Fault 15 devid: …").</summary>
    RiscV,

    /// <summary>Another driver, whose message has the common shape "Page fault at … of type …".</summary>
    Other,

    /// <summary>The trace event iommu:io_page_fault, which drivers record that call report_iommu_fault.</summary>
    TraceEvent,
}
