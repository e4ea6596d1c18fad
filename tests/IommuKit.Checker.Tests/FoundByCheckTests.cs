using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

/// <summary>What the checker found in the drivers, as it printed it.</summary>
public class FoundByCheckTests
{
    /// <summary>
    /// A flush of a range dropped the pointer to a new table and not what the cache of table memory held of the table, so that the TLB could take
    /// up from there what is not mapped, and no later flush dropped that.
    /// </summary>
    [Theory]
    [InlineData("tegra124", "scatter:0:40f000+12000:3,flush:0:7ff000+3000,unmap:0:40f000+12000,map:0:420000+2000:3,flush:0:7ff000+11000")]
    [InlineData(
        "tegra114",
        "map:1:41f000+2000:2/21/unmap:1:40f000+2000,unmap:1:41f000+3f1000,scatter:1:40f000+12000:0,flush:1:7ff000+3000")]
    public void A_flush_of_a_part_of_what_a_new_table_translates(string iommu, string scenario) =>
        ShouldBeRight(iommu, SyncPolicy.Explicit, TableRelease.WhenEmpty, scenario);

    /// <summary>The page at the end of the address space and IOVA 0 were one run, whose end had wrapped.</summary>
    [Theory]
    [InlineData(
        "x86-64-coherent",
        "map:0:fffffffffffff000+1000:0,map:0:0+400000:1,flush:0,unmap:0:fffffffffffff000+1000,unmap:0:0+400000,flush:0")]
    [InlineData("x86-64-noncoherent-negative", "map:0:fffffffffffff000+1000:0,map:0:0+1000:1,flush:0")]
    [InlineData("riscv-sv39-noncoherent-negative", "map:0:fffffffffffff000+1000:0,map:0:0+1000:1,flush:0")]
    public void Both_ends_of_the_address_space(string iommu, string scenario) =>
        ShouldBeRight(iommu, SyncPolicy.Explicit, TableRelease.Never, scenario);

    private static void ShouldBeRight(string iommu, SyncPolicy policy, TableRelease release, string scenario)
    {
        CheckCase.TryParse(scenario, out var operations, out var preemption).ShouldBeTrue();
        var configuration = new CheckConfiguration(CheckTargets.Find(iommu).ShouldNotBeNull(), policy, release);
        new CheckCase(configuration.Around(operations), null, operations, preemption).Run().Violation.ShouldBeNull();
    }
}
