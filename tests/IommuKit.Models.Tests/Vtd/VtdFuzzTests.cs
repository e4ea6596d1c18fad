using IommuKit.Models.Tests.Guests;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>
/// A hostile guest: registers, queues and tables at random, and an emulator's memory that calls back. No call throws, each ends, and what the
/// model holds does not grow.
/// </summary>
public sealed class VtdFuzzTests
{
    // More than a second of one core at most; IOMMUKIT_VTD_ROUNDS makes it run as long as somebody wants.
    private const int Rounds = 150;

    [Theory]
    [InlineData("server-57", 1)]
    [InlineData("server-48", 2)]
    [InlineData("qemu-cm", 3)]
    [InlineData("qemu-fs", 4)]
    [InlineData("client-39-nc", 5)]
    public void A_hostile_guest_gets_no_exception_and_no_hang(string name, int seed)
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_VTD_ROUNDS"), out int wanted) ? wanted : Rounds;
        var unit = VtdUnit.Presets.Single(preset => preset.Name == name);
        var random = new Random(seed);
        long translations = 0;
        long descriptors = 0;
        for (int round = 0; round < rounds; round++)
        {
            var guest = new VtdGuest(unit, random);
            for (int step = 0; step < 300; step++)
            {
                guest.Step();
            }

            translations += guest.Model.Statistics.IotlbHits + guest.Model.Statistics.IotlbMisses;
            descriptors += guest.Model.Statistics.Descriptors;
        }

        translations.ShouldBeGreaterThan(rounds);
        descriptors.ShouldBeGreaterThan(rounds);
    }
}
