namespace IommuKit.PageTables;

/// <summary>
/// Receives the footprint of an operation while the engine writes it. Implement it on a struct: the engine is compiled for it.
/// </summary>
/// <remarks>A member must not throw: the page table is in the middle of a change.</remarks>
public interface IFootprintSink
{
    /// <summary>
    /// Whether the engine works as drivers of one page at a time do: it reports each page as soon as it is stored, and links a new table
    /// while it is still empty. If not, it reports each run once, and fills a new table before it links it, so that only the
    /// pointer has to be made visible.
    /// </summary>
    static abstract bool PageByPage { get; }

    /// <summary>
    /// With <see cref="PageByPage"/>: whether neighbours of one size in one table, an entry each, may be stored together and reported as one run, of
    /// which the sink makes pages again. For those that only count.
    /// </summary>
    static virtual bool JoinsPages => false;

    /// <summary>
    /// The contents of a new table are final; they must be visible to the walker before this returns, because a pointer to it follows.
    /// </summary>
    void TableFilled(ulong tableAddress, uint bytes);

    /// <summary>Entries were stored, or their table was abandoned.</summary>
    void EntriesStored(in EntryRun run);

    /// <summary>
    /// Everything reported so far must be in memory, and out of every cache, before this returns: the architecture forbids the next store before
    /// (break-before-make).
    /// </summary>
    void Synchronise();

    /// <summary>A table is no longer linked. The sink owns it, and must keep it until no walker and no cache can reach it.</summary>
    void TableUnlinked(ulong tableAddress);
}
