using System.Text;

namespace IommuKit.Traces.Tests;

public class FtraceLineTests
{
    /// <summary>The beginning of such a line may be what was lost.</summary>
    [Theory]
    [InlineData("IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096")]
    [InlineData(" IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096")]
    [InlineData("p: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096")]
    public void A_map_or_unmap_without_its_name_is_damaged(string line)
    {
        FtraceLine.TryRead(Encoding.ASCII.GetBytes(line), 7, out var found).ShouldBeTrue();
        (found.Kind, found.Line).ShouldBe((TraceEventKind.Damaged, 7));
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("# IOMMU")]
    [InlineData("version = 6")]
    public void What_says_nothing_is_no_event(string line) => FtraceLine.TryRead(Encoding.ASCII.GetBytes(line), 7, out _).ShouldBeFalse();
}
