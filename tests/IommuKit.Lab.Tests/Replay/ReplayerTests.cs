using System.Text.Json;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Replay;

public sealed class ReplayerTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public static TheoryData<string> Captures => Directory.Exists(RepositoryFiles.InShared("traces"))
        ? [.. Directory.GetDirectories(RepositoryFiles.InShared("traces")).Select(folder => Path.GetFileName(folder)!).Order()]
        : ["none"];

    // The capture that is of several devices.
    private const string Mixed = "boot-multi";

    public static TheoryData<string> Samples =>
        [.. Directory.GetFiles(RepositoryFiles.InRepository("samples"), "*.gz").Select(file => Path.GetFileName(file)!).Order()];

    public void Dispose() => File.Delete(_path);

    /// <summary>Every capture has the events, the live pages and the anomalies that its own statistics state.</summary>
    [SharedTheory]
    [MemberData(nameof(Captures))]
    public void Captures_replay_with_the_counts_of_their_statistics(string capture)
    {
        string folder = RepositoryFiles.InShared("traces", capture);
        Counts_are_those_of(Path.Combine(folder, "trace.gz"), Path.Combine(folder, "stats.json"));
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Samples_replay_with_the_counts_of_their_statistics(string sample) => Counts_are_those_of(
        RepositoryFiles.InRepository("samples", sample), RepositoryFiles.InRepository("samples", sample.Replace(".trace.gz", ".stats.json")));

    private static void Counts_are_those_of(string path, string statistics)
    {
        using var stats = JsonDocument.Parse(File.ReadAllText(statistics));
        var events = stats.RootElement.GetProperty("events");
        var pairing = stats.RootElement.GetProperty("pairing");
        bool isMixed = Path.GetFileName(Path.GetDirectoryName(path)) == Mixed;
        foreach (var result in Replayer.Run(path, Options(Enum.GetValues<SyncPolicy>())))
        {
            var trace = result.Trace;
            trace.Maps.ShouldBe(events.GetProperty("map").GetInt64());
            trace.Unmaps.ShouldBe(events.GetProperty("unmap").GetInt64());
            trace.Others.ShouldBe(events.EnumerateObject().Where(e => e.Name is not ("map" or "unmap")).Sum(e => e.Value.GetInt64()));

            // Statistics take all for one domain. Of several, by a count for each page of how often it is mapped.
            (trace.LivePages, trace.PeakLivePages, trace.MapsOverLive, trace.Orphans).ShouldBe(isMixed
                ? (4627ul, 4690ul, 7639, 0)
                : (pairing.GetProperty("live_pages_at_end").GetUInt64(),
                    pairing.GetProperty("peak_live_pages").GetUInt64(),
                    pairing.GetProperty("map_overlaps_live").GetInt64(),
                    pairing.TryGetProperty("unmap_orphan", out var orphans) ? orphans.GetInt64() : 0));
            trace.Domains.ShouldBe(isMixed ? 3 : 1);
            trace.UnknownLines.ShouldBe(0);

            // Every event was replayed, or is accounted for.
            long maps = result.MapLatency.Count;
            long notMapped = Skipped(result, SkipReason.OverLiveMapping) + Skipped(result, SkipReason.BeyondPhysicalWidth);
            (trace.Maps - maps).ShouldBeInRange(notMapped, notMapped + Skipped(result, SkipReason.BeyondAperture));
            Skipped(result, SkipReason.NoTableMemory).ShouldBe(0);
        }
    }

    [SharedFact]
    public void Lost_events_are_counted_in_every_form_of_the_loss()
    {
        string folder = RepositoryFiles.InShared("traces", "nvme-lost");
        Lost("trace.gz").ShouldBe(46_372 - 5719);
        Lost("trace_pipe.gz").ShouldBe(27_661);
        Lost("trace-cmd-report.txt.gz").ShouldBe(6777 + 6215);

        long Lost(string file) => Replayer.Run(Path.Combine(folder, file), Options(SyncPolicy.Gather))[0].Trace.Lost;
    }

    [Fact]
    public void Iovas_beyond_the_aperture_are_reported_with_their_lines()
    {
        var result = Replayer.Run(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), Options(SyncPolicy.Gather))[0];
        var skipped = result.Skipped.ShouldHaveSingleItem();
        skipped.Reason.ShouldBe(SkipReason.BeyondAperture);
        skipped.Count.ShouldBe(176);
        skipped.FirstLine.ShouldBe(74);
        result.SkippedCount.ShouldBe(176);
    }

    [Theory]
    [MemberData(nameof(Samples))]
    public void Samples_replay_under_every_policy_in_the_papers_order(string sample)
    {
        var results = Replayer.Run(RepositoryFiles.InRepository("samples", sample), Options(Enum.GetValues<SyncPolicy>()));
        results.Count.ShouldBe(6);
        var time = results.ToDictionary(result => result.Policy, result => result.VirtualMicroseconds);
        time[SyncPolicy.PerPage].ShouldBeGreaterThanOrEqualTo(time[SyncPolicy.RangeFlush]);
        time[SyncPolicy.RangeFlush].ShouldBeGreaterThanOrEqualTo(time[SyncPolicy.SplitSync]);
        time[SyncPolicy.SplitSync].ShouldBeGreaterThanOrEqualTo(time[SyncPolicy.Gather]);
        time[SyncPolicy.Gather].ShouldBeGreaterThan(time[SyncPolicy.Deferred]);
        results.Select(result => result.Counts[OperationKind.EntryStored]).Distinct().ShouldHaveSingleItem();
    }

    [Fact]
    public void Replays_of_the_same_file_are_the_same()
    {
        string sample = RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz");
        var first = Replayer.Run(sample, Options(SyncPolicy.Deferred))[0];
        var second = Replayer.Run(sample, Options(SyncPolicy.Deferred))[0];
        second.Counts.ShouldBe(first.Counts);
        second.VirtualMicroseconds.ShouldBe(first.VirtualMicroseconds);
    }

    [Fact]
    public void The_samples_are_small() =>
        Directory.GetFiles(RepositoryFiles.InRepository("samples")).Sum(file => new FileInfo(file).Length).ShouldBeLessThan(600_000);

    [Fact]
    public void An_unmap_takes_what_the_kernel_says_went_away_across_several_maps()
    {
        var result = Run(
            "1.0: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x100000 size=8192",
            "1.0: map: IOMMU: iova=0x3000 - 0x4000 paddr=0x200000 size=4096",
            "2.0: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=12288",
            "3.0: map: IOMMU: iova=0x1000 - 0x4000 paddr=0x300000 size=12288",
            "4.0: unmap: IOMMU: iova=0x1000 - 0x4000 size=12288 unmapped_size=0");
        result.SkippedCount.ShouldBe(0);
        result.Trace.LivePages.ShouldBe(3ul);
        result.MapLatency.Count.ShouldBe(3);
        result.UnmapLatency.Count.ShouldBe(1);
    }

    /// <summary>Captures of whole boots, of several devices and domains, on several kinds of IOMMU: nothing is left out, under no policy.</summary>
    [SharedTheory]
    [InlineData("traces", "boot-multi", 3)]
    [InlineData("vectors/vtd-linux", "s-612-cm39", 4)]
    [InlineData("vectors/vtd-linux", "s-612-legacy", 4)]
    [InlineData("vectors/vtd-linux", "s-72-ats", 4)]
    [InlineData("vectors/vtd-linux", "s-72-legacy-pt", 1)]
    [InlineData("vectors/vtd-linux", "s-72-sm-fs", 4)]
    [InlineData("vectors/smmuv3-linux", "s-72-lazy", 7)]
    public void Captures_of_several_domains_replay_whole(string folder, string capture, int domains)
    {
        var options = Options(Enum.GetValues<SyncPolicy>()) with { Machines = [MachineCatalog.Find("vtd-server")!] };
        var results = Replayer.Run(Path.Combine(RepositoryFiles.InShared(folder, capture), "trace.gz"), options);
        results.ShouldAllBe(result => result.Coverage == 1 && result.Skipped.Count == 0);
        results.ShouldAllBe(result => result.Trace.Domains == domains && result.Trace.Orphans == 0);
        results.ShouldAllBe(result => result.MapLatency.Count == result.Trace.Maps && result.UnmapLatency.Count == result.Trace.Unmaps);
    }

    [Fact]
    public void What_maps_over_a_mapping_is_of_another_domain_and_an_unmap_of_whom_has_all_of_it()
    {
        var result = Run(
            "1.0: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x100000 size=8192",
            "1.0: map: IOMMU: iova=0x2000 - 0x5000 paddr=0x200000 size=12288",
            "1.0: unmap: IOMMU: iova=0x8000 - 0x9000 size=4096 unmapped_size=4096",
            "2.0: unmap: IOMMU: iova=0x2000 - 0x5000 size=12288 unmapped_size=12288",
            "2.0: unmap: IOMMU: iova=0x1000 - 0x3000 size=8192 unmapped_size=8192",
            "3.0: map: IOMMU: iova=0x1000 - 0x5000 paddr=0x300000 size=16384");
        result.Skipped.ShouldBe([new SkippedEvents(SkipReason.NotMapped, 1, 3, 3)]);
        result.MapLatency.Count.ShouldBe(3);
        result.Trace.MapsOverLive.ShouldBe(1);
        result.Trace.FirstMapOverLive.ShouldBe(2);
        result.Trace.Orphans.ShouldBe(1);
        result.Trace.Domains.ShouldBe(2);
        result.Trace.LivePages.ShouldBe(4ul);
    }

    /// <summary>A list in whose middle another domain has a page, mapped by two processors at a time: its unmap is of one domain.</summary>
    [Fact]
    public void What_one_call_maps_is_in_one_domain()
    {
        string[] lines =
        [
            "a-1 [000] .... 1.0: map: IOMMU: iova=0x2000 - 0x3000 paddr=0x100000 size=4096",
            "a-1 [000] .... 2.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x200000 size=4096",
            "b-2 [001] .... 2.0: map: IOMMU: iova=0x8000 - 0x9000 paddr=0x500000 size=4096",
            "a-1 [000] .... 2.0: map: IOMMU: iova=0x2000 - 0x3000 paddr=0x300000 size=4096",
            "b-2 [001] .... 2.0: map: IOMMU: iova=0x9000 - 0xa000 paddr=0x500000 size=4096",
            "a-1 [000] .... 2.0: map: IOMMU: iova=0x3000 - 0x4000 paddr=0x400000 size=4096",
            "a-1 [000] .... 3.0: unmap: IOMMU: iova=0x1000 - 0x4000 size=12288 unmapped_size=12288",
            "a-1 [000] .... 3.0: unmap: IOMMU: iova=0x2000 - 0x3000 size=4096 unmapped_size=4096",
        ];
        File.WriteAllLines(_path, lines);
        var result = Replayer.Run(_path, Options(SyncPolicy.Gather) with { Machines = [MachineCatalog.Find("vtd-server")!] })[0];
        result.Trace.Domains.ShouldBe(2);
        result.SkippedCount.ShouldBe(0);

        // One for each unmap. It was one for each domain that had a part.
        result.Commands.Where(one => one.IsWait).Sum(one => one.Count).ShouldBe(2);
    }

    /// <summary>What another processor unmapped meanwhile was of no call that had begun: it is mapped again in the same domain.</summary>
    [Fact]
    public void What_was_unmapped_meanwhile_is_of_another_call()
    {
        var result = Run(
            "a-1 [000] .... 1.0: map: IOMMU: iova=0x4000 - 0x5000 paddr=0x100000 size=4096",
            "a-1 [000] .... 2.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x200000 size=4096",
            "b-2 [001] .... 2.0: unmap: IOMMU: iova=0x4000 - 0x5000 size=4096 unmapped_size=4096",
            "a-1 [000] .... 2.0: map: IOMMU: iova=0x2000 - 0x4000 paddr=0x300000 size=8192",
            "a-1 [000] .... 2.0: map: IOMMU: iova=0x4000 - 0x5000 paddr=0x300000 size=4096");
        result.Trace.Domains.ShouldBe(1);
        result.SkippedCount.ShouldBe(0);
    }

    /// <summary>A list whose end is mapped elsewhere: its pieces are in two domains, and its unmap is one call all the same.</summary>
    [Fact]
    public void An_unmap_of_parts_of_several_domains_takes_each_page_once()
    {
        var result = Run(
            "1.0: map: IOMMU: iova=0x2000 - 0x3000 paddr=0x100000 size=4096",
            "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x200000 size=4096",
            "1.0: map: IOMMU: iova=0x2000 - 0x4000 paddr=0x300000 size=8192",
            "2.0: unmap: IOMMU: iova=0x1000 - 0x4000 size=12288 unmapped_size=12288",
            "2.0: unmap: IOMMU: iova=0x2000 - 0x3000 size=4096 unmapped_size=4096");
        result.SkippedCount.ShouldBe(0);
        result.UnmapLatency.Count.ShouldBe(2);
        result.Counts[OperationKind.UnmapCall].ShouldBe(2);
        result.Trace.LivePages.ShouldBe(0ul);
        result.VirtualMicroseconds.ShouldBe(CostFile.Default.Microseconds(result.Counts), 1e-9);
    }

    /// <summary>Where an unmap may be missing, nobody knows whose the map is.</summary>
    [Fact]
    public void Behind_lost_events_overlaps_are_skipped_with_their_lines_and_leave_the_rest_right()
    {
        var result = Run(
            "CPU:0 [LOST 3 EVENTS]",
            "1.0: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x100000 size=8192",
            "1.0: map: IOMMU: iova=0x2000 - 0x5000 paddr=0x200000 size=12288",
            "1.0: map: IOMMU: iova=0x4000 - 0x5000 paddr=0x200000 size=4096",
            "2.0: unmap: IOMMU: iova=0x1000 - 0x5000 size=16384 unmapped_size=16384",
            "3.0: map: IOMMU: iova=0x1000 - 0x5000 paddr=0x300000 size=16384");
        result.Skipped.ShouldBe(
        [
            new SkippedEvents(SkipReason.OverLiveMapping, 1, 3, 3), new SkippedEvents(SkipReason.NotMapped, 1, 5, 5),
        ]);
        result.MapLatency.Count.ShouldBe(3);
        result.Trace.MapsOverLive.ShouldBe(2);
        result.Trace.Domains.ShouldBe(1);
    }

    [Fact]
    public void Physical_addresses_that_do_not_fit_are_skipped()
    {
        var result = Run(
            "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x400000000 size=4096",
            "1.0: map: IOMMU: iova=0xfffff000 - 0x100001000 paddr=0x0 size=8192",
            "1.0: unmap: IOMMU: iova=0xfffff000 - 0x100001000 size=8192 unmapped_size=8192",
            "1.0: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096");
        result.Skipped.Select(skipped => (skipped.Reason, skipped.Count)).ShouldBe(
        [
            (SkipReason.BeyondAperture, 2), (SkipReason.BeyondPhysicalWidth, 1), (SkipReason.NotMapped, 1),
        ]);
    }

    /// <summary>Time is that of all counted work, also of what was done on the way to an event that was then skipped.</summary>
    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void Time_is_the_counts_times_the_costs_also_where_events_are_skipped(SyncPolicy policy)
    {
        var result = Run(
            [
                // Without it, what maps over a live page would be another domain's.
                "CPU:0 [LOST 1 EVENTS]",
                "1.0: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x100000 size=8192",
                "1.0: map: IOMMU: iova=0x3000 - 0x4000 paddr=0x100000 size=4096",
                "1.1: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096",

                // Turns back and reuses what is owed, over a live page.
                "1.2: map: IOMMU: iova=0x1000 - 0x4000 paddr=0x200000 size=12288",
                "1.3: unmap: IOMMU: iova=0x100000000 - 0x100001000 size=4096 unmapped_size=4096",
                "1.4: map: IOMMU: iova=0xfffff000 - 0x100001000 paddr=0x0 size=8192",
                "1.5: unmap: IOMMU: iova=0x8000 - 0x9000 size=4096 unmapped_size=4096",
                "1.6: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x200000 size=4096",
                "1.7: unmap: IOMMU: iova=0x2000 - 0x5000 size=12288 unmapped_size=12288",
                "1.8: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=0",
            ],
            policy);
        result.SkippedCount.ShouldBe(5);
        result.MapLatency.Count.ShouldBe(3);
        result.UnmapLatency.Count.ShouldBe(2);
        result.VirtualMicroseconds.ShouldBe(CostFile.Default.Microseconds(result.Counts), 1e-9);
    }

    [Fact]
    public void Deferred_flushes_by_the_time_of_the_trace()
    {
        string[] lines =
        [
            "{0}: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096",
            "{0}: map: IOMMU: iova=0x2000 - 0x3000 paddr=0x1000 size=4096",
            "1.000000: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096",
            "{1}: unmap: IOMMU: iova=0x2000 - 0x3000 size=4096 unmapped_size=4096",
        ];
        Syncs("1.009999").ShouldBe(3);
        Syncs("1.010000").ShouldBe(4);

        long Syncs(string later) => Run([.. lines.Select(line => string.Format(line, "0.5", later))], SyncPolicy.Deferred).Counts[OperationKind.Wait];
    }

    [Fact]
    public void Huge_ranges_cost_neither_time_nor_memory()
    {
        var lines = new List<string>();
        for (int i = 0; i < 2000; i++)
        {
            lines.Add("1.0: map: IOMMU: iova=0x0 - 0xfffffffffffff000 paddr=0x0 size=18446744073709547520");
            lines.Add("1.0: unmap: IOMMU: iova=0x0 - 0x100000000 size=4294967296 unmapped_size=4294967296");
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        var result = Run([.. lines]);
        result.SkippedCount.ShouldBe(4000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(20_000_000);
    }

    [Fact]
    public void Damaged_lines_are_counted_when_they_are_to_be_passed_over()
    {
        File.WriteAllLines(
            _path, ["1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=0", "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096"]);
        Should.Throw<InputException>(() => Replayer.Run(_path, Options(SyncPolicy.Gather)));
        var result = Replayer.Run(_path, Options(SyncPolicy.Gather) with { IsLenient = true })[0];
        result.Skipped.ShouldBe([new SkippedEvents(SkipReason.Damaged, 1, 1, 1)]);
    }

    private static long Skipped(ReplayResult result, SkipReason reason) =>
        result.Skipped.Where(skipped => skipped.Reason == reason).Sum(skipped => skipped.Count);

    private static ReplayOptions Options(params SyncPolicy[] policies) => new()
    {
        Machines = [MachineCatalog.Find("tegra210")!],
        Policies = policies,
    };

    /// <summary>Under Explicit the trace is flushed where it turns from maps to unmaps or back, and not within either.</summary>
    [Fact]
    public void Explicit_flushes_where_the_trace_turns()
    {
        string[] maps =
        [
            "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x100000 size=4096",
            "1.1: map: IOMMU: iova=0x9000 - 0xa000 paddr=0x100000 size=4096",
        ];
        string[] unmaps =
        [
            "1.2: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096",
            "1.3: unmap: IOMMU: iova=0x9000 - 0xa000 size=4096 unmapped_size=4096",
        ];
        long once = Waits([.. maps]);
        once.ShouldBe(1);
        Waits([.. maps, .. unmaps]).ShouldBe(2);
        Waits([.. maps, .. unmaps, .. maps.Select(map => map.Replace("1.", "2.", StringComparison.Ordinal))]).ShouldBe(3);
        Waits([maps[0], unmaps[0], maps[1], unmaps[1]]).ShouldBe(4);

        long Waits(string[] lines) => Run(lines, SyncPolicy.Explicit).Counts[OperationKind.Wait];
    }

    private ReplayResult Run(params string[] lines) => Run(lines, SyncPolicy.Gather);

    private ReplayResult Run(string[] lines, SyncPolicy policy)
    {
        File.WriteAllLines(_path, lines);
        return Replayer.Run(_path, Options(policy))[0];
    }
}
