using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Where tables go that were unlinked: back to the allocator, once nothing can reach them any more.</summary>
internal sealed class RetiredTables(PageAllocator allocator, int tableLog2, FlushFailures failures, DomainCounters? counters)
{
    // Tables that were to be released while an invalidation had failed.
    private readonly Lock _gate = new();
    private TableList _stuck;

    /// <summary>Puts a table on a list, until it can be released.</summary>
    public void Push(ref TableList tables, ulong tableAddress) => allocator.Push(ref tables, tableAddress);

    /// <summary>Moves tables from one list to another.</summary>
    public void Move(ref TableList from, ref TableList to) => allocator.Append(ref to, ref from);

    /// <summary>Gives tables back that are out of reach: after the wait for the flush that they needed. If one has failed, they are kept.</summary>
    public void Release(ref TableList tables)
    {
        if (tables.IsEmpty)
        {
            return;
        }

        if (failures.ArePending)
        {
            lock (_gate)
            {
                // Made up for meanwhile: that dropped what these tables held.
                if (failures.ArePending)
                {
                    Move(ref tables, ref _stuck);
                    return;
                }
            }
        }

        counters?.AddFreedTables(tables.Count);
        allocator.FreeAll(tableLog2, ref tables);
    }

    /// <summary>Takes what was kept, before everything is dropped.</summary>
    public TableList TakeStuck()
    {
        TableList tables = default;
        lock (_gate)
        {
            Move(ref _stuck, ref tables);
        }

        return tables;
    }
}
