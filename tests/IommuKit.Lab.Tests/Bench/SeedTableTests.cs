using IommuKit.Lab.Seed;

namespace IommuKit.Lab.Tests.Bench;

public class SeedTableTests
{
    /// <summary>The summary in the fact sheet, which was computed from the same rows by hand.</summary>
    [Theory]
    [InlineData(MappingOperation.Map, 131_072, true, 137.0, 136, 139)]
    [InlineData(MappingOperation.Map, 131_072, false, 37.0, 34, 40)]
    [InlineData(MappingOperation.Map, 4_194_304, true, 3726, 3613, 3939)]
    [InlineData(MappingOperation.Map, 4_194_304, false, 1542.25, 997, 2389)]
    [InlineData(MappingOperation.Map, 18_874_368, false, 6428.75, 4741, 9304)]
    [InlineData(MappingOperation.Unmap, 131_072, false, 9.25, 7, 12)]
    [InlineData(MappingOperation.Unmap, 4_194_304, false, 150.25, 145, 155)]
    [InlineData(MappingOperation.Unmap, 18_874_368, true, 19_956.75, 18_473, 21_764)]
    public void Cells_have_the_mean_and_range_of_their_four_samples(
        MappingOperation operation, ulong size, bool isBefore, double mean, double min, double max)
    {
        var samples = SeedTable.Find(operation, size, isBefore).ShouldNotBeNull();
        samples.Mean.ShouldBe(mean);
        samples.Min.ShouldBe(min);
        samples.Max.ShouldBe(max);
        samples.Count.ShouldBe(4);
    }

    [Fact]
    public void There_are_24_rows_and_nothing_else()
    {
        SeedTable.Rows.Count.ShouldBe(24);
        SeedTable.Find(MappingOperation.Map, 4096, isBefore: true).ShouldBeNull();
    }

    [SharedFact]
    public void The_table_is_that_of_the_reference() =>
        File.ReadAllText(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Seed", "seed-table.csv"))
            .ShouldBe(File.ReadAllText(RepositoryFiles.InShared("facts", "seed-table.csv")));
}
