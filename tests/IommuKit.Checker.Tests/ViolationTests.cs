using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;

namespace IommuKit.Checker.Tests;

/// <summary>What a violation says: who gets which answer, and what answers.</summary>
public class ViolationTests
{
    [Fact]
    public void A_device_without_a_route_is_not_translated_by_any_space()
    {
        var configuration = Configuration("tegra124");
        var violation = Find(configuration, LeaveBinding(), "flush:0").ShouldNotBeNull();
        violation.ShouldBe(new Violation(
            violation.Step,
            Device: 0,
            Domain: 0,
            Space: -1,
            Page: 0,
            configuration.Pages[0],
            Answer: 0,
            Promised: 0,
            StaleSource.Route,
            IsForeign: false,
            IsPosted: false));
    }

    [Theory]
    [InlineData("map:1:410000+1000:0,detach:0", 1)]
    [InlineData("map:0:410000+1000:0,detach:1", 0)]
    public void A_root_that_is_taken_from_the_wrong_space_is_missed_by_the_other_device(string scenario, int device)
    {
        var violation = Find(Configuration("tegra124"), PlantedBugs.Find(CheckTargets.Find("tegra124")!, "torn-root"), scenario).ShouldNotBeNull();
        (violation.Device, violation.Domain, violation.Source).ShouldBe((device, device, StaleSource.Route));
    }

    [Theory]
    [InlineData("map-clean", "tegra124", StaleSource.Memory)]
    [InlineData("map-clean", "x86-64-noncoherent", StaleSource.Memory)]
    [InlineData("map-table-cache", "tegra124", StaleSource.TableCache)]
    [InlineData("map-tlb", "tegra124", StaleSource.Translations)]
    [InlineData("map-tlb", "x86-64-coherent-negative", StaleSource.Translations)]
    [InlineData("map-tlb", "x86-64-noncoherent-negative", StaleSource.Translations)]
    [InlineData("unmap-tlb", "x86-64-coherent", StaleSource.Translations)]
    [InlineData("fence", "x86-64-coherent", StaleSource.Memory)]
    public void What_answers_is_the_furthest_place_that_is_wrong_by_itself(string bug, string iommu, StaleSource source) =>
        Find(Configuration(iommu), PlantedBugs.Find(CheckTargets.Find(iommu)!, bug), "map:0:40f000+12000:0,unmap:0:40f000+12000").ShouldNotBeNull().Source.ShouldBe(source);

    private static CheckConfiguration Configuration(string iommu) => new(CheckTargets.Find(iommu)!, SyncPolicy.Gather, TableRelease.WhenCovered);

    private static Violation? Find(CheckConfiguration configuration, PlantedBug? bug, string scenario)
    {
        CheckCase.TryParse(scenario, out var operations, out _).ShouldBeTrue();
        return new CheckCase(configuration, bug, operations).Run().Violation;
    }

    private static PlantedBug LeaveBinding() => new(
        "binding",
        "the device is not told its space",
        "X",
        [],
        _ => true,
        (machine, run) => new Omission(machine, run, CheckOperationKind.Attach, (access, _) => IsBinding(access)));

    private static bool IsBinding(MaintenanceStep access) =>
        access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.DeviceBinding };
}
