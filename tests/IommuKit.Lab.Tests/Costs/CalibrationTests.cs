using IommuKit.Lab.Costs;
using IommuKit.Lab.Costs.Calibration;
using IommuKit.Lab.Machines;

namespace IommuKit.Lab.Tests.Costs;

public class CalibrationTests
{
    [Fact]
    public void A_table_from_known_costs_gives_times_that_fit_and_the_same_table_the_same_intervals()
    {
        var cells = SyntheticTables.Cells(new Random(7), 0.01);
        var fit = CostFit.Of(cells, SyntheticTables.Prior(new Random(8)));
        cells.Max(cell => Math.Abs(fit.ErrorOf(cell))).ShouldBeLessThan(0.05);
        fit.Us.ShouldAllBe(us => us >= 0);
        var first = fit.Resample(20, seed: 3);
        first.Select(draw => draw.Vectors[0]).ShouldBe(fit.Resample(20, seed: 3).Select(draw => draw.Vectors[0]));
        first.Select(draw => draw.Vectors[0]).ShouldNotBe(fit.Resample(20, seed: 4).Select(draw => draw.Vectors[0]));
    }

    /// <summary>Per page, a read-back, a barrier and a run always come together; only their sum can be known.</summary>
    [Fact]
    public void What_the_table_of_2015_cannot_tell_apart_is_named()
    {
        var identifiability = new Identifiability(CostFit.Of(SyntheticTables.SeedCells.Value, new CostPrior(CostFile.Default)));
        identifiability.Rank.ShouldBe(5);
        identifiability.NotInData.ShouldBe([CostTerm.TableAllocated, CostTerm.TableFreed]);
        identifiability.ParallelPairs.ShouldContain((CostTerm.Barrier, CostTerm.RegisterRead));
        identifiability.Confused.ShouldHaveSingleItem().ShouldContain(CostTerm.LineCleaned);
        identifiability.Determined.ShouldContain(CostTerm.RangeMapped);
    }

    /// <summary>Every vector of a draw without prior explains the times as well as the best one.</summary>
    [Fact]
    public void The_extremes_fit_as_well_as_the_best()
    {
        var fit = CostFit.Of(SyntheticTables.SeedCells.Value, new CostPrior(null));
        fit.IsUnique.ShouldBeFalse();
        var draw = fit.Resample(1, 1)[0];
        draw.Vectors.Count.ShouldBeGreaterThan(5);
        foreach (var cell in fit.Cells)
        {
            double[] counts = [.. cell.Counts];
            double best = CostTerms.Dot(counts, draw.Vectors[0]);
            foreach (double[] costs in draw.Vectors)
            {
                costs.ShouldAllBe(us => us >= 0);
                CostTerms.Dot(counts, costs).ShouldBe(best, 0.25 * cell.Mean);
            }
        }
    }

    /// <summary>How far each 4M cell is predicted from 128K and 18M; docs/cost-model.md says why.</summary>
    [Fact]
    public void The_4m_rows_are_predicted_as_docs_cost_model_says()
    {
        var left = CrossValidation.Run(SyntheticTables.SeedCells.Value, new CostPrior(CostFile.Default))
            .Where(cell => cell.Cell.Work!.Value.Size == 4 << 20).ToDictionary(cell => (cell.Cell.Work!.Value.Operation, cell.Cell.Work.Value.Policy));
        left.Count.ShouldBe(4);
        left[(MappingOperation.Map, Domains.SyncPolicy.RangeFlush)].IsWithinSamples.ShouldBeTrue();
        left[(MappingOperation.Map, Domains.SyncPolicy.PerPage)].Excess.ShouldBeInRange(0.15, 0.25);
        left[(MappingOperation.Map, Domains.SyncPolicy.PerPage)].IsReachable.ShouldBeFalse();
        left[(MappingOperation.Unmap, Domains.SyncPolicy.PerPage)].Excess.ShouldBeInRange(-0.08, 0);
        left[(MappingOperation.Unmap, Domains.SyncPolicy.RangeFlush)].Excess.ShouldBeInRange(0, 0.06);
    }

    [Fact]
    public void The_scalar_product_of_vectors_is_the_time()
    {
        var counts = new OperationCounts(new(1, 2, 3, 4), new(5, 6, 7, 8), 9, 10, 11, 12, 13, 14, 15, 16, 17);
        var costs = CostFile.Default;
        CostTerms.Dot(CostTerms.VectorOf(counts, 2, 3), CostTerms.VectorOf(costs.Components)).ShouldBe(costs.Microseconds(counts, 2, 3), 1e-9);
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        string path = Path.GetTempFileName();
        try
        {
            foreach (var costs in CostFile.BuiltIn)
            {
                File.WriteAllText(path, CostFileWriter.Write(costs));
                CostFile.Load(path).ShouldBe(costs);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Built_in_costs_say_of_every_number_how_it_is_known()
    {
        CostFile.BuiltIn.Select(costs => costs.Name).ShouldBe(["tegra210-2015", "smmuv2-noncoherent-2024", "smmuv3-2021"]);
        foreach (var costs in CostFile.BuiltIn)
        {
            foreach (var component in CostTerms.All.Select(costs.Components.Of))
            {
                component.Source.Length.ShouldBeGreaterThan(20);
                (component.Us > 0 || component is { Kind: "assumed" }).ShouldBeTrue(component.Source);
            }
        }

        CostFile.Find("smmuv3-2021").ShouldBe(CostFile.BuiltIn[2]);
    }
}
