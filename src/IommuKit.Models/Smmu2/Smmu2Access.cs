namespace IommuKit.Models.Smmu2;

/// <summary>What a transaction does.</summary>
[Flags]
public enum Smmu2Access
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It reads.</summary>
    Read = 1,

    /// <summary>It writes.</summary>
    Write = 2,

    /// <summary>What it reads are instructions.</summary>
    Execute = 4,

    /// <summary>It is privileged.</summary>
    Privileged = 8,
}
