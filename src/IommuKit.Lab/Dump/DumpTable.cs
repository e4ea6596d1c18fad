namespace IommuKit.Lab.Dump;

/// <summary>A table and everything below.</summary>
/// <param name="Level">The level of the table that points to it; for the root, the one above the root's.</param>
/// <param name="Iova">First IOVA that it can translate.</param>
/// <param name="LastIova">Last IOVA that it can translate; of the root, as if it had no high half.</param>
/// <param name="Entry">The entry that points to it; 0 for the root.</param>
/// <param name="Address">Its physical address.</param>
/// <param name="Entries">Entries it has.</param>
/// <param name="EntriesUsed">Entries that are not vacant.</param>
/// <param name="CacheLines">Lines of 64 bytes that hold them.</param>
/// <param name="Items">What it holds, in order.</param>
internal sealed record DumpTable(
    int Level,
    ulong Iova,
    ulong LastIova,
    ulong Entry,
    ulong Address,
    int Entries,
    int EntriesUsed,
    int CacheLines,
    IReadOnlyList<DumpItem> Items)
    : DumpItem(Level, Iova, LastIova, Entry)
{
    /// <summary>Its own level; 0 holds the smallest pages.</summary>
    public int OwnLevel => Level - 1;

    /// <summary>This table and all below, those with lower IOVAs first.</summary>
    public IEnumerable<DumpTable> Tables => Items.OfType<DumpTable>().SelectMany(table => table.Tables).Prepend(this);

    /// <summary>The ranges of this table and of all below, those with lower IOVAs first.</summary>
    public IEnumerable<DumpRange> Ranges => Items.SelectMany(item => item is DumpTable table ? table.Ranges : [(DumpRange)item]);
}
