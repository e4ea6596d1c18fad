namespace IommuKit.Analysis.Verdict;

/// <summary>Something that a trace, or a log beside it, says of the machine.</summary>
public enum MachineFact
{
    /// <summary>The kind of IOMMU.</summary>
    Iommu,

    /// <summary>What the kernel's own domains did: strict or lazy.</summary>
    Mode,

    /// <summary>The kernel.</summary>
    Kernel,

    /// <summary>The machine, as its firmware calls it.</summary>
    Machine,

    /// <summary>The day on which the kernel started.</summary>
    Date,

    /// <summary>That it is a virtual machine.</summary>
    Virtual,
}
