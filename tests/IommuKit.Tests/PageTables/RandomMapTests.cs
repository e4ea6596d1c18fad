using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Random maps and unmaps in a window of 1 GiB, against <see cref="Support.PageOracle"/>.</summary>
public class RandomMapTests
{
    private const ulong Window = 1ul << 30;
    private const int MostGranules = 700;
    private const int LargestUnit = 29;

    [Theory, EveryFormat]
    public void Maps_are_done_or_refused_and_covered_tables_dropped(string format) => Run(format, 1, 1500, TableRelease.WhenCovered);

    [Theory, EveryFormat]
    public void With_tables_that_stay(string format) => Run(format, 2, 1000, TableRelease.Never);

    [Theory, EveryFormat]
    public void With_tables_that_go_when_empty(string format) => Run(format, 3, 1000, TableRelease.WhenEmpty);

    [Theory, EveryFormat]
    public void With_pages_that_are_split(string format) => Run(format, 4, 400, TableRelease.WhenCovered, splitsPages: true);

    [Theory, EveryFormat]
    public void With_pages_that_are_split_and_tables_that_stay(string format) => Run(format, 5, 400, TableRelease.Never, splitsPages: true);

    [Theory, EveryFormat]
    public void With_pages_that_are_split_and_tables_that_go_when_empty(string format) =>
        Run(format, 6, 400, TableRelease.WhenEmpty, splitsPages: true);

    private static void Run(string format, int seed, int steps, TableRelease release, bool splitsPages = false)
    {
        var random = new Random(seed);
        using var table = TableSetups.Make(format, setup => setup with { Release = release, SplitsPages = splitsPages });
        var oracle = table.MakeOracle();
        ulong[] units = [.. table.Sizes.Where(log2 => log2 <= LargestUnit).Select(log2 => 1ul << log2)];
        for (int step = 0; step < steps; step++)
        {
            table.IsPageByPage = random.Next(4) == 0;
            ulong unit = units[random.Next(units.Length)];
            ulong offset = RandomBelow(random, Window) & ~(random.Next(2) == 0 ? unit - 1 : table.Granule - 1);
            ulong size = table.Granule * (ulong)random.Next(1, MostGranules);
            bool isAligned = random.Next(2) == 0;
            size = isAligned ? unit * (ulong)random.Next(1, 4) : size;
            size = Math.Min(size, Window - offset);
            ulong iova = table.Base | offset;
            if (random.Next(3) != 0)
            {
                ulong address = isAligned
                    ? offset + (unit * (ulong)random.Next(0, 4))
                    : RandomBelow(random, table.LastAddress - size) & ~(table.Granule - 1);
                Map(table, oracle, iova, address, size, isDumped: step % 32 == 0);
            }
            else
            {
                table.Unmap(iova, size).ShouldBe(oracle.Unmap(iova, size));
            }

            table.Log.Clear();
            table.Allocator.Outstanding.ShouldBe(1 + oracle.Tables);
            Compare(table, oracle, [iova, iova + table.Granule, iova + (size - 1), iova + size, iova - 1]);
        }

        Compare(table, oracle, oracle.Edges());
        table.ShouldLeaveNothing();
    }

    private static void Map(TestTable table, Support.PageOracle oracle, ulong iova, ulong address, ulong size, bool isDumped)
    {
        if (oracle.CanMap(iova, size))
        {
            table.Map(iova, address, size).ShouldBe(IommuError.None);
            oracle.Map(iova, address, size);
        }
        else if (isDumped)
        {
            table.ShouldNotChange(() => table.Map(iova, address, size).ShouldBe(IommuError.EEXIST));
        }
        else
        {
            table.Map(iova, address, size).ShouldBe(IommuError.EEXIST);
            table.Log.IsEmpty.ShouldBeTrue();
        }
    }

    private static void Compare(TestTable table, Support.PageOracle oracle, IEnumerable<ulong> places)
    {
        foreach (ulong at in places)
        {
            bool isMapped = oracle.TryFind(at, out ulong physical, out int log2);
            table.TryFind(at, out var mapping).ShouldBe(isMapped);
            (mapping.PhysicalAddress, mapping.PageLog2).ShouldBe((physical, log2));
            table.TryTranslate(at, out ulong translated).ShouldBe(isMapped);
            translated.ShouldBe(physical);
            if (at >= table.Base && at <= table.Last)
            {
                bool hasNext = oracle.TryFindNext(at, out ulong expected);
                table.TryFindNext(at, table.Last, out ulong next).ShouldBe(hasNext);
                next.ShouldBe(hasNext ? expected : next);
            }
        }
    }

    private static ulong RandomBelow(Random random, ulong limit) => (ulong)random.NextInt64((long)limit);
}
