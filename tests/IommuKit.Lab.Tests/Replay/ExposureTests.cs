using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>What a replay says unmaps leave reachable.</summary>
public sealed class ExposureTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    public void Policies_that_promise_everything_leave_nothing(SyncPolicy policy)
    {
        policy.IsFull().ShouldBeTrue();
        var exposure = Replayer.Run(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), Options(policy))[0].Exposure;
        exposure.ShouldBe(new Exposure(0, 0, 0, 0, 0, 0, 0));
    }

    /// <summary>Each unmap is left until the timer of the queue goes off, 10 ms after the first that waits.</summary>
    [Fact]
    public void Deferred_leaves_pages_until_its_queue_is_drained()
    {
        var result = Run(SyncPolicy.Deferred, Burst);
        result.Policy.IsFull().ShouldBeFalse();
        result.Exposure.Unmaps.ShouldBe(3);
        result.Exposure.PagesMax.ShouldBe(3);
        result.Exposure.RecordedMax.ShouldBe(10_000_000);
        result.Exposure.VirtualMax.ShouldBeInRange(0.001, result.VirtualMicroseconds);
    }

    /// <summary>The caller of the replay flushes when the trace turns to maps, at 1.15 s.</summary>
    [Fact]
    public void Explicit_leaves_pages_until_the_caller_flushes()
    {
        var exposure = Run(SyncPolicy.Explicit, Burst).Exposure;
        exposure.Unmaps.ShouldBe(3);
        exposure.PagesMax.ShouldBe(4);
        exposure.RecordedMax.ShouldBe(150_000_000);
    }

    [Fact]
    public void Before_an_iova_is_mapped_again_its_reach_ends()
    {
        var exposure = Run(SyncPolicy.Deferred, [Map(1.0, 1, 1), Unmap(1.1, 1, 1), Map(1.102, 1, 1), Map(9, 5, 1)]).Exposure;
        exposure.RecordedMax.ShouldBe(2_000_000);
        exposure.PagesMax.ShouldBe(1);
    }

    /// <summary>The queue holds 255 ranges: of an unmap of 300 separate pages it is drained on the way, and only what comes after is left.</summary>
    [Fact]
    public void What_is_flushed_within_an_unmap_is_not_left_by_it()
    {
        string[] lines = [.. Enumerable.Range(0, 300).Select(i => Map(1, 2 * i, 1)), Unmap(2, 0, 600)];
        var exposure = Run(SyncPolicy.Deferred, lines).Exposure;
        exposure.Unmaps.ShouldBe(1);
        exposure.PagesMax.ShouldBe(300 - 255);
        Run(SyncPolicy.Explicit, lines).Exposure.PagesMax.ShouldBe(300);
    }

    [Fact]
    public void Without_times_there_is_virtual_time_only()
    {
        string[] lines = [.. Burst.Select(line => line[(line.IndexOf(':') + 2)..])];
        var exposure = Run(SyncPolicy.Explicit, lines).Exposure;
        exposure.RecordedMax.ShouldBeNull();
        exposure.RecordedP99.ShouldBeNull();
        exposure.PagesMax.ShouldBe(4);
        exposure.VirtualMax.ShouldBeGreaterThan(0);
    }

    /// <summary>Beyond what is followed one by one, nothing is called shorter or fewer than it was.</summary>
    [Fact]
    public void Many_unmaps_are_followed_in_bounded_memory_and_never_too_short()
    {
        var exact = new ExposureMeter();
        var bounded = new ExposureMeter(capacity: 5);
        foreach (var meter in (ExposureMeter[])[exact, bounded])
        {
            for (int i = 0; i < 1000; i++)
            {
                meter.Left(2, recorded: i * 10, microseconds: i);
            }

            meter.Drained(20_000, 2000);
        }

        var (a, b) = (exact.Finish(hasTimes: true), bounded.Finish(hasTimes: true));
        b.Unmaps.ShouldBe(a.Unmaps);
        b.PagesMax.ShouldBe(2000);
        b.RecordedMax.ShouldBe(a.RecordedMax);
        b.RecordedP99!.Value.ShouldBeInRange(a.RecordedP99!.Value, a.RecordedMax!.Value);
    }

    [Fact]
    public void Coverage_leaves_out_what_was_skipped_lost_and_not_read()
    {
        var whole = Run(SyncPolicy.Gather, Burst);
        whole.Coverage.ShouldBe(1);
        whole.Trace.RecordedOn.ShouldBeNull();
        var half = Run(SyncPolicy.Gather, [Map(1, 1, 1), Map(1, 1 << 24, 1), "CPU:1 [LOST 2 EVENTS]"]);
        half.Coverage.ShouldBe(0.25);
        var result = Replayer.Run(RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), Options(SyncPolicy.Gather))[0];
        result.Coverage!.Value.ShouldBe((1853 + 1856 - 176) / (1853.0 + 1856), 1e-12);
        result.Trace.RecordedOn.ShouldBe("VT-d");
    }

    private static string[] Burst =>
    [
        Map(0.9, 1, 8), Unmap(1.000, 1, 1), Unmap(1.001, 2, 2), Unmap(1.100, 4, 1), Map(1.150, 100, 1),
    ];

    private static string Map(double seconds, long page, long pages) => FormattableString.Invariant(
        $"{seconds:0.000000}: map: IOMMU: iova=0x{page << 12:x} - 0x{(page + pages) << 12:x} paddr=0x{0x100000:x} size={pages << 12}");

    private static string Unmap(double seconds, long page, long pages) => FormattableString.Invariant(
        $"{seconds:0.000000}: unmap: IOMMU: iova=0x{page << 12:x} - 0x{(page + pages) << 12:x} size={pages << 12} unmapped_size={pages << 12}");

    private static ReplayOptions Options(SyncPolicy policy) => new() { Machines = [MachineCatalog.Find("tegra210")!], Policies = [policy] };

    private ReplayResult Run(SyncPolicy policy, string[] lines)
    {
        File.WriteAllLines(_path, lines);
        return Replayer.Run(_path, Options(policy))[0];
    }
}
