using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>A guest's memory taken away, from the command line.</summary>
public class TeardownCommandTests
{
    [Fact]
    public void Ways_are_compared_side_by_side()
    {
        var (code, output, _) = Command.Run("teardown", "--iommu", "smmuv3", "--size", "8M", "--policy", "Gather", "--pages", "4K", "--json");
        code.ShouldBe(0);
        var rows = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        rows.Select(row => row.GetProperty("way").GetString()).ShouldBe(["pages", "range", "space"]);
        rows.ShouldAllBe(row => row.GetProperty("pages").GetInt64() == 2048 && row.GetProperty("host_us").GetDouble() > 0);
        rows[0].GetProperty("operations").GetProperty("command").GetInt64().ShouldBe(2 * 2048);
        rows[1].GetProperty("operations").GetProperty("command").GetInt64().ShouldBe(2);
        rows[1].GetProperty("virtual_us").GetDouble().ShouldBeLessThan(rows[0].GetProperty("virtual_us").GetDouble());
        string table = Command.Run("teardown", "--iommu", "tegra210", "--size", "4M", "--policy", "Gather", "--by", "range,space").Output;
        table.ShouldContain("If this were a tegra210: 4M of a guest's memory taken away");
        table.ShouldContain("which says nothing of hardware");
        table.ShouldNotContain("pages one by one");
    }

    [Theory]
    [InlineData("--size", "4097", "not a multiple")]
    [InlineData("--pages", "12K", "12K is no size of a page")]
    [InlineData("--by", "force", "choose from pages, range, space")]
    [InlineData("--pages", "2M", "nothing can be torn down")]
    public void What_makes_no_sense_is_refused(string option, string value, string why) =>
        Command.Refuse("teardown", "--iommu", "tegra30", option, value).ShouldContain(why);
}
