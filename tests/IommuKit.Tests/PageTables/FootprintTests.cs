using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>What operations report: every store, once, in as few runs as there are tables.</summary>
public class FootprintTests
{
    private const int Pool = 1 << 20;

    [Theory, EveryFormat]
    public void A_contiguous_map_is_one_run_in_each_table(string format)
    {
        using var table = TableSetups.Make(format, setup => setup with { Release = TableRelease.Never });
        ulong page = table.Granule;
        ulong span = table.TableSpan;
        ulong start = table.Base + (span / 2);
        ulong size = 2 * span;
        table.Map(start, page, size).ShouldBe(default);

        // New tables are filled unseen and linked by one store.
        var changes = table.Log.Runs.Select(run => run.Change).ToList();
        changes.Count(change => change == EntryChange.TableLinked).ShouldBe(table.RootLevel == 1 ? 3 : 1);
        changes.ShouldAllBe(change => change == EntryChange.TableLinked || change == EntryChange.NewTableWritten);
        changes[^1].ShouldBe(EntryChange.TableLinked);
        ShouldBeOneRunInEachTable(table, EntryChange.NewTableWritten, start, size);
        table.Log.Filled.Count.ShouldBe(2 + table.RootLevel);
        table.Log.Clear();

        table.Unmap(start, size).ShouldBe(size);
        table.Log.Runs.ShouldAllBe(run => run.Change == EntryChange.LeafCleared);
        ShouldBeOneRunInEachTable(table, EntryChange.LeafCleared, start, size);
        table.Log.Clear();

        table.Map(start, page, size).ShouldBe(default);
        table.Log.Runs.ShouldAllBe(run => run.Change == EntryChange.LeafWritten);
        ShouldBeOneRunInEachTable(table, EntryChange.LeafWritten, start, size);
        table.Log.Filled.ShouldBeEmpty();
    }

    [Theory, EveryFormat]
    public void Blocks_are_one_run_too(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (int log2 in table.BlockSizes.Where(log2 => log2 <= 36 && log2 < table.Setup.InputBits - 3))
        {
            // Two of them must not be all of a table, which would go as one entry.
            if (table.LevelOf(log2) != table.LevelOf(log2 + 1))
            {
                continue;
            }

            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            int level = table.LevelOf(log2);
            table.Map(table.Base, 0, size).ShouldBe(default);
            table.Log.Clear();
            table.Map(iova, size, size).ShouldBe(default);
            table.Log.Runs.ShouldBe([RunOf(table, EntryChange.LeafWritten, level, iova, size)]);
            table.Log.Clear();
            table.Unmap(table.Base, 2 * size).ShouldBe(2 * size);
            table.Log.Runs.Single().Span.ShouldBe(2 * size);
            table.Log.Clear();
        }
    }

    [Theory, EveryFormat]
    public void A_covered_table_is_dropped_without_a_look_at_its_entries(string format)
    {
        using var table = TableSetups.Make(format);
        ulong span = table.TableSpan;
        ulong start = table.Base + (2 * span);
        table.Map(start, table.Granule, span).ShouldBe(default);
        var leaves = table.Log.Runs.Single(run => run.Level == 0);
        byte[] entries = table.Memory.CpuView.Span(leaves.EntryAddress, (int)leaves.Bytes).ToArray();
        table.Log.Clear();

        table.Unmap(start, span).ShouldBe(span);
        table.Log.Runs.Select(run => (run.Change, run.Level)).ShouldBe([(EntryChange.TableUnlinked, 1), (EntryChange.TableAbandoned, 0)]);
        table.Log.Runs.ShouldAllBe(run => run.Iova == start && run.Span == span);
        var abandoned = table.Log.Runs[1];
        (abandoned.EntryAddress, abandoned.Bytes, abandoned.Stored).ShouldBe((leaves.EntryAddress, leaves.Bytes, 0u));
        table.Log.Unlinked.ShouldBe([leaves.EntryAddress]);
        table.Memory.CpuView.Span(leaves.EntryAddress, (int)leaves.Bytes).SequenceEqual(entries).ShouldBeTrue();
        table.ShouldNotTranslate(start);
    }

