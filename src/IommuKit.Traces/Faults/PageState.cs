namespace IommuKit.Traces.Faults;

/// <summary>What a trace says of a page at some time.</summary>
/// <param name="Map">The last map of it.</param>
/// <param name="Unmap">The last unmap of it.</param>
/// <param name="Depth">How many more times it was mapped than unmapped; more than one only if several domains have it.</param>
/// <param name="Below">The map of the page before it, if that is mapped.</param>
/// <param name="Above">The map of the page behind it, if that is mapped.</param>
internal readonly record struct PageState(MappingMoment Map, MappingMoment Unmap, int Depth, MappingMoment Below, MappingMoment Above)
{
    /// <summary>Whether it is mapped, in some domain.</summary>
    public bool IsLive => Depth > 0;

    /// <summary>
    /// Whether it is mapped, but was unmapped since it was last mapped: two domains have the same IOVA, and one of them has given it back.
    /// </summary>
    public bool IsHalfLive => IsLive && Unmap.Line > Map.Line;

    /// <summary>The domain that VT-d's invalidation after the last unmap was for; -1 if none was recorded.</summary>
    public int UnmapDomain { get; init; } = -1;
}
