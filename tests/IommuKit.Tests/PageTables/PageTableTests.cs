using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.PageTables;

public class TegraPageTableTests() : PageTableTests<TegraFormat>(32, 34, 1ul << 12);

public class TegraSectionPageTableTests() : PageTableTests<TegraFormat>(32, 34, (1ul << 12) | (1ul << 22));

public class HintedPageTableTests() : PageTableTests<HintedFormat>(48, 48, 0);

public class Hinted39PageTableTests() : PageTableTests<HintedFormat>(39, 40, 0);

public class RepeatingPageTableTests() : PageTableTests<RepeatingFormat>(39, 44, 0);

/// <summary>What holds for the engine in every format.</summary>
public abstract class PageTableTests<TFormat>(int inputBits, int outputBits, ulong pageSizes) : IDisposable
    where TFormat : struct, IPageTableFormat
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;
    private const ulong Page = 4096;

    private readonly PhysicalMemory _memory = new(1 << 20, isCoherent: true);

    private ulong LastIova => ulong.MaxValue >> (64 - inputBits);

    private ulong TableSpan => 1ul << TFormat.EntryShift(1);

    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void An_empty_table_translates_nothing()
    {
        using var table = Make(out _, out _);
        foreach (ulong iova in (ulong[])[0, 42, (1ul << 30) + 42, LastIova])
        {
            table.TryTranslate(iova, out _).ShouldBeFalse();
        }

        table.TryFindNext(0, LastIova, out _).ShouldBeFalse();
    }

    [Fact]
    public void Each_page_size_goes_in_and_out()
    {
        using var table = Make(out var log, out var allocator);
        var sink = new RecordingSink(log);
        foreach (int log2 in Bits(table.SupportedPageSizes))
        {
            ulong size = 1ul << log2;
            ulong iova = size;
            ulong address = size * 3 & LastAddress;
            table.Map(iova, address, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
            table.TryFind(iova + size - 1, out var mapping).ShouldBeTrue();
            mapping.PageLog2.ShouldBe(log2);
            mapping.PhysicalAddress.ShouldBe(address + size - 1);
            mapping.Protection.ShouldBe(ReadWrite);
            table.TryTranslate(iova + (size / 2) + 42, out ulong physical).ShouldBeTrue();
            physical.ShouldBe(address + (size / 2) + 42);
            table.TryTranslate(iova - 1, out _).ShouldBeFalse();
            table.TryTranslate(iova + size, out _).ShouldBeFalse();
            table.TryFindNext(0, LastIova, out ulong found).ShouldBeTrue();
            found.ShouldBe(iova);
            table.Unmap(iova, size, ref sink).ShouldBe(size);
            table.TryTranslate(iova, out _).ShouldBeFalse();
            log.Clear();
        }

        table.Dispose();
        allocator.Outstanding.ShouldBe(0);
    }

    [Fact]
    public void The_last_page_of_the_address_space_can_be_used()
    {
        using var table = Make(out var log, out _);
        var sink = new RecordingSink(log);
        ulong iova = LastIova - (Page - 1);
        table.Map(iova, LastAddress - (Page - 1), Page, ReadWrite, ref sink).ShouldBe(IommuError.None);
        table.TryTranslate(LastIova, out ulong physical).ShouldBeTrue();
        physical.ShouldBe(LastAddress);
        table.TryFindNext(0, ulong.MaxValue, out ulong found).ShouldBeTrue();
        found.ShouldBe(iova);
        table.Unmap(iova, Page, ref sink).ShouldBe(Page);
    }

    [Fact]
    public void Part_of_a_large_page_is_not_unmapped_alone()
    {
        using var table = Make(out var log, out _);
        var sink = new RecordingSink(log);
        foreach (int log2 in Bits(table.SupportedPageSizes).Skip(1))
        {
            ulong size = 1ul << log2;
            table.Map(size, size, size, ReadWrite, ref sink).ShouldBe(IommuError.None);

            // In its middle: nothing goes. At its start: all of it goes, which is more than was asked for.
            table.Unmap(size + Page, Page, ref sink).ShouldBe(0ul);
            table.TryTranslate(size, out _).ShouldBeTrue();
            table.Unmap(size, Page, ref sink).ShouldBe(size);
            table.TryTranslate(size, out _).ShouldBeFalse();
            table.TryTranslate(size + size - 1, out _).ShouldBeFalse();
        }
    }

    [Fact]
    public void Nothing_is_mapped_over()
    {
        using var table = Make(out var log, out _);
        var sink = new RecordingSink(log);
        foreach (int log2 in Bits(table.SupportedPageSizes))
        {
            ulong size = 1ul << log2;
            table.Map(size, size, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
            byte[] before = Snapshot();
            log.Runs.Clear();
            table.Map(size, 2 * size, size, ReadWrite, ref sink).ShouldBe(IommuError.EEXIST);
            table.Map(size + size - Page, 0, Page, ReadWrite, ref sink).ShouldBe(IommuError.EEXIST);
            table.Map(size - Page, 0, 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.EEXIST);
            table.Map(0, 0, size * 2, ReadWrite, ref sink).ShouldBe(IommuError.EEXIST);
            log.Runs.ShouldBeEmpty();
            Snapshot().AsSpan().SequenceEqual(before).ShouldBeTrue();
            table.Unmap(size, size, ref sink).ShouldBe(size);
        }
    }

    [Fact]
    public void Bad_arguments_change_nothing()
    {
        using var table = Make(out var log, out var allocator);
        var sink = new RecordingSink(log);
        byte[] before = Snapshot();

        table.Map(Page / 2, 0, Page, ReadWrite, ref sink).ShouldBe(IommuError.EINVAL);
        table.Map(Page, Page / 2, Page, ReadWrite, ref sink).ShouldBe(IommuError.EINVAL);
        table.Map(Page, Page, Page / 2, ReadWrite, ref sink).ShouldBe(IommuError.EINVAL);
        table.Map(Page, Page, 0, ReadWrite, ref sink).ShouldBe(IommuError.EINVAL);
        table.Map(LastIova + 1, 0, Page, ReadWrite, ref sink).ShouldBe(IommuError.ERANGE);
        table.Map(LastIova - (Page - 1), 0, 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.ERANGE);
        table.Map(0, LastAddress + 1, Page, ReadWrite, ref sink).ShouldBe(IommuError.ERANGE);
        table.Map(0, LastAddress - (Page - 1), 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.ERANGE);
        table.Map(ulong.MaxValue - (Page - 1), 0, 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.EOVERFLOW);
        table.Map(0, ulong.MaxValue - (Page - 1), 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.EOVERFLOW);
        table.Map(0, 0, Page, Protection.None, ref sink).ShouldBe(TFormat.StoresNoAccess ? IommuError.None : IommuError.EINVAL);
        table.Unmap(0, Page, ref sink).ShouldBe(TFormat.StoresNoAccess ? Page : 0);
        table.Unmap(Page / 2, Page, ref sink).ShouldBe(0ul);
        table.Unmap(0, Page / 2, ref sink).ShouldBe(0ul);
        table.Unmap(0, 0, ref sink).ShouldBe(0ul);
        table.Unmap(LastIova + 1, Page, ref sink).ShouldBe(0ul);

        if (!TFormat.StoresNoAccess)
        {
            log.Runs.ShouldBeEmpty();
            Snapshot().AsSpan().SequenceEqual(before).ShouldBeTrue();
            allocator.Outstanding.ShouldBe(1);
        }
    }

    [Fact]
    public void Pieces_of_a_list_that_follow_each_other_are_one()
    {
        using var table = Make(out var log, out _);
        var sink = new RecordingSink(log);
        int log2 = Bits(table.SupportedPageSizes).Last(bit => bit <= 25);
        ulong size = 1ul << log2;

        // Cut at places that are no page boundaries; only the pieces that do not follow each other need to be whole pages.
        PhysicalRange[] list =
        [
            new(size, 100), new(size + 100, Page - 100), new(0, 0), new(size + Page, size - Page), new(5 * size, Page),
        ];
        table.MapScatterGather(size, list, ReadWrite, ref sink, out ulong total).ShouldBe(IommuError.None);
        total.ShouldBe(size + Page);
        table.TryFind(size, out var mapping).ShouldBeTrue();
        mapping.PageLog2.ShouldBe(log2);
        table.TryTranslate(2 * size, out ulong physical).ShouldBeTrue();
        physical.ShouldBe(5 * size);

        list[^1] = new PhysicalRange((5 * size) + 512, Page);
        table.MapScatterGather(4 * size, list, ReadWrite, ref sink, out _).ShouldBe(IommuError.EINVAL);
        table.MapScatterGather(4 * size, [], ReadWrite, ref sink, out _).ShouldBe(IommuError.EINVAL);
    }

    [Fact]
    public void A_table_left_empty_makes_way_for_a_larger_page_and_comes_back()
    {
        using var table = Make(out var log, out var allocator, TableRelease.Never);
        var sink = new RecordingSink(log);
        foreach (int log2 in Bits(table.SupportedPageSizes).Where(bit => bit >= TFormat.EntryShift(1)).Take(1))
        {
            ulong size = 1ul << log2;
            table.Map(size, 0x1000, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
            table.Map(size, size, size, ReadWrite, ref sink).ShouldBe(IommuError.EEXIST);
            table.Unmap(size, size, ref sink).ShouldBe(size);
            log.Clear();

            long before = allocator.Outstanding;
            table.Map(size, size, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
            log.Unlinked.ShouldNotBeEmpty();
            log.Runs.First().Change.ShouldBe(EntryChange.TableUnlinked);
            log.Clear();
            allocator.Outstanding.ShouldBeLessThan(before);
            table.TryFind(size, out var mapping).ShouldBeTrue();
            mapping.PageLog2.ShouldBe(log2);

            table.Unmap(size, size, ref sink).ShouldBe(size);
            table.Map(size, 0x1000, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
            table.TryTranslate(size + size - 1, out ulong physical).ShouldBeTrue();
            physical.ShouldBe(0x1000 + size - 1);
        }
    }

    [Theory]
    [InlineData(TableRelease.WhenCovered)]
    [InlineData(TableRelease.WhenEmpty)]
    [InlineData(TableRelease.Never)]
    public void Tables_go_when_the_rule_says(TableRelease release)
    {
        using var table = Make(out var log, out var allocator, release);
        var sink = new RecordingSink(log);
        ulong start = 2 * TableSpan;
        table.Map(start, 0x1000, TableSpan, ReadWrite, ref sink).ShouldBe(IommuError.None);
        long full = allocator.Outstanding;

        // Unmapped in two halves, only one rule gives the table back; mapped again and unmapped at once, two do.
        table.Unmap(start, TableSpan / 2, ref sink).ShouldBe(TableSpan / 2);
        log.Unlinked.ShouldBeEmpty();
        table.Unmap(start + (TableSpan / 2), TableSpan / 2, ref sink).ShouldBe(TableSpan / 2);
        log.Unlinked.Count.ShouldBe(release == TableRelease.WhenEmpty ? InnerTables : 0);
        log.Clear();
        allocator.Outstanding.ShouldBe(full - (release == TableRelease.WhenEmpty ? InnerTables : 0));

        table.Map(start, 0x1000, TableSpan, ReadWrite, ref sink).ShouldBe(IommuError.None);
        log.Clear();
        table.Unmap(start, TableSpan, ref sink).ShouldBe(TableSpan);
        log.Unlinked.Count.ShouldBe(release switch
        {
            TableRelease.WhenCovered => 1,
            TableRelease.WhenEmpty => InnerTables,
            _ => 0,
        });
        bool isDropped = release == TableRelease.WhenCovered;
        log.Runs.Any(run => run.Change == EntryChange.LeafCleared).ShouldBe(!isDropped);
        log.Runs.Any(run => run.Change == EntryChange.TableAbandoned).ShouldBe(isDropped);
        log.Clear();
        table.Dispose();
        allocator.Outstanding.ShouldBe(0);
    }

    [Fact]
    public void A_hole_stops_an_unmap()
    {
        using var table = Make(out var log, out _, TableRelease.WhenEmpty);
        var sink = new RecordingSink(log);
        ulong start = TableSpan - (2 * Page);
        table.Map(start, 0x1000, 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.None);
        table.Map(start + (3 * Page), 0x9000, 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.None);
        table.Unmap(start, 5 * Page, ref sink).ShouldBe(2 * Page);
        table.TryTranslate(start + (3 * Page), out _).ShouldBeTrue();
        table.Unmap(start, 5 * Page, ref sink).ShouldBe(0ul);
        table.Unmap(start + (3 * Page), 9 * Page, ref sink).ShouldBe(2 * Page);
    }

    [Fact]
    public void Running_out_of_memory_at_any_table_changes_nothing()
    {
        using var table = Make(out var log, out var allocator, TableRelease.WhenEmpty);
        var sink = new RecordingSink(log);
        ulong start = (3 * TableSpan) - Page;
        ulong size = TableSpan + (2 * Page);
        table.Map(start, 0x1000, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
        long needed = allocator.Outstanding - 1;
        needed.ShouldBeGreaterThanOrEqualTo(3);
        table.Unmap(start, size, ref sink).ShouldBe(size);
        log.Clear();
        for (long limit = 1; limit <= needed; limit++)
        {
            byte[] before = Snapshot();
            allocator.Limit = limit;
            table.Map(start, 0x1000, size, ReadWrite, ref sink).ShouldBe(IommuError.ENOMEM);
            Snapshot().AsSpan().SequenceEqual(before).ShouldBeTrue();
            allocator.Outstanding.ShouldBe(1);
            log.Runs.ShouldBeEmpty();
            log.Filled.ShouldBeEmpty();
        }

        allocator.Limit = needed + 1;
        table.Map(start, 0x1000, size, ReadWrite, ref sink).ShouldBe(IommuError.None);
    }

    [Fact]
    public void A_new_table_is_filled_before_it_is_linked_and_after_it_page_by_page()
    {
        using var table = Make(out var log, out _);
        var sink = new RecordingSink(log);
        table.Map(0, 0x1000, 2 * Page, ReadWrite, ref sink).ShouldBe(IommuError.None);
        log.Runs[0].Change.ShouldBe(EntryChange.NewTableWritten);
        log.Runs[^1].Change.ShouldBe(EntryChange.TableLinked);
        log.Runs.Count(run => run.Change == EntryChange.TableLinked).ShouldBe(1);
        log.Clear();

        var single = new PageByPageSink(log);
        table.Map(TableSpan, 0x1000, 2 * Page, ReadWrite, ref single).ShouldBe(IommuError.None);
        log.Runs.Select(run => run.Change).ShouldBe([EntryChange.TableLinked, EntryChange.LeafWritten, EntryChange.LeafWritten]);
        log.Runs.ShouldAllBe(run => run.Count == 1);
        table.Unmap(TableSpan, 2 * Page, ref single).ShouldBe(2 * Page);
        log.Runs.Skip(3).Select(run => run.Change).ShouldBe([EntryChange.LeafCleared, EntryChange.LeafCleared]);
    }

    [Theory]
    [InlineData(TableRelease.WhenEmpty)]
    [InlineData(TableRelease.Never)]
    public void Random_operations_agree_with_a_dictionary(TableRelease release)
    {
        for (int seed = 0; seed < 8; seed++)
        {
            RunRandom(new Random(seed), release, steps: 150);
        }
    }

    [Fact]
    public void Random_operations_keep_their_promises_when_covered_tables_are_dropped()
    {
        for (int seed = 100; seed < 106; seed++)
        {
            RunRandom(new Random(seed), TableRelease.WhenCovered, steps: 150);
        }
    }

    /// <summary>Random maps and unmaps over some table boundaries, against a dictionary; every store is in the footprint and nothing else is.</summary>
    private void RunRandom(Random random, TableRelease release, int steps)
    {
        using var table = Make(out var log, out var allocator, release);
        var oracle = new PageOracle();
        ulong[] sizes = [.. Bits(table.SupportedPageSizes).Select(bit => 1ul << bit).Where(size => size <= 8 << 20)];
        for (int step = 0; step < steps; step++)
        {
            byte[] before = Snapshot();
            log.Clear();
            ulong unit = sizes[random.Next(sizes.Length)];
            ulong iova = (ulong)random.Next(0, (int)(3 * TableSpan / Page)) * Page;
            iova = random.Next(3) == 0 ? iova / unit * unit : iova;
            ulong size = Math.Max(Page, (ulong)random.Next(1, 5) * (random.Next(2) == 0 ? Page * (ulong)random.Next(1, 40) : unit));
            bool isSingle = random.Next(4) == 0;
            if (random.Next(5) < 3)
            {
                ulong address = random.Next(2) == 0 ? iova + unit : (ulong)random.Next(1, 10_000) * Page;
                var expected = oracle.Map(iova, address, size, table.SupportedPageSizes);
                var actual = isSingle ? MapSingle(table, log, iova, address, size) : MapRun(table, log, iova, address, size);
                actual.ShouldBe(expected ? IommuError.None : IommuError.EEXIST);
            }
            else
            {
                ulong expected = oracle.CountUnmap(iova, size);
                ulong actual = isSingle ? UnmapSingle(table, log, iova, size) : UnmapRun(table, log, iova, size);
                if (release == TableRelease.WhenCovered)
                {
                    actual.ShouldBeGreaterThanOrEqualTo(expected);
                    actual.ShouldBeLessThanOrEqualTo(Math.Max(size, expected));
                }
                else
                {
                    actual.ShouldBe(expected);
                }

                oracle.Remove(iova, actual);
            }

            CheckFootprint(before, log);
            foreach (ulong at in oracle.Interesting(iova, size))
            {
                table.TryFind(at, out var mapping).ShouldBe(oracle.TryFind(at, out ulong physical, out int log2));
                if (mapping.PageLog2 != 0)
                {
                    mapping.PhysicalAddress.ShouldBe(physical);
                    mapping.PageLog2.ShouldBe(log2);
                }
            }

            table.TryFindNext(iova, LastIova, out ulong next).ShouldBe(oracle.TryFindNext(iova, out ulong expectedNext));
            next.ShouldBe(oracle.TryFindNext(iova, out _) ? expectedNext : next);
        }

        log.Clear();
        table.Dispose();
        allocator.Outstanding.ShouldBe(0);
    }

    private static IommuError MapRun(PageTable<TFormat> table, FootprintLog log, ulong iova, ulong address, ulong size)
    {
        var sink = new RecordingSink(log);
        return table.Map(iova, address, size, ReadWrite, ref sink);
    }

    private static IommuError MapSingle(PageTable<TFormat> table, FootprintLog log, ulong iova, ulong address, ulong size)
    {
        var sink = new PageByPageSink(log);
        return table.Map(iova, address, size, ReadWrite, ref sink);
    }

    private static ulong UnmapRun(PageTable<TFormat> table, FootprintLog log, ulong iova, ulong size)
    {
        var sink = new RecordingSink(log);
        return table.Unmap(iova, size, ref sink);
    }

    private static ulong UnmapSingle(PageTable<TFormat> table, FootprintLog log, ulong iova, ulong size)
    {
        var sink = new PageByPageSink(log);
        return table.Unmap(iova, size, ref sink);
    }

    /// <summary>Every byte of table memory that changed is in a run or a new table, and every entry of a run changed.</summary>
    private void CheckFootprint(byte[] before, FootprintLog log)
    {
        byte[] after = Snapshot();
        byte[] covered = new byte[after.Length];
        foreach (var (address, bytes) in log.Filled)
        {
            covered.AsSpan((int)address, (int)bytes).Fill(1);
        }

        foreach (var run in log.Runs.Where(run => run.Change != EntryChange.TableAbandoned))
        {
            covered.AsSpan((int)run.EntryAddress, (int)run.Bytes).Fill(1);
            run.Span.ShouldBe((ulong)run.Count << TFormat.EntryShift(run.Level));
        }

        for (int page = 0; page < after.Length; page += (int)Page)
        {
            if (before.AsSpan(page, (int)Page).SequenceEqual(after.AsSpan(page, (int)Page)))
            {
                continue;
            }

            for (int i = page; i < page + (int)Page; i++)
            {
                (before[i] == after[i] || covered[i] == 1).ShouldBeTrue($"byte 0x{i:x} changed outside the footprint");
            }
        }

        foreach (var run in log.Runs.Where(run => run.Change is EntryChange.LeafCleared or EntryChange.TableUnlinked))
        {
            before.AsSpan((int)run.EntryAddress, (int)run.Bytes).ContainsAnyExcept((byte)0).ShouldBeTrue();
        }
    }

    private int InnerTables => inputBits > TFormat.EntryShift(1) + TFormat.IndexBits(1) ? LevelsBetween : 1;

    // Under the rule that empties tables, every table on the way down goes with the last entry.
    private int LevelsBetween => Enumerable.Range(0, TFormat.TopLevel + 1).Count(level => TFormat.EntryShift(level + 1) < inputBits);

    private ulong LastAddress => ulong.MaxValue >> (64 - outputBits);

    private static IEnumerable<int> Bits(ulong bitmap) => Enumerable.Range(0, 64).Where(bit => (bitmap >> bit & 1) != 0);

    private byte[] Snapshot() => _memory.CpuView.Span(0, (int)_memory.Length).ToArray();

    private PageTable<TFormat> Make(out FootprintLog log, out PageAllocator allocator, TableRelease release = TableRelease.WhenCovered)
    {
        allocator = new PageAllocator(_memory.CpuView, 0, _memory.Length);
        log = new FootprintLog(allocator, TFormat.IndexBits(0) + TFormat.EntrySizeLog2);
        return new PageTable<TFormat>(
            new PageTableOptions { InputBits = inputBits, OutputBits = outputBits, PageSizes = pageSizes, Release = release }, allocator);
    }
}
