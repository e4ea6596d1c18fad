using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Bench;

public class BenchRunnerTests
{
    private static readonly Lazy<IReadOnlyList<BenchRow>> Seed = new(() => [.. BenchRunner.Run(Options())]);

    [Fact]
    public void The_seed_run_has_a_row_for_each_policy_operation_and_size()
    {
        Seed.Value.Count.ShouldBe(6 * 2 * 3);
        Seed.Value.ShouldAllBe(row => row.PaperBefore != null && row.PaperAfter != null);
    }

    /// <summary>S17, S32, S35: the paper's ordering and factors.</summary>
    [Fact]
    public void The_model_reproduces_the_papers_factors()
    {
        foreach (ulong size in BenchOptions.SeedSizes)
        {
            Gain(MappingOperation.Map, size).ShouldBeInRange(2.4, 3.7);
            Gain(MappingOperation.Unmap, size).ShouldBeInRange(10, 30);
        }

        double small = Gain(MappingOperation.Unmap, 128 << 10);
        double large = Gain(MappingOperation.Unmap, 18 << 20);
        large.ShouldBeGreaterThan(small);

        double Gain(MappingOperation operation, ulong size) =>
            Row(operation, size, SyncPolicy.PerPage).VirtualMicroseconds / Row(operation, size, SyncPolicy.RangeFlush).VirtualMicroseconds;
    }

    /// <summary>How far each cell may be off is written down here; docs/cost-model.md says why.</summary>
    [Fact]
    public void Every_cell_is_within_a_quarter_of_the_papers_mean()
    {
        var rows = Seed.Value.Where(row => row.Paper is not null).ToList();
        rows.Select(row => row.Policy).Distinct().ShouldBe([SyncPolicy.PerPage, SyncPolicy.RangeFlush]);
        foreach (var row in rows)
        {
            (row.VirtualMicroseconds / row.Paper!.Mean).ShouldBeInRange(0.75, 1.25, $"{row.Operation} {row.Size} {row.Policy}");
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
        rows.Single(row => row is { Policy: SyncPolicy.Gather, Operation: MappingOperation.Unmap }).Counts.RegisterWrites.Total.ShouldBe(256);
    }

    [Fact]
    public void Sections_take_one_entry_for_4_MiB()
    {
        var options = Options() with
        {
            Layout = BenchLayout.Contiguous,
            Sizes = [16 << 20],
            Policies = [SyncPolicy.Gather],
            Settings = new MachineSettings { UsesSuperpages = true },
        };
        foreach (var row in BenchRunner.Run(options))
        {
            row.Counts.EntriesStored.ShouldBe(4);
        }
    }

    [Fact]
    public void Devices_really_used_the_mappings()
    {
        Seed.Value.ShouldAllBe(row => row.Caches.TlbHits + row.Caches.TlbMisses == (long)row.Pages);

        // 1024 pages in order: one miss for each group of 8, and one line of the table for two groups.
        Row(MappingOperation.Map, 4 << 20, SyncPolicy.Gather).Caches.TlbMisses.ShouldBe(128);
    }

    [Theory]
    [InlineData(5000ul, "page size")]
    [InlineData(1ul << 32, "more than 2G")]
    public void Sizes_that_cannot_be_mapped_are_refused(ulong size, string reason) =>
        Should.Throw<InputException>(() => BenchRunner.Run(Options() with { Sizes = [size] }).ToList()).Message.ShouldContain(reason);

    /// <summary>A limit that is stated is the limit: what it names runs, and the next page does not.</summary>
    [Theory]
    [InlineData(BenchLayout.Scattered, 2032ul << 20)]
    [InlineData(BenchLayout.Contiguous, 2048ul << 20)]
    public void A_machine_with_little_memory_states_its_own_limit(BenchLayout layout, ulong most)
    {
        var options = Options() with { Machines = MachineCatalog.All, Layout = layout };
        Should.NotThrow(() => BenchSteps.CheckSizes(options with { Sizes = [most] }));
        Should.Throw<InputException>(() => BenchSteps.CheckSizes(options with { Sizes = [4096, most + 4096] })).Message
            .ShouldContain($"more than {ByteSize.Format(most)}, the most that a run can map on tegra30");
        using var machine = MachineCatalog.Find("tegra30")!.Create(new MachineSettings());
        var list = BenchSteps.ScatterList(machine, most, layout);
        list.ShouldAllBe(range => machine.Memory.CpuView.Contains(range.Address, range.Length));
    }

    [Fact]
    public void Virtual_time_is_the_counts_times_the_costs()
    {
        var row = Row(MappingOperation.Unmap, 4 << 20, SyncPolicy.RangeFlush);
        var costs = CostFile.Default.Components;
        double expected = costs.UnmapCall.Us + (256 * costs.RegisterWrite.Us) + costs.RegisterRead.Us + (64 * costs.LineCleaned.Us)
            + costs.Barrier.Us + (1024 * costs.EntryStored.Us) + costs.RunStored.Us;
        row.VirtualMicroseconds.ShouldBe(expected, 1e-9);
    }

    private static BenchRow Row(MappingOperation operation, ulong size, SyncPolicy policy) =>
        Seed.Value.Single(row => row.Operation == operation && row.Size == size && row.Policy == policy);

    private static BenchOptions Options() => new() { Machines = [MachineCatalog.Find("tegra210")!] };
}
