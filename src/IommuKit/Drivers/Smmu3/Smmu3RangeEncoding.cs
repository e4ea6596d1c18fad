namespace IommuKit.Drivers.Smmu3;

/// <summary>How a range of IOVAs becomes commands on an SMMUv3 that has invalidation of ranges (IDR3.RIL).</summary>
public enum Smmu3RangeEncoding
{
    /// <summary>
    /// Commands that cover the range and no more, for the fewest pages first: at most one for each five bits of the number of pages. A single page
    /// without a level hint, which the range form cannot say, is invalidated by its address.
    /// </summary>
    Exact,

    /// <summary>
    /// As <see cref="Exact"/>, but a range without a level hint that would begin with a single page is one page longer: what Linux does.
    /// </summary>
    Padded,

    /// <summary>One command that covers the range, and at most one part in sixteen more.</summary>
    Covering,
}
