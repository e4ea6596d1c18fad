using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>
/// Random maps, unmaps, remaps, holes, table crossings and DMA of several domains: after every operation each device sees what a dictionary says.
/// </summary>
public class TegraRandomTests
{
    public static TheoryData<string, SyncPolicy> All => Cases.SocsAndPolicies;

    [Theory]
    [MemberData(nameof(All))]
    public void Devices_see_what_is_mapped(string soc, SyncPolicy policy) => Check(soc, policy, release: null);

    [Theory]
    [MemberData(nameof(All))]
    public void Devices_see_what_is_mapped_when_covered_tables_are_dropped(string soc, SyncPolicy policy) =>
        Check(soc, policy, TableRelease.WhenCovered);

    [Theory]
    [MemberData(nameof(All))]
    public void Devices_see_what_is_mapped_when_tables_stay(string soc, SyncPolicy policy) => Check(soc, policy, TableRelease.Never);

    [Theory]
    [MemberData(nameof(All))]
    public void Devices_see_what_is_mapped_with_sections(string soc, SyncPolicy policy) => Check(soc, policy, release: null, usesSections: true);

    private static void Check(string soc, SyncPolicy policy, TableRelease? release, bool usesSections = false)
    {
        var property = Prop.ForAll(Scenario.Arbitrary(), steps =>
            Scenario.Run(Cases.Soc(soc), policy, release, usesSections, steps));
        FsCheck.Check.One(Config.QuickThrowOnFailure.WithMaxTest(15).WithEndSize(60), property);
    }
}
