namespace IommuKit.Sync;

/// <summary>A range of IOVAs whose cached translations must go, and what was removed there.</summary>
/// <param name="Iova">First IOVA.</param>
/// <param name="Bytes">Size of the range.</param>
/// <param name="LeafLog2">
/// Log2 of the size of the leaves that were removed or changed: a command for each of them, or a hint at their level, drops all of them. It is the
/// smallest page of the domain where leaves may differ, as under a pointer to a table. </param>
/// <param name="ChangesTables">
/// Whether pointers to tables changed, so that walk caches of the range must go too. A large page that was cleared is a leaf: this is false for it.
/// </param>
public readonly record struct TlbRange(ulong Iova, ulong Bytes, int LeafLog2, bool ChangesTables)
{
    /// <summary>
    /// Whether it is what a map needs: nothing was removed, and caches may hold that nothing was there. A device's own TLB never holds that.
    /// </summary>
    public bool FollowsMap { get; init; }

    /// <summary>Everything: all IOVAs with all tables.</summary>
    public static TlbRange Everything => new(0, ulong.MaxValue, 0, ChangesTables: true);

    /// <summary>Whether it covers every IOVA.</summary>
    public bool IsEverything => Iova == 0 && Bytes == ulong.MaxValue;

    /// <summary>The last IOVA, cut off where numbers end.</summary>
    public ulong LastIova => IsEverything ? ulong.MaxValue : Iova + Math.Min(Bytes - 1, ulong.MaxValue - Iova);
}
