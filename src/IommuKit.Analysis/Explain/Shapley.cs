namespace IommuKit.Analysis.Explain;

/// <summary>
/// Splits what a set of players gains together among them: each gets the mean of what it adds, over all orders in which the players can join (L. S.
/// Shapley, A Value for n-Person Games, 1953). It is the only rule by which the shares sum to the gain, who adds nothing gets nothing, equals get the
/// same, and shares of a sum are sums of shares.
/// </summary>
public static class Shapley
{
    /// <summary>The shares.</summary>
    /// <param name="players">How many there are, at most 20.</param>
    /// <param name="value">What a set of players gains: bit i means player i is in it.</param>
    public static double[] Split(int players, Func<int, double> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(players, 20);
        double[] values = [.. Enumerable.Range(0, 1 << players).Select(value)];
        double[] weights = WeightsFor(players);
        double[] shares = new double[players];
        for (int set = 0; set < values.Length; set++)
        {
            for (int player = 0; player < players; player++)
            {
                if ((set >> player & 1) == 0)
                {
                    shares[player] += weights[int.PopCount(set)] * (values[set | 1 << player] - values[set]);
                }
            }
        }

        return shares;
    }

    /// <summary>The share of orders in which exactly a given set of some size joins before a given player: size! (n - size - 1)! / n!.</summary>
    private static double[] WeightsFor(int players)
    {
        double[] weights = new double[players];
        double weight = 1.0 / players;
        for (int size = 0; size < players; size++)
        {
            weights[size] = weight;
            weight *= (size + 1.0) / Math.Max(1, players - size - 1);
        }

        return weights;
    }
}
