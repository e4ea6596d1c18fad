using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

/// <summary>Pages of 16 and 64 KiB, whose tables are larger and translate more, are checked as those of 4 KiB are.</summary>
public class LargeGranuleTests
{
    [Theory]
    [InlineData("arm-lpae-16k-s1-noncoherent")]
    [InlineData("arm-lpae-64k-s1-noncoherent")]
    [InlineData("arm-lpae-64k-s2-noncoherent-negative")]
    public void Every_planted_bug_is_caught_and_the_driver_has_none(string iommu)
    {
        var configuration = new CheckConfiguration(CheckTargets.Find(iommu).ShouldNotBeNull(), SyncPolicy.Gather, TableRelease.WhenEmpty);
        PlantedBugs.Of(configuration).ShouldContain(bug => bug.Name == "last-page");
        foreach (var bug in PlantedBugs.Of(configuration))
        {
            PlantedResult.Of(bug, configuration).IsCaught.ShouldBeTrue(bug.Name);
        }

        CheckRunner.FindFirst(configuration, bug: null, depth: 1).ShouldBeNull();
    }

    [Theory]
    [InlineData("smmuv3-16k")]
    [InlineData("smmuv3-64k-s2")]
    public void Bugs_in_the_commands_of_an_SMMUv3_are_caught_too(string iommu)
    {
        var configuration = new CheckConfiguration(CheckTargets.Find(iommu).ShouldNotBeNull(), SyncPolicy.Gather, TableRelease.WhenEmpty);
        PlantedBugs.Of(configuration).ShouldContain(bug => bug.Name == "range-num");
        foreach (var bug in PlantedBugs.Of(configuration))
        {
            PlantedResult.Of(bug, configuration).IsCaught.ShouldBeTrue(bug.Name);
        }
    }

    [Fact]
    public void What_a_scenario_does_to_all_of_a_table_can_be_read_again()
    {
        var table = CheckTargets.Find("arm-lpae-64k-s1-noncoherent")!.Layout.Table;
        table.Size.ShouldBe(512ul << 20);
        var unmap = new CheckOperation(CheckOperationKind.Unmap, 0, table.Iova, table.Size);
        CheckOperation.TryParse(unmap.ToString(), out var read).ShouldBeTrue();
        read.ShouldBe(unmap);
    }

    [Theory]
    [InlineData(22)]
    [InlineData(29)]
    public void Every_page_of_every_buffer_has_an_address_of_its_own(int tableSpanLog2)
    {
        ulong span = 1ul << tableSpanLog2;
        var addresses =
            from domain in Enumerable.Range(0, 2)
            from buffer in Enumerable.Range(0, CheckOperation.Buffers)
            from iova in (ulong[])[0, span, (2 * span) - 4096, 2 * span, 1ul << 63]
            select new CheckOperation(CheckOperationKind.Map, domain, iova, 4096, buffer).PhysicalAddress(span);
        addresses.Distinct().Count().ShouldBe(2 * CheckOperation.Buffers * 5);
        addresses.ShouldAllBe(address => CheckOperation.IsBuffer(address, span));
        CheckOperation.IsBuffer(addresses.Min() - 1, span).ShouldBeFalse();
    }
}
