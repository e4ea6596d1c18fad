using IommuKit.Analysis.Calibration;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;
using IommuKit.Traces;

namespace IommuKit.Analysis.Tests.Calibration;

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
        identifiability.NotInData.ShouldBe([OperationKind.TableAllocated, OperationKind.TableFreed]);
        identifiability.ParallelPairs.ShouldContain((OperationKind.Barrier, OperationKind.RegisterRead));
        identifiability.Confused.ShouldHaveSingleItem().ShouldContain(OperationKind.LineCleaned);
        identifiability.Determined.ShouldContain(OperationKind.RangeMapped);
    }

    /// <summary>Two terms in one proportion everywhere are named, and others that are in the same work are not.</summary>
    [Fact]
    public void Only_terms_in_one_proportion_are_parallel()
    {
        (int Writes, int Lines)[] work = [(1, 3), (2, 1), (3, 2), (5, 1)];
        MeasuredCell[] cells =
        [
            .. work.Select(one =>
            {
                double[] counts = [.. OperationKinds.All.Select(_ => 0.0)];
                counts[(int)OperationKind.RegisterWrite] = one.Writes;
                counts[(int)OperationKind.RegisterRead] = 2 * one.Writes;
                counts[(int)OperationKind.LineCleaned] = one.Lines;
                double us = 10 + (3 * one.Writes) + one.Lines;
                return new MeasuredCell(null, [us * 0.99, us * 1.01], counts);
            }),
        ];
        var identifiability = new Identifiability(CostFit.Of(cells, new CostPrior(null)));
        identifiability.ParallelPairs.Select(pair => new HashSet<OperationKind> { pair.First, pair.Second })
            .ShouldHaveSingleItem().ShouldBe([OperationKind.RegisterWrite, OperationKind.RegisterRead], ignoreOrder: true);
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
            double best = CostVector.Dot(counts, draw.Vectors[0]);
            foreach (double[] costs in draw.Vectors)
            {
                costs.ShouldAllBe(us => us >= 0);
                CostVector.Dot(counts, costs).ShouldBe(best, 0.25 * cell.Mean);
            }
        }
    }

    /// <summary>How far each 4M cell is predicted from 128K and 18M; docs/cost-model.md says why.</summary>
    [Fact]
    public void The_4m_rows_are_predicted_as_docs_cost_model_says()
    {
        var left = CrossValidation.Run(SyntheticTables.SeedCells.Value, new CostPrior(CostFile.Default))
            .Where(cell => cell.Cell.Work!.Value.Size == 4 << 20)
            .ToDictionary(cell => (cell.Cell.Work!.Value.Operation, cell.Cell.Work.Value.Policy));
        left.Count.ShouldBe(4);
        left[(MappingOperation.Map, Domains.SyncPolicy.RangeFlush)].IsWithinSamples.ShouldBeTrue();
        left[(MappingOperation.Map, Domains.SyncPolicy.PerPage)].Excess.ShouldBeInRange(0.15, 0.25);
        left[(MappingOperation.Map, Domains.SyncPolicy.PerPage)].IsReachable.ShouldBeFalse();
        left[(MappingOperation.Unmap, Domains.SyncPolicy.PerPage)].Excess.ShouldBeInRange(-0.08, 0);
        left[(MappingOperation.Unmap, Domains.SyncPolicy.RangeFlush)].Excess.ShouldBeInRange(0, 0.06);
    }

    /// <summary>A call that costs something makes pages of small sizes dear: so a sum over calls and pages looks.</summary>
    [Fact]
    public void Times_that_are_sums_over_calls_and_pages_are_never_called_unreachable()
    {
        ulong[] sizes = [128 << 10, 4 << 20, 18 << 20];
        Measurement[] table =
        [
            .. from size in sizes
               from noise in (double[])[0.99, 1, 1.01]
               select new Measurement(
                   new MeasuredWork(SeedTable.Machine, MappingOperation.Map, size, Domains.SyncPolicy.RangeFlush, BenchTables.Existing),
                   noise * (50 + (size / 4096 * 0.5))),
        ];
        var left = CrossValidation.Run(CellCounter.Count(table), new CostPrior(CostFile.Default));
        left.Count.ShouldBe(3);
        left.ShouldAllBe(cell => cell.IsReachable);
    }

    [Fact]
    public void The_scalar_product_of_vectors_is_the_time()
    {
        var counts = default(OperationCounts);
        foreach (var kind in OperationKinds.All)
        {
            counts.Add(kind, 3 + (2 * (int)kind));
        }

        var costs = CostFile.Default;
        CostVector.Dot(counts.ToVector(), costs.Components.ToVector()).ShouldBe(costs.Microseconds(counts), 1e-9);
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
    public void Whatever_is_in_a_cost_file_it_is_read_or_refused_in_one_line()
    {
        string path = Path.GetTempFileName();
        byte[] good = File.ReadAllBytes(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Costs", "tegra210.json"));
        var random = new Random(6);
        int refused = 0;
        for (int round = 0; round < 500; round++)
        {
            byte[] bad = round % 5 == 0 ? good[..random.Next(good.Length)] : [.. good];
            for (int i = 0; i < 3 && bad.Length != 0; i++)
            {
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, bad);
            try
            {
                CostFile.Load(path).Components.ToVector().ShouldAllBe(us => us >= 0 && us <= 1e9);
            }
            catch (InputException e)
            {
                refused++;
                e.Message.ShouldStartWith(path);
                e.Message.ShouldNotContain("\n");
            }
        }

        File.Delete(path);
        refused.ShouldBeGreaterThan(200);
    }

    [Fact]
    public void A_misfit_that_nothing_can_show_is_said_to_be_unknown()
    {
        var calibration = CostCalibration.Run(
            "one", [.. MeasurementFile.SeedTable.Take(1)], new CalibrationOptions { Prior = new CostPrior(CostFile.Default), Resamples = 5 });
        calibration.Fit.IsMisfitKnown.ShouldBeFalse();
        calibration.ToVector("x").Description.ShouldContain("too few cells to show a misfit");
    }

    [Fact]
    public void Many_times_of_one_kind_take_no_longer_than_their_number()
    {
        // With the square of it this would be 10 billion additions again and again.
        var cell = SyntheticTables.SeedCells.Value[0] with { Samples = [.. Enumerable.Range(0, 100_000).Select(i => 100 + (i % 7.0))] };
        cell.RelativeVariance!.Value.ShouldBe(4 / (103.0 * 103), 1e-5);
    }

    [Fact]
    public void Built_in_costs_say_of_every_number_how_it_is_known()
    {
        CostFile.BuiltIn.Select(costs => costs.Name).ShouldBe(["tegra210-2015", "smmuv2-noncoherent-2024", "smmuv3-2021", "vtd-public", "smmuv3-2021-queue", "smmuv2-2024"]);
        foreach (var costs in CostFile.BuiltIn)
        {
            foreach (var component in costs.Components.Kinds.Select(kind => costs.Components[kind]))
            {
                component.Source.Length.ShouldBeGreaterThan(20);
                (component.Us > 0 || component is { Kind: "assumed" }).ShouldBeTrue(component.Source);
            }
        }

        CostFile.Find("smmuv3-2021").ShouldBe(CostFile.BuiltIn[2]);
    }
}
