using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.PageTables.Dump;

/// <summary>The walk of one IOVA.</summary>
/// <param name="Iova">The IOVA.</param>
/// <param name="Steps">The entries that it reads, the root's first. The last is a leaf, or what the fault is about.</param>
public sealed record DumpWalk(ulong Iova, IReadOnlyList<DumpStep> Steps)
{
    /// <summary>The last entry.</summary>
    public DumpStep Last => Steps[^1];

    /// <summary>Where the IOVA leads; null if it faults.</summary>
    public ulong? PhysicalAddress =>
        Last.Decoded is { Kind: WalkEntryKind.Leaf } leaf ? leaf.Address + (Iova & ((1ul << leaf.SizeLog2) - 1)) : null;
}
