using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Explain;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Tests.Explain;

public class AttributionTests
{
    private static readonly IommuKind Tegra210 = MachineCatalog.Find("tegra210")!;

    private static readonly Lazy<Workload> Unmap = new(() => SizeWorkloads.Run(Tegra210, SyncPolicy.PerPage, SyncPolicy.RangeFlush, 4 << 20)[1]);

    /// <summary>
    /// By hand: 1024 pages in one table; 3 writes, a read-back, a line and a barrier each, or 256 writes, one read-back, 64 lines and a barrier.
    /// </summary>
    [Theory]
    [InlineData(Causes.None, 3072, 1024, 1024, 1024, 1024)]
    [InlineData(Causes.All, 256, 1, 64, 1, 1)]
    [InlineData(Causes.Invalidations, 256, 1, 1024, 1024, 1024)]
    [InlineData(Causes.Cleans, 3072, 1024, 64, 1, 1024)]
    [InlineData(Causes.Waits, 3072, 1, 1024, 1, 1024)]
    [InlineData(Causes.Software, 3072, 1024, 1024, 1024, 1)]
    [InlineData(Causes.Cleans | Causes.Invalidations, 256, 1, 64, 1, 1024)]
    public void Each_combination_counts_what_it_should(Causes on, int writes, int reads, int lines, int barriers, int runs)
    {
        double[] counts = Unmap.Value.With(on);
        counts[(int)CostTerm.RegisterWrite].ShouldBe(writes);
        counts[(int)CostTerm.RegisterRead].ShouldBe(reads);
        counts[(int)CostTerm.LineCleaned].ShouldBe(lines);
        counts[(int)CostTerm.Barrier].ShouldBe(barriers);
        counts[(int)CostTerm.RunStored].ShouldBe(runs);
        counts[(int)CostTerm.EntryStored].ShouldBe(1024);
    }

    [Theory]
    [InlineData("tegra30", SyncPolicy.PerPage, SyncPolicy.Gather)]
    [InlineData("tegra210", SyncPolicy.PerPage, SyncPolicy.Deferred)]
    [InlineData("tegra210", SyncPolicy.PerPage, SyncPolicy.Explicit)]
    [InlineData("tegra124", SyncPolicy.SplitSync, SyncPolicy.PerPage)]
    public void Both_ways_of_splitting_sum_to_the_gain_for_any_two_policies(string iommu, SyncPolicy from, SyncPolicy to)
    {
        foreach (var work in SizeWorkloads.Run(MachineCatalog.Find(iommu)!, from, to, 256 << 10))
        {
            var attribution = new Attribution(work, CostTerms.VectorOf(CostFile.Default.Components), []);
            double gain = attribution.FromUs - attribution.ToUs;
            gain.ShouldNotBe(0);
            attribution.ByCause.Sum(part => part.Us).ShouldBe(gain, 1e-6);
            attribution.ByOperation.Sum(part => part.Us).ShouldBe(gain, 1e-6);
            attribution.ByCause.Sum(part => part.Share).ShouldBe(1, 1e-9);
        }
    }

    [Fact]
    public void A_trace_is_explained_by_the_counts_of_its_replay()
    {
        string trace = RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");
        var (work, replay) = TraceWorkload.Run(trace, Tegra210, SyncPolicy.PerPage, SyncPolicy.Gather);
        work.With(Causes.All)[(int)CostTerm.RegisterWrite].ShouldBe(replay.Counts.RegisterWrites.Total);
        work.With(Causes.All)[(int)CostTerm.LineCleaned].ShouldBe(replay.Counts.LinesCleaned);
        work.With(Causes.All)[(int)CostTerm.UnmapCall].ShouldBe(replay.UnmapLatency.Count);
        work.With(Causes.None)[(int)CostTerm.RegisterRead].ShouldBeGreaterThan(work.With(Causes.All)[(int)CostTerm.RegisterRead]);
    }

    /// <summary>S24: the answer, and that it is the prior's. docs/seed.md quotes it.</summary>
    [Fact]
    public void The_gain_of_2015_is_tlb_maintenance_if_a_dma_sync_costs_what_it_does_elsewhere_and_open_if_not()
    {
        var withPrior = Explain(new CostPrior(CostFile.Default));
        withPrior.Headline.Registers.Interval!.Value.Low.ShouldBeGreaterThan(0.7);
        withPrior.Headline.DmaSync.Interval!.Value.High.ShouldBeLessThan(0.2);
        var without = Explain(new CostPrior(null));
        without.Headline.DmaSync.Interval!.Value.Low.ShouldBeLessThan(0.05);
        without.Headline.DmaSync.Interval!.Value.High.ShouldBeGreaterThan(0.95);
        without.Uncertainty.ShouldBeGreaterThan(2 * withPrior.Uncertainty);
        string.Concat(Conclusions.Of(withPrior)).ShouldContain("TLB maintenance gives more than the DMA sync");
        string.Concat(Conclusions.Of(without)).ShouldContain("cannot be concluded which of the two");
        withPrior.Next.Select(next => next.Uncertainty).ShouldBeInOrder();
        withPrior.Next[0].Uncertainty.ShouldBeLessThan(withPrior.Uncertainty);
    }

    [Fact]
    public void A_flush_without_direction_costs_nothing_more_on_tegra_and_everything_on_a_coherent_walker()
    {
        var (undirected, split) = UndirectedFlush.OnMachine(Tegra210, 4 << 20);
        undirected.Counts.ShouldBe(split.Counts);
        UndirectedFlush.PagesDroppedOnCoherentWalker(4 << 20).ShouldBe((1024ul, 0ul));
    }

    private static Explanation Explain(CostPrior prior)
    {
        var calibration = CostCalibration.Run("the table", MeasurementFile.SeedTable, new CalibrationOptions { Prior = prior, Resamples = 200 });
        return new Explanation([Unmap.Value], calibration.ToVector("fitted"), calibration);
    }
}
