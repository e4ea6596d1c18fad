using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Checker.Tests;

public class CheckCaseTests
{
    private static CheckConfiguration Configuration { get; } =
        new(CheckTargets.Find("tegra30")!, SyncPolicy.Gather, TableRelease.WhenEmpty);

    [Theory]
    [InlineData("map:0:40f000+12000:3,unmap:1:410000+1000,flush:0,detach:1,attach:1")]
    [InlineData("map:0:40f000+12000:0/7/map:1:7ff000+3000:1")]
    [InlineData("flush:0,map:0:40f000+12000:0/0/detach:1,flush:1")]
    [InlineData("scatter:0:fffffffffffff000+1000:3,flush:0:40f000+1000")]
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
    [InlineData("flush:0:0+1000:0")]
    [InlineData("scatter:0:0+1000")]
    [InlineData("flush:0,")]
    [InlineData("flush:0/x/flush:1")]
    [InlineData("flush:0/1")]
    [InlineData("flush:0/1/flush:1,flush:0/1/flush:1")]
    [InlineData("7:0")]
    public void What_is_no_scenario_is_refused(string text) => CheckCase.TryParse(text, out _, out _).ShouldBeFalse();

    [Theory]
    [InlineData("map:0:fffffffffffff000+1000:0", "map:0:0+1000:0", true)]
    [InlineData("map:0:0+1000:0", "unmap:0:fffffffffffff000+1000", true)]
    [InlineData("map:0:ffffffffffffe000+1000:0", "map:0:fffffffffffff000+2000:0", true)]
    [InlineData("map:0:fffffffffffff000+2000:0", "map:0:ffffffffffffe000+2000:0", false)]
    [InlineData("map:0:fffffffffffff000+2000:0", "map:1:ffffffffffffe000+2000:0", true)]
    [InlineData("map:0:0+2000:0", "flush:0:1000+1000", false)]
    [InlineData("map:0:0+1000:0", "flush:0:1000+1000", true)]
    [InlineData("map:0:0+1000:0", "flush:0", false)]
    [InlineData("attach:0", "unmap:0:0+1000", true)]
    [InlineData("scatter:0:0+1000:0", "attach:0", true)]
    [InlineData("detach:0", "map:0:0+1000:0", false)]
    [InlineData("attach:0", "detach:0", false)]
    public void Two_threads_may_do_what_does_not_overlap(string one, string other, bool areIndependent)
    {
        CheckOperation.TryParse(one, out var first).ShouldBeTrue();
        CheckOperation.TryParse(other, out var second).ShouldBeTrue();
        Interleavings.AreIndependent(first, second).ShouldBe(areIndependent);
        Interleavings.AreIndependent(second, first).ShouldBe(areIndependent);
    }

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
        var bug = PlantedBugs.Find(Configuration.Target, "unmap-tlb")!;
        CheckCase.TryParse(
            "flush:0,map:1:40f000+12000:0,detach:1,map:0:7ff000+3000:1,map:0:40f000+12000:2,flush:1,unmap:0:410000+1000,attach:1",
            out var operations, out _)
            .ShouldBeTrue();
        var failing = new CheckCase(Configuration, bug, operations);
        var violation = failing.Run().Violation.ShouldNotBeNull();
        var (smaller, still) = RandomScenario.Shrink(failing, violation);
        smaller.Text.ShouldBe("map:0:40f000+12000:2,unmap:0:410000+1000");
        still.Iova.ShouldBe(0x41_0000ul);
    }

    /// <summary>A device that faults in between has the driver's handler access registers; that is no time for more.</summary>
    [Theory]
    [InlineData("tegra210")]
    [InlineData("vtd-client")]
    [InlineData("smmuv3")]
    public void Nothing_happens_within_what_happens_in_between(string target)
    {
        CheckCase.TryParse("map:0:40f000+12000:2", out var operations, out _).ShouldBeTrue();
        int depth = 0;
        int deepest = 0;
        int faults = 0;
        var configuration = new CheckConfiguration(CheckTargets.Find(target)!, SyncPolicy.Gather, TableRelease.WhenCovered);
        new CheckCase(configuration, null, operations).Run(log: null, (machine, _) =>
        {
            deepest = Math.Max(deepest, ++depth);
            if (depth < 5 && machine.Access(0, 0x7f_f000, isWrite: true) is null)
            {
                faults++;
            }

            depth--;
        });
        faults.ShouldBeGreaterThan(3);
        deepest.ShouldBe(1);
    }

    [Fact]
    public void An_interrupted_failure_keeps_what_interrupts()
    {
        var bug = PlantedBugs.Find(Configuration.Target, "unmap-tlb")!;
        CheckCase.TryParse(
            "map:1:410000+1000:0,map:0:40f000+12000:2,map:0:7ff000+3000:1/2/map:1:7ff000+3000:1,unmap:0:410000+1000,flush:1",
            out var operations,
            out var preemption).ShouldBeTrue();
        var failing = new CheckCase(Configuration, bug, operations, preemption);
        var (smaller, _) = RandomScenario.Shrink(failing, failing.Run().Violation.ShouldNotBeNull());
        smaller.Text.ShouldBe("map:0:40f000+12000:2,map:0:7ff000+3000:1/2/map:1:7ff000+3000:1,unmap:0:410000+1000");
    }

    [Fact]
    public void Chance_interrupts_only_what_two_threads_may_do_at_once()
    {
        var random = new Random(1);
        var operations = RandomScenario.Create(SmallScope.Alphabet(Configuration), Configuration.Target.Layout, 40, random);
        Preemption[] chosen = [.. Enumerable.Range(0, 200).Select(_ => RandomScenario.Interrupt(operations, random)).OfType<Preemption>()];
        chosen.Length.ShouldBeGreaterThan(20);
        chosen.ShouldAllBe(one => Interleavings.AreIndependent(operations[one.Index], operations[one.Index + 1]));
    }

    [Theory]
    [InlineData("tegra124", "tegra124-tuned")]
    [InlineData("arm-lpae-4k-s1-noncoherent", "arm-lpae-4k-s1-noncoherent-tuned")]
    public void Where_a_target_is_tuned_large_pages_are_used(string plain, string tuned)
    {
        var layout = CheckTargets.Find(tuned)!.Layout;
        CheckOperation[] map = [new(CheckOperationKind.Map, 0, layout.Table.Iova, layout.Table.Size)];
        Steps(plain).ShouldBeGreaterThan(10 * Steps(tuned));

        long Steps(string name) =>
            new CheckCase(Configuration with { Target = CheckTargets.Find(name)!, Policy = SyncPolicy.PerPage }, null, map).Run().Steps;
    }
}
