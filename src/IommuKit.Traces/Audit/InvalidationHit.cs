namespace IommuKit.Traces.Audit;

/// <summary>What an invalidation dropped that had been unmapped.</summary>
/// <param name="Bytes">How much.</param>
/// <param name="First">The first IOVA of it.</param>
/// <param name="Last">The last one.</param>
/// <param name="Completed">Unmaps of which nothing is left.</param>
/// <param name="Latest">The number of the latest of these.</param>
/// <param name="CanFreeTable">Whether one of the unmaps can have freed a page table.</param>
/// <param name="LeavesTablesInUse">Whether all unmaps left other pages mapped in each 2 MiB at their ends.</param>
internal readonly record struct InvalidationHit(
    ulong Bytes, ulong First, ulong Last, long Completed, long Latest, bool CanFreeTable, bool LeavesTablesInUse)
{
    /// <summary>Nothing so far.</summary>
    public static InvalidationHit Nothing => new(0, ulong.MaxValue, 0, 0, 0, false, true);

    /// <summary>This, and a piece of an unmap.</summary>
    public InvalidationHit With(in RangeTree.Range taken, in StaleUnmap unmap) => new(
        Bytes + taken.Length,
        Math.Min(First, taken.First),
        Math.Max(Last, taken.Last),
        Completed + (unmap.Remaining == 0 ? 1 : 0),
        unmap.Remaining == 0 ? Math.Max(Latest, unmap.Number) : Latest,
        CanFreeTable | unmap.CanFreeTable,
        LeavesTablesInUse & unmap.LeavesTablesInUse);
}
