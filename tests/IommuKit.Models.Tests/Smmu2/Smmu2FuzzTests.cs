using IommuKit.Models.Tests.Guests;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>
/// A hostile guest: registers and tables at random, and an emulator's memory and listeners that call back. No call throws, each ends, and what the
/// model holds does not grow.
/// </summary>
public sealed class Smmu2FuzzTests
{
    private const int Rounds = 100;

    [Theory]
    [InlineData("full", 1)]
    [InlineData("mmu-500", 2)]
    [InlineData("mmu-400", 3)]
    [InlineData("mmu-401", 4)]
    public void A_hostile_guest_gets_no_exception_and_no_hang(string name, int seed)
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_SMMU2_ROUNDS"), out int wanted) ? wanted : Rounds;
        var unit = Smmu2Unit.Presets.Single(preset => preset.Name == name);
        var random = new Random(seed);
        long walks = 0;
        long invalidations = 0;
        for (int round = 0; round < rounds; round++)
        {
            var guest = new Smmu2Guest(unit, random);
            for (int step = 0; step < 300; step++)
            {
                guest.Step();
            }

            walks += guest.Model.Statistics.IotlbMisses;
            invalidations += guest.Model.Statistics.Invalidations;
            guest.Model.PostedCount.ShouldBeLessThanOrEqualTo(4);
        }

        walks.ShouldBeGreaterThan(rounds);
        invalidations.ShouldBeGreaterThan(rounds);
    }
}
