namespace IommuKit.Lab.Replay;

/// <summary>Maps of one call: the pieces of a scatter list, which a kernel maps one behind the other, and records one by one.</summary>
/// <param name="Last">The last IOVA of all that was read of it.</param>
internal record struct MapCall(ulong Last)
{
    /// <summary>Its domain; negative until the first of its maps was placed.</summary>
    public int Domain { get; set; } = -1;
}
