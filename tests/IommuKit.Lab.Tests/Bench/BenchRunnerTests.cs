using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Tests.Bench;

public class BenchRunnerTests
{
    private static readonly Lazy<IReadOnlyList<BenchRow>> Seed = new(() => [.. BenchRunner.Run(Options())]);

    [Fact]
    public void The_seed_run_has_a_row_for_each_policy_operation_and_size()
    {
        Seed.Value.Count.ShouldBe(6 * 2 * 3);
        Seed.Value.ShouldAllBe(row => row.PaperBefore != null && row.PaperAfter != null);
        Seed.Value.ShouldAllBe(row => row.Counts.Maintenance >= (row.Policy == SyncPolicy.Deferred ? 0 : row.Bound.Total));
    }

    /// <summary>S17, S32, S35: the paper's ordering and factors.</summary>
    [Fact]
    public void The_model_reproduces_the_papers_factors()
    {
        foreach (ulong size in BenchOptions.SeedSizes)
        {
            double map = Row("map", size, SyncPolicy.PerPage).VirtualMicroseconds / Row("map", size, SyncPolicy.RangeFlush).VirtualMicroseconds;
            double unmap = Row("unmap", size, SyncPolicy.PerPage).VirtualMicroseconds / Row("unmap", size, SyncPolicy.RangeFlush).VirtualMicroseconds;
            map.ShouldBeInRange(2.4, 3.7);
            unmap.ShouldBeInRange(10, 30);
        }

        double small = Gain(128 << 10);
        double large = Gain(18 << 20);
        large.ShouldBeGreaterThan(small);

        double Gain(ulong size) =>
            Row("unmap", size, SyncPolicy.PerPage).VirtualMicroseconds / Row("unmap", size, SyncPolicy.RangeFlush).VirtualMicroseconds;
    }

    /// <summary>How far each cell may be off is written down here; docs/cost-model.md says why.</summary>
    [Fact]
    public void Every_cell_is_within_a_quarter_of_the_papers_mean()
    {
        foreach (var row in Seed.Value.Where(row => row.Policy is SyncPolicy.PerPage or SyncPolicy.RangeFlush))
        {
            double paper = (row.Policy == SyncPolicy.PerPage ? row.PaperBefore : row.PaperAfter)!.Mean;
            (row.VirtualMicroseconds / paper).ShouldBeInRange(0.75, 1.25, $"{row.Operation} {row.Size} {row.Policy}");
        }
    }

    /// <summary>S20: splitting the flush by direction costs map nothing, and unmap nothing more.</summary>
    [Fact]
    public void A_split_sync_is_never_dearer_than_a_range_flush()
    {
        foreach (var row in Seed.Value.Where(row => row.Policy == SyncPolicy.SplitSync))
        {
            row.VirtualMicroseconds.ShouldBeLessThanOrEqualTo(Row(row.Operation, row.Size, SyncPolicy.RangeFlush).VirtualMicroseconds);
        }
    }

    [Fact]
    public void Contiguous_lists_of_single_pages_take_the_same_flushes()
    {
        var rows = BenchRunner.Run(Options() with { Layout = BenchLayout.Contiguous, Sizes = [4 << 20] }).ToList();
        rows.Single(row => row is { Policy: SyncPolicy.Gather, Operation: "unmap" }).Counts.RegisterWrites.Total.ShouldBe(256);
    }

    [Fact]
    public void Sections_take_one_entry_for_4_MiB()
    {
        var options = Options() with
        {
            Layout = BenchLayout.Contiguous,
            Sizes = [16 << 20],
            Policies = [SyncPolicy.Gather],
            Settings = new MachineSettings { UsesSections = true },
        };
        foreach (var row in BenchRunner.Run(options))
        {
            row.Counts.EntriesStored.ShouldBe(4);
            row.Counts.Maintenance.ShouldBe(row.Bound.Total);
        }
    }

    [Theory]
    [InlineData(BenchTables.Existing)]
    [InlineData(BenchTables.Fresh)]
    public void No_policy_beats_the_bound_without_dropping_more(BenchTables tables)
    {
        var options = Options() with { Machines = MachineCatalog.All, Tables = tables, Sizes = [4096, 60 << 10, 4 << 20, 18 << 20] };
        foreach (var row in BenchRunner.Run(options).Where(row => row.Policy != SyncPolicy.Deferred))
        {
            row.Counts.Maintenance.ShouldBeGreaterThanOrEqualTo(row.Bound.Total, $"{row.Iommu} {row.Policy} {row.Operation} {row.Size}");
        }
    }

    [Fact]
    public void Gather_with_sections_flushed_as_one_reaches_the_bound()
    {
        var options = Options() with
        {
            Machines = MachineCatalog.All,
            Policies = [SyncPolicy.Gather],
            Sizes = [4 << 20],
            Settings = new MachineSettings { SectionThreshold = 2 },
        };
        foreach (var row in BenchRunner.Run(options))
        {
            row.Counts.Maintenance.ShouldBe(row.Bound.Total);
        }
    }

    [Fact]
    public void Devices_really_used_the_mappings()
    {
        Seed.Value.ShouldAllBe(row => row.Caches.TlbHits + row.Caches.TlbMisses == (long)row.Pages);

        // 1024 pages in order: one miss for each group of 8, and one line of the table for two groups.
        Row("map", 4 << 20, SyncPolicy.Gather).Caches.TlbMisses.ShouldBe(128);
    }

    [Theory]
    [InlineData(5000ul, "page size")]
    [InlineData(1ul << 32, "more than 2G")]
    public void Sizes_that_cannot_be_mapped_are_refused(ulong size, string reason) =>
        Should.Throw<InputException>(() => BenchRunner.Run(Options() with { Sizes = [size] }).ToList()).Message.ShouldContain(reason);

    [Fact]
    public void What_does_not_fit_into_memory_is_refused() =>
        Should.Throw<InputException>(() => BenchRunner.Run(Options() with { Machines = [MachineCatalog.Find("tegra30")!], Sizes = [1ul << 31] }).ToList())
            .Message.ShouldContain("has no memory for 2G");

    [Fact]
    public void Virtual_time_is_the_counts_times_the_costs()
    {
        var row = Row("unmap", 4 << 20, SyncPolicy.RangeFlush);
        var costs = CostFile.Default.Components;
        double expected = costs.UnmapCall.Us + (256 * costs.RegisterWrite.Us) + costs.RegisterRead.Us + (64 * costs.LineCleaned.Us)
            + costs.Barrier.Us + (1024 * costs.EntryStored.Us);
        row.VirtualMicroseconds.ShouldBe(expected, 1e-9);
    }

    [Fact]
    public void Host_time_is_measured_and_allocates_nothing()
    {
        var rows = HostTimeRunner.Run(Options() with { Sizes = [128 << 10], Policies = [SyncPolicy.Gather, SyncPolicy.PerPage] }).ToList();
        rows.Count.ShouldBe(4);
        rows.ShouldAllBe(row => row.MedianNanoseconds > 0 && row.MinNanoseconds <= row.MedianNanoseconds && row.MedianNanoseconds <= row.P90Nanoseconds);
        rows.ShouldAllBe(row => row.BytesAllocated == 0);
    }

    private static BenchRow Row(string operation, ulong size, SyncPolicy policy) =>
        Seed.Value.Single(row => row.Operation == operation && row.Size == size && row.Policy == policy);

    private static BenchOptions Options() => new() { Machines = [MachineCatalog.Find("tegra210")!] };
}
