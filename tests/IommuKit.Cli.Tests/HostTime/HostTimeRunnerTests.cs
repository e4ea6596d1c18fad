using IommuKit.Cli.HostTime;
using IommuKit.Domains;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Iommus;

namespace IommuKit.Cli.Tests.HostTime;

public class HostTimeRunnerTests
{
    [Fact]
    public void Host_time_is_measured_and_allocates_nothing()
    {
        var rows = HostTimeRunner.Run(new BenchOptions
        {
            Machines = [MachineCatalog.Find("tegra210")!],
            Sizes = [128 << 10],
            Policies = [SyncPolicy.Gather, SyncPolicy.PerPage],
        }).ToList();
        rows.Count.ShouldBe(4);
        rows.ShouldAllBe(row =>
            row.MedianNanoseconds > 0 && row.MinNanoseconds <= row.MedianNanoseconds && row.MedianNanoseconds <= row.P90Nanoseconds);
        rows.ShouldAllBe(row => row.BytesAllocated == 0);
    }
}
