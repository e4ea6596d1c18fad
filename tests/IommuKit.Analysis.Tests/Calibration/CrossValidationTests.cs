using IommuKit.Analysis.Calibration;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Seed;

namespace IommuKit.Analysis.Tests.Calibration;

/// <summary>Which times no sum over calls and pages can give.</summary>
public class CrossValidationTests
{
    private const ulong Small = 128 << 10;
    private const ulong Large = 4 << 20;

    /// <summary>Calls may cost nothing: then a page takes the same in all sizes.</summary>
    [Fact]
    public void Pages_that_take_the_same_in_all_sizes_are_reachable() =>
        Run((Small, 0.5), (Large, 0.5)).ShouldAllBe(cell => cell.IsReachable);

    [Fact]
    public void Pages_that_take_longer_in_a_larger_size_are_not() =>
        Run((Small, 0.5), (Large, 0.5625)).ShouldAllBe(cell => !cell.IsReachable);

    [Fact]
    public void Samples_that_touch_are_no_contradiction() =>
        Run((Small, 0.5), (Small, 0.5625), (Large, 0.5625), (Large, 0.625)).ShouldAllBe(cell => cell.IsReachable);

    [Fact]
    public void One_size_predicts_nothing() => Run((Small, 0.5)).ShouldBeEmpty();

    private static IReadOnlyList<LeftOutCell> Run(params (ulong Size, double UsPerPage)[] times)
    {
        Measurement[] table =
        [
            .. times.Select(time => new Measurement(
                new MeasuredWork(SeedTable.Machine, MappingOperation.Map, time.Size, Domains.SyncPolicy.RangeFlush, BenchTables.Existing),
                time.Size / 4096 * time.UsPerPage)),
        ];
        return CrossValidation.Run(CellCounter.Count(table), new CostPrior(CostFile.Default));
    }
}
