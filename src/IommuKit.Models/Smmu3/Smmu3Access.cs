namespace IommuKit.Models.Smmu3;

/// <summary>What a transaction does.</summary>
[Flags]
public enum Smmu3Access
{
    /// <summary>It reads data.</summary>
    Read = 1,

    /// <summary>It writes.</summary>
    Write = 2,

    /// <summary>It fetches instructions. A write is always one of data.</summary>
    Execute = 4,

    /// <summary>It is privileged.</summary>
    Privileged = 8,
}
