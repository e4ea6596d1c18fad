namespace IommuKit.Sync;

/// <summary>
/// Counts what a domain does in software. Give one to <see cref="Domains.DomainOptions.Counters"/> to measure; it costs a few nanoseconds.
/// </summary>
/// <param name="isShared">Whether several threads may use its domains at once. Without it they cost next to nothing.</param>
public sealed class DomainCounters(bool isShared = true)
{
    private long _entries;
    private long _runs;
    private long _tables;
    private long _freedTables;
    private long _ranges;
    private long _syncs;
    private long _putOff;
    private long _drains;

    /// <summary>Page-table entries stored.</summary>
    public long EntriesStored => Volatile.Read(ref _entries);

    /// <summary>Runs of neighbouring entries that were stored in one go: one for each page where a policy works page by page.</summary>
    public long RunsStored => Volatile.Read(ref _runs);

    /// <summary>Tables filled for maps, roots apart. One that another thread made superfluous at the last moment counts too.</summary>
    public long TablesAllocated => Volatile.Read(ref _tables);

    /// <summary>Tables given back.</summary>
    public long TablesFreed => Volatile.Read(ref _freedTables);

    /// <summary>Physical ranges mapped: entries of scatter lists, before merging.</summary>
    public long RangesMapped => Volatile.Read(ref _ranges);

    /// <summary>Synchronisations with the hardware.</summary>
    public long Syncs => Volatile.Read(ref _syncs);

    /// <summary>
    /// Pages of 4 KiB that unmaps took away and left reachable when they returned, because their invalidation was put off: under
    /// <see cref="Domains.SyncPolicy.Deferred"/> and <see cref="Domains.SyncPolicy.Explicit"/> only. They stay so until <see cref="Drains"/> counts
    /// the next flush.
    /// </summary>
    public long PagesPutOff => Volatile.Read(ref _putOff);

    /// <summary>Flushes of everything that was put off; those with nothing to do do not count.</summary>
    public long Drains => Volatile.Read(ref _drains);

    internal void AddEntries(long count)
    {
        // A run may have stored nothing: it tells of a table that was left behind.
        if (count != 0)
        {
            Add(ref _entries, count);
            Add(ref _runs, 1);
        }
    }

    internal void AddPages(long count, long syncsEach)
    {
        Add(ref _entries, count);
        Add(ref _runs, count);
        Add(ref _syncs, count * syncsEach);
    }

    internal void AddTable() => Add(ref _tables, 1);

    internal void AddFreedTables(long count) => Add(ref _freedTables, count);

    internal void AddRanges(long count) => Add(ref _ranges, count);

    internal void AddSync() => Add(ref _syncs, 1);

    internal void AddPutOff(ulong bytes) => Add(ref _putOff, (long)(bytes >> 12));

    internal void AddDrain() => Add(ref _drains, 1);

    private void Add(ref long counter, long count)
    {
        if (isShared)
        {
            Interlocked.Add(ref counter, count);
        }
        else
        {
            counter += count;
        }
    }
}
