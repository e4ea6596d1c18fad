namespace IommuKit.Traces;

/// <summary>The page in which sizes are counted: the smallest of every IOMMU.</summary>
public static class SmallPage
{
    /// <summary>Its size in bytes.</summary>
    public const ulong Bytes = 4096;

    /// <summary>The address bits within it.</summary>
    public const ulong Mask = Bytes - 1;
}
