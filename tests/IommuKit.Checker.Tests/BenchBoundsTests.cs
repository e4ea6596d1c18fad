using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Tests;

/// <summary>The least maintenance of a bench is a bound, and can be reached.</summary>
public class BenchBoundsTests
{
    private static readonly Lazy<IReadOnlyList<BenchRow>> Seed = new(() => Run(new() { Machines = [MachineCatalog.Find("tegra210")!] }));

    /// <summary>Entries of 4 bytes, in lines of 64 bytes of the CPU's cache and of 16 or 64 of the table cache, and groups of the TLB.</summary>
    [Theory]
    [InlineData("tegra30", 128 << 10, 8 + 8, 2)]
    [InlineData("tegra210", 128 << 10, (2 * 2) + 4, 2)]
    [InlineData("tegra30", 4 << 20, 256 + 1, 64)]
    [InlineData("tegra210", 4 << 20, (2 * 64) + 1, 64)]
    [InlineData("tegra210", 18 << 20, (2 * 288) + 4 + 64, 288)]
    public void Where_tables_exist_it_is_lines_and_groups_or_whole_sections(string soc, ulong size, long writes, long lines)
    {
        var target = CheckTargets.Find(soc)!;
        foreach (bool isMap in (bool[])[true, false])
        {
            target.LeastFor(new MappingShape(0x4000_0000, size, isMap, UsesSuperpages: false, KeepsTables: true))
                .ShouldBe(Least(writes, 1, lines));
        }
    }

    [Fact]
    public void A_range_that_is_looked_at_in_pieces_needs_what_its_pieces_need()
    {
        var target = CheckTargets.Find("tegra210")!;
        var one = target.LeastFor(new MappingShape(0, 256 << 20, IsMap: true, UsesSuperpages: false, KeepsTables: true));
        one.ShouldBe(Least(64 * ((2 * 64) + 1), 1, 64 * 64));
    }

    [Theory]
    [InlineData(BenchTables.Existing)]
    [InlineData(BenchTables.Fresh)]
    public void No_policy_beats_the_bound_without_dropping_more(BenchTables tables)
    {
        var rows = Run(new() { Machines = MachineCatalog.All, Tables = tables, Sizes = [4096, 60 << 10, 4 << 20, 18 << 20] });
        foreach (var row in rows.Where(row => row.Policy != SyncPolicy.Deferred && row.Bound is not null))
        {
            row.Counts.Maintenance.ShouldBeGreaterThanOrEqualTo(row.Bound!.Value.Maintenance, $"{row.Iommu} {row.Policy} {row.Operation} {row.Size}");
        }
    }

    [Theory]
    [InlineData("vtd-client", 128 << 10, 2)]
    [InlineData("vtd-client", 4 << 20, 2)]
    [InlineData("vtd-client", 18 << 20, 3)]
    [InlineData("vtd-client", 256 << 20, 2)]
    [InlineData("vtd-server-fs", (256 << 20) + (12 << 10), 4)]
    [InlineData("smmuv3", 18 << 20, 2)]
    [InlineData("smmuv3", 256 << 20, 2)]
    [InlineData("smmuv3-nc", 128 << 10, 33)]
    public void Commands_are_invalidations_of_what_fits_and_one_that_waits(string iommu, ulong size, long commands)
    {
        var unmap = new MappingShape(0x4000_0000, size, IsMap: false, UsesSuperpages: false, KeepsTables: true);
        var least = CheckTargets.Find(iommu)!.LeastFor(unmap)!.Value;
        least[OperationKind.Command].ShouldBe(commands);
        least[OperationKind.Doorbell].ShouldBe(1);
        least[OperationKind.RegisterWrite].ShouldBe(0);
    }

    /// <summary>A coherent walker that remembers nothing absent needs nothing; one in caching mode is told; and a write buffer is flushed.</summary>
    [Fact]
    public void Where_commands_are_in_a_queue_a_map_needs_what_the_hardware_remembers()
    {
        var map = new MappingShape(0x4000_0000, 4 << 20, IsMap: true, UsesSuperpages: false, KeepsTables: true);
        CheckTargets.Find("vtd-client")!.LeastFor(map)!.Value.Maintenance.ShouldBe(0);
        CheckTargets.Find("smmuv3")!.LeastFor(map)!.Value.Maintenance.ShouldBe(0);
        CheckTargets.Find("vtd-client-nc")!.LeastFor(map).ShouldBe(Least(1, 1, 128));
        var told = CheckTargets.Find("vtd-guest")!.LeastFor(map)!.Value;
        (told[OperationKind.Command], told[OperationKind.Doorbell], told[OperationKind.LineCleaned]).ShouldBe((2, 1, 128));
    }

