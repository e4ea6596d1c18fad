namespace IommuKit.Analysis.Explain;

/// <summary>What one policy may do better than another: each can be switched on by itself.</summary>
[Flags]
public enum Causes
{
    /// <summary>Everything as the first policy does it.</summary>
    None = 0,

    /// <summary>What has to be dropped from the TLB and the table cache is dropped as the second policy does it: in fewer commands.</summary>
    Invalidations = 1,

    /// <summary>Lines are written back as the second policy does it: in fewer pieces, each line once.</summary>
    Cleans = 2,

    /// <summary>Barriers and read-backs come no more often than under the second policy.</summary>
    Waits = 4,

    /// <summary>The page table is changed as under the second policy: in fewer runs.</summary>
    Software = 8,

    /// <summary>Everything as the second policy does it.</summary>
    All = Invalidations | Cleans | Waits | Software,
}
