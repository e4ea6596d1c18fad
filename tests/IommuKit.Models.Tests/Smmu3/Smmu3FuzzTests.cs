using IommuKit.Models.Smmu3;
using IommuKit.Models.Tests.Guests;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>A hostile guest: no call throws, each ends, and what the model holds does not grow.</summary>
public sealed class Smmu3FuzzTests
{
    private const int Rounds = 100;
    private const int Steps = 600;

    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("mmu-600", 3)]
    [InlineData("qemu", 4)]
    public void A_hostile_guest_gets_no_exception(string name, int seed)
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_SMMU3_ROUNDS"), out int wanted) ? wanted : Rounds;
        var unit = Smmu3Unit.Presets.Single(preset => preset.Name == name);
        var random = new Random(seed);
        var outcomes = new HashSet<Smmu3Outcome>();
        var events = new HashSet<Smmu3EventType>();
        for (int round = 0; round < rounds; round++)
        {
            var guest = new Smmu3Guest(unit, random);
            for (int step = 0; step < Steps; step++)
            {
                guest.Step();
            }

            outcomes.UnionWith(guest.Outcomes);
            events.UnionWith(guest.Events);
        }

        outcomes.ShouldContain(Smmu3Outcome.Abort);
        outcomes.ShouldContain(Smmu3Outcome.Allowed);
        events.Count.ShouldBeGreaterThan(5);
    }
}
