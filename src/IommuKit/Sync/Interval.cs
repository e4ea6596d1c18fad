namespace IommuKit.Sync;

/// <summary>A range of IOVAs with both ends in it, which may be empty.</summary>
internal readonly record struct Interval(ulong First, ulong Last)
{
    public static Interval Empty => new(ulong.MaxValue, 0);

    /// <summary>The interval of <paramref name="size"/> bytes from <paramref name="iova"/> on, cut off where numbers end.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="size">Bytes, at least 1.</param>
    public static Interval At(ulong iova, ulong size) => new(iova, iova + Math.Min(size - 1, ulong.MaxValue - iova));

    public bool IsEmpty => First > Last;

    /// <summary>Its size; one byte less where that would be 2 to the power of 64.</summary>
    public ulong Bytes => IsEmpty ? 0 : Math.Max(Last - First, Last - First + 1);

    public bool Overlaps(Interval other) => First <= other.Last && other.First <= Last && !IsEmpty && !other.IsEmpty;

    /// <summary>The smallest interval around both.</summary>
    public Interval Around(Interval other) =>
        IsEmpty ? other : other.IsEmpty ? this : new Interval(Math.Min(First, other.First), Math.Max(Last, other.Last));
}
