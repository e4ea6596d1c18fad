namespace IommuKit.Models.Vtd;

/// <summary>What a request does.</summary>
[Flags]
public enum VtdAccess
{
    /// <summary>It reads.</summary>
    Read = 1,

    /// <summary>It writes.</summary>
    Write = 2,

    /// <summary>It executes what it reads. Requests with a PASID only.</summary>
    Execute = 4,

    /// <summary>It is privileged. Requests with a PASID only.</summary>
    Privileged = 8,

    /// <summary>It reads no byte, to find out that writes before it have arrived.</summary>
    ZeroLength = 16,
}
