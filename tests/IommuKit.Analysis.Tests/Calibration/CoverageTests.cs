using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Explain;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using Xunit.Abstractions;

namespace IommuKit.Analysis.Tests.Calibration;

/// <summary>Intervals must contain the truth about as often as they say: 200 tables from a machine with known costs.</summary>
public class CoverageTests(ITestOutputHelper output)
{
    private const int Tables = 200;

    private static readonly Lazy<Workload> Unmap = new(() =>
        SizeWorkloads.Run(MachineCatalog.Find("tegra210")!, SyncPolicy.PerPage, SyncPolicy.RangeFlush, 4 << 20)[1]);

    [Theory]
    [InlineData(true, 0.05)]
    [InlineData(false, 0.05)]
    [InlineData(true, 0.01)]
    [InlineData(false, 0.01)]
    public void Nominal_90_percent_intervals_contain_the_truth_in_80_percent_or_more(bool hasPrior, double deviation) =>
        Check(hasPrior, deviation, SyntheticTables.Truth, seed: 2015);

    /// <summary>
    /// The threshold of the identified set was chosen by the tables above, so other machines and other random numbers have to hold too.
    /// </summary>
    [Theory]
    [InlineData(true, 0.01)]
    [InlineData(false, 0.01)]
    [InlineData(true, 0.2)]
    public void Intervals_contain_the_truth_of_machines_that_no_threshold_was_chosen_by(bool hasPrior, double deviation)
    {
        Check(hasPrior, deviation, SyntheticTables.SlowSync, seed: 990_017);
        Check(hasPrior, deviation, SyntheticTables.Even, seed: 990_018);
    }

    private void Check(bool hasPrior, double deviation, double[] truth, int seed)
    {
        var random = new Random(seed);
        double[][] causes = Attribution.CauseVectors(Unmap.Value);
        int[] costHits = new int[OperationKinds.All.Count];
        int[] shareHits = new int[causes.Length];
        for (int table = 0; table < Tables; table++)
        {
            var fit = CostFit.Of(
                SyntheticTables.Cells(random, deviation, truth), hasPrior ? SyntheticTables.Prior(random, truth) : new CostPrior(null));
            var draws = fit.Resample(100, table);
            foreach (var term in fit.Terms)
            {
                costHits[(int)term] += Interval90.Of(draws, costs => costs[(int)term]).Contains(truth[(int)term]) ? 1 : 0;
            }

            for (int cause = 0; cause < causes.Length; cause++)
            {
                shareHits[cause] += Interval90.Of(draws, costs => ShareOf(cause, costs)).Contains(ShareOf(cause, truth)) ? 1 : 0;
            }
        }

        foreach (var term in OperationKinds.All)
        {
            output.WriteLine($"{OperationKinds.NameOf(term)}: {costHits[(int)term]} of {Tables}");
        }

        output.WriteLine($"causes: {string.Join(", ", shareHits)} of {Tables}");
        shareHits.ShouldAllBe(hits => hits >= 0.8 * Tables);
        costHits.Where(hits => hits != 0).ShouldAllBe(hits => hits >= 0.8 * Tables);
        costHits.Count(hits => hits != 0).ShouldBe(hasPrior ? 11 : 9);

        double ShareOf(int cause, double[] costs) => CostVector.Dot(causes[cause], costs) / causes.Sum(saved => CostVector.Dot(saved, costs));
    }
}