    [Fact]
    public void What_devices_with_TLBs_are_told_has_no_bound() =>
        CheckTargets.Find("vtd-server-ats")!.LeastFor(
            new MappingShape(0x4000_0000, 4096, IsMap: false, UsesSuperpages: false, KeepsTables: true)).ShouldBeNull();

    [Theory]
    [InlineData("vtd-client")]
    [InlineData("vtd-guest")]
    [InlineData("vtd-server-fs")]
    public void Gather_reaches_the_bound_of_queues_where_one_command_names_the_range(string iommu) => ShouldReachIt(new()
    {
        Machines = [MachineCatalog.Find(iommu)!],
        Policies = [SyncPolicy.Gather],
        Sizes = [4096, 128 << 10, 4 << 20],
    });

    /// <summary>Where waits look at a register, and where the write buffer is flushed though an invalidation does it.</summary>
    [Theory]
    [InlineData("smmuv3", 0, 1)]
    [InlineData("vtd-client-nc", 1, 1)]
    public void Gather_takes_accesses_of_registers_beside_its_commands(string iommu, long writes, long reads)
    {
        var options = new BenchOptions { Machines = [MachineCatalog.Find(iommu)!], Policies = [SyncPolicy.Gather], Sizes = [4096, 4 << 20] };
        var rows = Run(options).Where(row => row.Operation == MappingOperation.Unmap).ToList();
        rows.Count.ShouldBe(2);
        foreach (var row in rows)
        {
            var bound = row.Bound!.Value;
            (row.Counts[OperationKind.RegisterWrite], row.Counts[OperationKind.RegisterRead]).ShouldBe((writes, reads));
            (bound[OperationKind.RegisterWrite], bound[OperationKind.RegisterRead]).ShouldBe((0, 0));
            row.Counts.Maintenance.ShouldBe(bound.Maintenance + writes + reads);
        }
    }

    [Fact]
    public void Gather_with_sections_flushed_as_one_reaches_the_bound() => ShouldReachIt(new()
    {
        Machines = [.. MachineCatalog.All.Where(kind => !kind.HasQueue)],
        Policies = [SyncPolicy.Gather],
        Sizes = [4 << 20],
        Settings = new MachineSettings { Tuning = TuningValues.None.With(TegraTuning.SectionThreshold, 2) },
    });

    [Fact]
    public void Sections_reach_the_bound() => ShouldReachIt(new()
    {
        Machines = [MachineCatalog.Find("tegra210")!],
        Layout = BenchLayout.Contiguous,
        Sizes = [16 << 20],
        Policies = [SyncPolicy.Gather],
        Settings = new MachineSettings { UsesSuperpages = true },
    });

    [Fact]
    public void Only_what_flushes_everything_takes_less_than_the_bound() =>
        Seed.Value.Where(row => row.DropsOthers).Select(row => (row.Policy, row.Operation)).Distinct()
            .ShouldBe([(SyncPolicy.Deferred, MappingOperation.Unmap)]);

    [Fact]
    public void What_nobody_can_check_has_no_bound() =>
        BenchRunner.Run(new() { Machines = [MachineCatalog.Find("tegra30")!], Sizes = [4096], Policies = [SyncPolicy.Gather] })
            .ShouldAllBe(row => row.Bound == null && !row.DropsOthers);

    private static OperationCounts Least(long writes, long reads, long lines)
    {
        var counts = default(OperationCounts);
        counts.Add(OperationKind.RegisterWrite, writes);
        counts.Add(OperationKind.RegisterRead, reads);
        counts.Add(OperationKind.LineCleaned, lines);
        return counts;
    }

    private static void ShouldReachIt(BenchOptions options)
    {
        foreach (var row in Run(options))
        {
            row.Counts.Maintenance.ShouldBe(row.Bound!.Value.Maintenance);
        }
    }

    private static IReadOnlyList<BenchRow> Run(BenchOptions options) =>
        [.. BenchRunner.Run(options with { Least = BenchBounds.Of(options, CheckTargets.Find) })];
}
