using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>How much of an operation shares an invalidation: see <see cref="VtdDriverOptions.MergesRanges"/>.</summary>
/// <param name="IsOn">Whether ranges are merged at all.</param>
/// <param name="PageSizes">
/// The sizes of the domain's pages, where an unmap begins anew with another size (<see cref="VtdDriverOptions.BeginsAnew"/>); 0 where it does not.
/// </param>
internal readonly record struct VtdMerging(bool IsOn, ulong PageSizes)
{
    /// <summary>Whether a range may be merged with those of a batch. Maps are invalidated once at their end, whatever they are.</summary>
    /// <param name="batch">The batch, which has a range.</param>
    /// <param name="added">The range.</param>
    /// <param name="followsMap">Whether it follows a map.</param>
    public bool MayJoin(in VtdBatch batch, Interval added, bool followsMap) =>
        PageSizes == 0 || (batch.IsMap && followsMap) || Touch(batch.Ranges[0], added);

    /// <summary>Takes the next part that has an invalidation of its own.</summary>
    /// <param name="rest">What is left.</param>
    /// <param name="isMap">Whether it follows a map.</param>
    /// <param name="part">The part.</param>
    /// <returns>False where nothing is left.</returns>
    public bool TryTake(ref Interval rest, bool isMap, out Interval part)
    {
        part = rest;
        if (rest.IsEmpty)
        {
            return false;
        }

        if (PageSizes == 0 || isMap)
        {
            rest = Interval.Empty;
            return true;
        }

        // How far Linux's core goes in one step. An unmap goes by the IOVA alone.
        int log2 = IommuKit.PageTables.PageSizes.Select(PageSizes, rest.First, rest.First, rest.Bytes, out ulong count);
        ulong length = count << log2;
        part = new Interval(rest.First, rest.First + (length - 1));
        rest = length < rest.Bytes ? new Interval(part.Last + 1, rest.Last) : Interval.Empty;
        return true;
    }

    private static bool Touch(Interval one, Interval other) => one.First <= End(other) && other.First <= End(one);

    // Numbers end, and nothing follows the last one.
    private static ulong End(Interval range) => range.Last == ulong.MaxValue ? range.Last : range.Last + 1;
}
