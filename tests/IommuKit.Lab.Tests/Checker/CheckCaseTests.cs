using IommuKit.Domains;
using IommuKit.Lab.Checker;
using IommuKit.Lab.Checker.Scenarios;
using IommuKit.PageTables;

namespace IommuKit.Lab.Tests.Checker;

public class CheckCaseTests
{
    private static CheckConfiguration Configuration { get; } =
        new(CheckTargets.Find("tegra30")!, SyncPolicy.Gather, TableRelease.WhenEmpty);

    [Theory]
    [InlineData("map:0:40f000+12000:3,unmap:1:410000+1000,flush:0,detach:1,attach:1")]
    [InlineData("map:0:40f000+12000:0/7/map:1:7ff000+3000:1")]
    [InlineData("flush:0,map:0:40f000+12000:0/0/detach:1,flush:1")]
    public void A_scenario_can_be_read_back(string text)
    {
        CheckCase.TryParse(text, out var operations, out var preemption).ShouldBeTrue();
        new CheckCase(Configuration, null, operations, preemption).Text.ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("map")]
    [InlineData("map:0")]
    [InlineData("map:2:0+1000:0")]
    [InlineData("map:0:0+1000:4")]
    [InlineData("map:0:0+0:0")]
    [InlineData("map:0:0-1000:0")]
    [InlineData("map:0:0+ffffffffffffffff:0")]
    [InlineData("map:0:g+1000:0")]
    [InlineData("unmap:0:0+1000:0")]
    [InlineData("flush:0:1")]
    [InlineData("flush:0,")]
    [InlineData("flush:0/x/flush:1")]
    [InlineData("flush:0/1")]
    [InlineData("flush:0/1/flush:1,flush:0/1/flush:1")]
    [InlineData("7:0")]
    public void What_is_no_scenario_is_refused(string text) => CheckCase.TryParse(text, out _, out _).ShouldBeFalse();

    [Fact]
    public void All_sequences_of_a_length_are_different()
    {
        var alphabet = SmallScope.Alphabet(Configuration);
        var texts = SmallScope.Sequences(alphabet, 2).Select(operations => string.Join(',', operations)).ToList();
        texts.Count.ShouldBe(texts.Distinct().Count());

        // A map or a detach of the first domain, then anything.
        texts.Count.ShouldBe(alphabet.Count(one => one is { Domain: 0, Kind: CheckOperationKind.Map or CheckOperationKind.Detach }) * alphabet.Count);
    }

    [Fact]
    public void A_random_failure_is_shortened_to_what_it_needs()
    {
        var bug = IommuKit.Lab.Checker.Planted.PlantedBugs.Find("unmap-tlb")!;
        CheckCase.TryParse(
            "flush:0,map:1:40f000+12000:0,detach:1,map:0:7ff000+3000:1,map:0:40f000+12000:2,flush:1,unmap:0:410000+1000,attach:1", out var operations, out _)
            .ShouldBeTrue();
        var failing = new CheckCase(Configuration, bug, operations);
        var violation = failing.Run().Violation.ShouldNotBeNull();
        var (smaller, still) = RandomScenario.Shrink(failing, violation);
        smaller.Text.ShouldBe("map:0:40f000+12000:2,unmap:0:410000+1000");
        still.Iova.ShouldBe(0x41_0000ul);
    }
}
