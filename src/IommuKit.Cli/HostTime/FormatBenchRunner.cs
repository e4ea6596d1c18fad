using System.Diagnostics;
using System.Reflection;
using IommuKit.Lab.Formats;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Measures page tables on this host: the engine alone, and a domain over it. Everything that is measured is verified too.</summary>
internal static class FormatBenchRunner
{
    private const int FewPages = 32;
    private const int ManyPages = 512;

    // Rows that do not depend on the number of threads.
    private const int SteadyRows = 21;

    /// <summary>Whether the engine was built optimised. If not, the times say nothing.</summary>
    public static bool IsOptimised { get; } =
        typeof(PageTable<>).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    /// <summary>
    /// What reading the clock costs here, in nanoseconds. It is part of every map and unmap that is timed, once for some tens to hundreds of them.
    /// </summary>
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

    private sealed class Visitor(FormatBenchOptions options) : IFormatVisitor<IEnumerable<FormatBenchRow>>
    {
        public IEnumerable<FormatBenchRow> Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            using var works = new FormatWorkloads<TFormat>(kind);
            using var fillWorks = new FormatWorkloads<TFormat>(kind);
            var fill = fillWorks.Fill();
            bool isFinal = Rehearsal.Repeat(() =>
            {
                foreach (var _ in Rows(works, new Sampler(fill, isRehearsal: true)))
                {
                    works.Clear();
                }
            });
            foreach (var row in Rows(works, new Sampler(fill)))
            {
                yield return row with { Format = kind.Name, IsCodeFinal = isFinal };

                // The next work starts with the same memory.
                works.Clear();
            }
        }

        private IEnumerable<FormatBenchRow> Rows<TFormat>(FormatWorkloads<TFormat> works, Sampler sampler)
            where TFormat : struct, IPageTableFormat =>
            EngineRows(works, sampler).Concat(DomainRows(works, sampler)).Concat(ThreadRows(works, sampler));

        private static IEnumerable<FormatBenchRow> EngineRows<TFormat>(FormatWorkloads<TFormat> works, Sampler sampler)
            where TFormat : struct, IPageTableFormat
        {
            int most = FormatWorkloads<TFormat>.PagesOfTable;
            int entries = FormatWorkloads<TFormat>.TableEntries;
            foreach (var row in Pair(sampler, () => works.Pages(1), BenchWork.MapPage, BenchWork.UnmapPage, 1)
                .Concat(Pair(sampler, () => works.Pages(FewPages), BenchWork.MapPages, BenchWork.UnmapPages, FewPages))
                .Concat(Pair(sampler, () => works.Pages(most), BenchWork.MapTable, BenchWork.UnmapTable, most))
                .Concat(Pair(sampler, () => works.Blocks(), BenchWork.MapBlock, BenchWork.UnmapBlock, 1)))
            {
                yield return row;
            }

            yield return LookUp(works, sampler, LookUpOrder.Sequential, BenchWork.LookUpHot);
            yield return LookUp(works, sampler, LookUpOrder.Random, BenchWork.LookUpRandom);
            yield return LookUp(works, sampler, LookUpOrder.Dependent, BenchWork.LookUpDependent);
            yield return Map(sampler, works.Cold(1), BenchWork.ColdMapPage, 1);
            yield return Map(sampler, works.Cold(9 * entries), BenchWork.ColdMapTables, 9 * entries);
            yield return Unmap(sampler, works.WholeTables(2), BenchWork.DropTwo, 2 * entries);
            yield return Unmap(sampler, works.WholeTables(9), BenchWork.DropNine, 9 * entries);
            yield return Map(sampler, works.Lists(FewPages), BenchWork.MapList, FewPages);
            yield return Map(sampler, works.Lists(ManyPages), BenchWork.MapLongList, ManyPages);
        }

        private static IEnumerable<FormatBenchRow> DomainRows<TFormat>(FormatWorkloads<TFormat> works, Sampler sampler)
            where TFormat : struct, IPageTableFormat =>
            Pair(sampler, () => works.Domain(1), BenchWork.MapPage, BenchWork.UnmapPage, 1)
                .Concat(Pair(sampler, () => works.Domain(FewPages), BenchWork.MapPages, BenchWork.UnmapPages, FewPages))
                .Select(row => row with { Level = BenchLevel.Domain });

        private IEnumerable<FormatBenchRow> ThreadRows<TFormat>(FormatWorkloads<TFormat> works, Sampler sampler)
            where TFormat : struct, IPageTableFormat =>
            from work in new[] { (Name: BenchWork.ThreadsPage, Pages: 1), (Name: BenchWork.ThreadsPages, Pages: FewPages) }
            from threads in options.ThreadCounts
            select Row(work.Name, work.Pages, ThreadRun.Measure(works.PagesOfThreads(work.Pages, threads), sampler)) with { Threads = threads };

        private static FormatBenchRow LookUp<TFormat>(FormatWorkloads<TFormat> works, Sampler sampler, LookUpOrder order, string name)
            where TFormat : struct, IPageTableFormat => Row(name, 1, sampler.Measure(works.LookUps(order)));

        private static FormatBenchRow Map(Sampler sampler, PairWork work, string name, int pages) => Row(name, pages, sampler.Measure(work).Map);

        private static FormatBenchRow Unmap(Sampler sampler, PairWork work, string name, int pages) => Row(name, pages, sampler.Measure(work).Unmap);

        // Work is made when its turn comes.
        private static IEnumerable<FormatBenchRow> Pair(Sampler sampler, Func<PairWork> work, string map, string unmap, int pages)
        {
            var (maps, unmaps) = sampler.Measure(work());
            yield return Row(map, pages, maps);
            yield return Row(unmap, pages, unmaps);
        }

        private static FormatBenchRow Row(string work, int pages, Timing timing) => new(
            string.Empty, work, BenchLevel.Engine, Threads: 1, pages, timing.Median, timing.P10, timing.P90, timing.BytesAllocated, timing.Fill);
    }
}
