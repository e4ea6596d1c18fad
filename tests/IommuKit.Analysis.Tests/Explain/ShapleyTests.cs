using IommuKit.Analysis.Explain;

namespace IommuKit.Analysis.Tests.Explain;

public class ShapleyTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Shares_sum_to_the_gain(int players)
    {
        double[] game = Game(players);
        Shapley.Split(players, set => game[set]).Sum().ShouldBe(game[^1] - game[0], 1e-9);
    }

    [Fact]
    public void Who_adds_nothing_gets_nothing()
    {
        double[] game = Game(3);

        // Player 3 of four changes nothing, no matter who is there.
        Shapley.Split(4, set => game[set & 7])[3].ShouldBe(0, 1e-12);
    }

    [Fact]
    public void Equals_get_the_same()
    {
        double[] shares = Shapley.Split(3, set => set switch { 0 => 0, 1 or 2 => 4, 3 => 5, 4 => 1, 5 or 6 => 6, _ => 9 });
        shares[0].ShouldBe(shares[1], 1e-12);
        Math.Abs(shares[0] - shares[2]).ShouldBeGreaterThan(1e-3);
    }

    /// <summary>Left gloves and a right glove: the textbook's shares.</summary>
    [Fact]
    public void The_glove_game_has_its_known_shares()
    {
        double[] shares = Shapley.Split(3, set => (set & 1) != 0 && (set & 6) != 0 ? 1 : 0);
        shares[0].ShouldBe(2 / 3.0, 1e-12);
        shares[1].ShouldBe(1 / 6.0, 1e-12);
        shares[2].ShouldBe(1 / 6.0, 1e-12);
    }

    private static double[] Game(int players)
    {
        var random = new Random(players);
        return [.. Enumerable.Range(0, 1 << players).Select(_ => random.NextDouble())];
    }
}
