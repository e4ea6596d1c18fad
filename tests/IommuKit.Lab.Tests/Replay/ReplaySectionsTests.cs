using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>With superpages too an unmap takes away what the kernel says went away, and nothing else.</summary>
public sealed class ReplaySectionsTests : IDisposable
{
    private const string Map = "a-1 [000] 1.0: map: IOMMU: iova=0x0000000000400000 - 0x0000000000800000 paddr=0x0000000080400000 size=4194304";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(0x400000)]
    [InlineData(0x5ff000)]
    [InlineData(0x7ff000)]
    public void The_rest_of_a_section_stays(int iova)
    {
        string part = $"a-1 [000] 1.1: unmap: IOMMU: iova=0x{iova:x16} - 0x{iova + 0x1000:x16} size=4096 unmapped_size=4096";
        int other = iova == 0x600000 ? 0x601000 : 0x600000;
        File.WriteAllLines(
            _path,
            [
                // Where nothing is missing, it would be another domain's.
                "CPU:0 [LOST 1 EVENTS]",
                Map,
                part,

                // What went can be mapped anew, what stayed cannot.
                $"a-1 [000] 1.2: map: IOMMU: iova=0x{iova:x16} - 0x{iova + 0x1000:x16} paddr=0x0000000090000000 size=4096",
                $"a-1 [000] 1.3: map: IOMMU: iova=0x{other:x16} - 0x{other + 0x1000:x16} paddr=0x0000000090000000 size=4096",
                "a-1 [000] 1.4: unmap: IOMMU: iova=0x0000000000400000 - 0x0000000000800000 size=4194304 unmapped_size=4194304",
            ]);
        foreach (var policy in Enum.GetValues<SyncPolicy>())
        {
            var options = new ReplayOptions
            {
                Machines = [MachineCatalog.Find("tegra210")!],
                Policies = [policy],
                Tunings = [new ReplayTuning { Settings = new MachineSettings { UsesSuperpages = true } }],
            };
            var result = Replayer.Run(_path, options).ShouldHaveSingleItem();
            result.Skipped.ShouldBe([new SkippedEvents(SkipReason.OverLiveMapping, 1, 5, 5)], $"{policy}");
            result.UnmapLatency.Count.ShouldBe(2);
        }
    }
}
