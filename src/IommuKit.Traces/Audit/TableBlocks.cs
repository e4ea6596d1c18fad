namespace IommuKit.Traces.Audit;

/// <summary>Blocks of 2 MiB: what a table of VT-d's lowest level translates.</summary>
internal static class TableBlocks
{
    private const int Shift = 21;
    private const ulong Mask = (1ul << Shift) - 1;

    /// <summary>
    /// Whether an unmap can have freed a page table. Linux's VT-d driver frees a table when one unmap covers all that the table translates, mapped or
    /// not; for the lowest tables that is 2 MiB. An unmap that covers no such block has freed none.
    /// </summary>
    public static bool CanBeFreed(ulong first, ulong last) =>
        first <= ulong.MaxValue - Mask && last - first >= Mask && ((first + Mask) & ~Mask) <= last - Mask;

    /// <summary>Whether something is mapped in the block of an IOVA.</summary>
    public static bool IsInUse(SummedSet live, ulong iova) => live.HasAny(iova & ~Mask, iova | Mask);

    /// <summary>How many blocks a range touches.</summary>
    public static ulong CountIn(ulong first, ulong last) => (last >> Shift) - (first >> Shift) + 1;
}