    [Theory, EveryFormat]
    public void A_covered_table_takes_the_tables_below_with_it(string format)
    {
        using var table = TableSetups.Make(format);
        if (table.RootLevel < 2)
        {
            return;
        }

        ulong span = 1ul << table.EntryShift(2);
        ulong start = table.Base + span;
        table.Map(start + table.TableSpan, table.Granule, table.Granule).ShouldBe(default);
        table.Map(start + (5 * table.TableSpan), table.Granule, table.Granule).ShouldBe(default);
        table.Log.Clear();
        table.Unmap(start, span).ShouldBe(span);
        table.Log.Runs.Count(run => run.Change == EntryChange.TableUnlinked).ShouldBe(1);
        table.Log.Runs.Where(run => run.Change == EntryChange.TableAbandoned).Select(run => (int)run.Level).ShouldBe([1, 0, 0]);
        table.Log.Runs.Where(run => run.Change == EntryChange.TableAbandoned).Select(run => run.Iova)
            .ShouldBe([start, start + table.TableSpan, start + (5 * table.TableSpan)]);
        table.Log.Unlinked.Count.ShouldBe(3);
        table.ShouldLeaveNothing();
    }

    [Theory, EveryFormat]
    public void Page_by_page_each_page_is_reported_alone_and_tables_are_linked_empty(string format)
    {
        using var table = TableSetups.Make(format);
        table.IsPageByPage = true;
        ulong page = table.Granule;
        ulong start = table.Base + table.TableSpan;
        table.Map(start, page, 2 * page).ShouldBe(default);
        table.Log.Runs.Select(run => run.Change)
            .ShouldBe([.. Enumerable.Repeat(EntryChange.TableLinked, table.RootLevel), EntryChange.LeafWritten, EntryChange.LeafWritten]);
        table.Log.Runs.ShouldAllBe(run => run.Count == 1);
        table.Log.Clear();
        table.Unmap(start, 2 * page).ShouldBe(2 * page);
        table.Log.Runs.Select(run => run.Change).ShouldBe([EntryChange.LeafCleared, EntryChange.LeafCleared]);
    }

    [Theory, EveryFormat]
    public void Every_byte_that_changes_is_in_the_footprint(string format)
    {
        var random = new Random(6);
        using var table = TableSetups.Make(format, setup => setup with { MemoryBytes = Pool });
        ulong page = table.Granule;
        byte[] before = new byte[Pool];
        for (int step = 0; step < 60; step++)
        {
            table.IsPageByPage = step % 4 == 3;
            ulong iova = table.Base + (page * (ulong)random.NextInt64((long)(2 * table.TableSpan / page)));
            ulong unit = 1ul << table.Sizes.Last(log2 => log2 <= (random.Next(2) == 0 ? 16 : 29));
            iova = random.Next(2) == 0 ? iova & ~(unit - 1) : iova;
            ulong size = Math.Max(page, random.Next(2) == 0 ? unit : page * (ulong)random.Next(1, 200));
            table.Memory.CpuView.Span(0, Pool).CopyTo(before);
            _ = random.Next(3) != 0 ? table.Map(iova, iova & table.LastAddress & 0xffff_ffff, size) : table.TryUnmap(iova, size, out _);
            ShouldCoverChanges(table, before);
            table.Log.Clear();
        }
    }

    private static void ShouldCoverChanges(TestTable table, byte[] before)
    {
        var memory = table.Memory.CpuView;
        foreach (var (address, bytes) in table.Log.Filled)
        {
            memory.Span(address, (int)bytes).CopyTo(before.AsSpan((int)address));
        }

        foreach (var run in table.Log.Runs.Where(run => run.Stored != 0))
        {
            run.Span.ShouldBe((ulong)run.Count << table.EntryShift(run.Level));
            memory.Span(run.EntryAddress, (int)run.Bytes).CopyTo(before.AsSpan((int)run.EntryAddress));
        }

        memory.Span(0, before.Length).SequenceEqual(before).ShouldBeTrue();
    }

    private static void ShouldBeOneRunInEachTable(TestTable table, EntryChange change, ulong start, ulong size)
    {
        var runs = table.Log.Runs.Where(run => run.Change == change && run.Level == 0).ToList();
        runs.Select(run => run.Iova).ShouldBe([start, start + (table.TableSpan / 2), start + table.TableSpan + (table.TableSpan / 2)]);
        runs.Select(run => run.Span).ShouldBe([table.TableSpan / 2, table.TableSpan, table.TableSpan / 2]);
        runs[^1].LastIova.ShouldBe(start + (size - 1));
    }

    private static EntryRun RunOf(TestTable table, EntryChange change, int level, ulong iova, ulong size)
    {
        uint count = (uint)(size >> table.EntryShift(level));
        ulong address = table.Log.Runs.Single().EntryAddress;
        return new EntryRun(address, count, iova, size, (byte)table.EntryLog2, (byte)level, change);
    }
}
