namespace IommuKit.Lab.Traces;

/// <summary>What the numbers of a mapping event must be like, whatever form the trace has.</summary>
internal static class MappingFields
{
    /// <summary>Whether a kernel can have recorded these numbers.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="physicalAddress">What a map maps to; 0 for an unmap.</param>
    /// <param name="size">Bytes that were asked for.</param>
    /// <param name="bytes">Bytes that were mapped or unmapped.</param>
    public static bool ArePossible(ulong iova, ulong physicalAddress, ulong size, ulong bytes) =>
        size != 0 && ((iova | size | physicalAddress | bytes) & SmallPage.Mask) == 0 && (bytes == 0 || bytes - 1 <= ulong.MaxValue - iova);
}
