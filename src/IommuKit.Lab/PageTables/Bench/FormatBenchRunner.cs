using System.Diagnostics;
using System.Reflection;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.PageTables.Bench;

/// <summary>Measures page tables on this host: the engine alone, and a domain over it. Everything that is measured is verified too.</summary>
public static class FormatBenchRunner
{
    private const int FewPages = 32;
    private const int ManyPages = 512;

    // Rows that do not depend on the number of threads.
    private const int SteadyRows = 21;

    /// <summary>
    /// Whether the engine was built, and runs, optimised from the first call on. If not, the times say nothing.
    /// </summary>
    public static bool IsOptimised =>
        typeof(PageTable<>).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true }
        && (IsOff("System.Runtime.TieredCompilation")
            || Environment.GetEnvironmentVariable("DOTNET_TieredCompilation") == "0");

    /// <summary>What reading the clock costs here, in nanoseconds. It is part of every map and unmap that is timed, once for some tens to hundreds of them.</summary>
    public static double ClockNanoseconds => Sampler.ClockNanoseconds();

    /// <summary>How many rows there will be.</summary>
    public static int RowCount(FormatBenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Formats.Count * (SteadyRows + (2 * options.ThreadCounts.Count));
    }

    /// <summary>Runs everything, one row after the other.</summary>
    public static IEnumerable<FormatBenchRow> Run(FormatBenchOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Formats.SelectMany(kind => kind.Accept(new Visitor(options)));
    }

    private static bool IsOff(string setting) =>
        AppContext.GetData(setting) is bool isOn ? !isOn : AppContext.GetData(setting) is string text && text.Equals("false", StringComparison.OrdinalIgnoreCase);

    private sealed class Visitor(FormatBenchOptions options) : IFormatVisitor<IEnumerable<FormatBenchRow>>
    {
        public IEnumerable<FormatBenchRow> Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            using var works = new FormatWorkloads<TFormat>(kind);
            using var rows = EngineRows(works).Concat(DomainRows(works)).Concat(ThreadRows(works)).GetEnumerator();
            while (true)
            {
                // The limit moves with what else the machine does: it is measured beside each row.
                var fill = works.Fill();
                double fillNanoseconds = Sampler.Measure(fill, fill.Entries).Median;
                if (!rows.MoveNext())
                {
                    break;
                }

                yield return rows.Current with { Format = kind.Name, FillNanoseconds = fillNanoseconds };

                // The next work starts with the same memory.
                works.Clear();
            }
        }

        private static IEnumerable<FormatBenchRow> EngineRows<TFormat>(FormatWorkloads<TFormat> works)
            where TFormat : struct, IPageTableFormat
        {
            int most = FormatWorkloads<TFormat>.PagesOfTable;
            int entries = FormatWorkloads<TFormat>.TableEntries;
            foreach (var row in Pair(() => works.Pages(1), BenchWork.MapPage, BenchWork.UnmapPage, 1)
                .Concat(Pair(() => works.Pages(FewPages), BenchWork.MapPages, BenchWork.UnmapPages, FewPages))
                .Concat(Pair(() => works.Pages(most), BenchWork.MapTable, BenchWork.UnmapTable, most))
                .Concat(Pair(() => works.Blocks(), BenchWork.MapBlock, BenchWork.UnmapBlock, 1)))
            {
                yield return row;
            }

            yield return LookUp(works, LookUpOrder.Sequential, BenchWork.LookUpHot);
            yield return LookUp(works, LookUpOrder.Random, BenchWork.LookUpRandom);
            yield return LookUp(works, LookUpOrder.Dependent, BenchWork.LookUpDependent);
            yield return Map(works.Cold(1), BenchWork.ColdMapPage, 1);
            yield return Map(works.Cold(9 * entries), BenchWork.ColdMapTables, 9 * entries);
            yield return Unmap(works.WholeTables(2), BenchWork.DropTwo, 2 * entries);
            yield return Unmap(works.WholeTables(9), BenchWork.DropNine, 9 * entries);
            yield return Map(works.Lists(FewPages), BenchWork.MapList, FewPages);
            yield return Map(works.Lists(ManyPages), BenchWork.MapLongList, ManyPages);
        }

        private static IEnumerable<FormatBenchRow> DomainRows<TFormat>(FormatWorkloads<TFormat> works)
            where TFormat : struct, IPageTableFormat =>
            Pair(() => works.Domain(1), BenchWork.MapPage, BenchWork.UnmapPage, 1)
                .Concat(Pair(() => works.Domain(FewPages), BenchWork.MapPages, BenchWork.UnmapPages, FewPages))
                .Select(row => row with { Level = BenchLevel.Domain });

        private IEnumerable<FormatBenchRow> ThreadRows<TFormat>(FormatWorkloads<TFormat> works)
            where TFormat : struct, IPageTableFormat =>
            from work in new[] { (Name: BenchWork.ThreadsPage, Pages: 1), (Name: BenchWork.ThreadsPages, Pages: FewPages) }
            from threads in options.ThreadCounts
            select Row(work.Name, work.Pages, ThreadRun.Measure(works.PagesOfThreads(work.Pages, threads))) with { Threads = threads };

        private static FormatBenchRow LookUp<TFormat>(FormatWorkloads<TFormat> works, LookUpOrder order, string name)
            where TFormat : struct, IPageTableFormat => Row(name, 1, Sampler.Measure(works.LookUps(order), unit: 1));

        private static FormatBenchRow Map(PairWork work, string name, int pages) => Row(name, pages, Sampler.Measure(work).Map);

        private static FormatBenchRow Unmap(PairWork work, string name, int pages) => Row(name, pages, Sampler.Measure(work).Unmap);

        // Work is made when its turn comes.
        private static IEnumerable<FormatBenchRow> Pair(Func<PairWork> work, string map, string unmap, int pages)
        {
            var (maps, unmaps) = Sampler.Measure(work());
            yield return Row(map, pages, maps);
            yield return Row(unmap, pages, unmaps);
        }

        private static FormatBenchRow Row(string work, int pages, Timing timing) => new(
            string.Empty, work, BenchLevel.Engine, Threads: 1, pages, timing.Median, timing.P10, timing.P90, timing.BytesAllocated, FillNanoseconds: 1);
    }
}
