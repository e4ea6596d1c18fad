using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>
/// What <c>bench --format</c> measures of allocations. Alone, because a garbage collection that another thread brings about adds some bytes to what
/// the runtime says of this one.
/// </summary>
[Collection("alone")]
public class FormatBenchCommandTests
{
    private static readonly string[] BenchFields =
        ["format", "work", "pages", "median_ns", "ns_per_page", "spread", "bytes_allocated", "fill_ns_per_entry", "code_is_final", "level",
            "threads", "p10_ns", "p90_ns", "linux61_x_fill", "linux72_x_fill", "ceiling_x_fill"];

    [Fact]
    public void Bench_of_a_format_has_the_documented_fields_and_allocates_nothing()
    {
        using var json = JsonDocument.Parse(Command.Succeed("bench", "--format", "arm-lpae-4k-s1", "--host-time", "--threads", "2", "--json"));
        var rows = json.RootElement.EnumerateArray().ToList();
        foreach (var row in rows)
        {
            row.EnumerateObject().Select(field => field.Name).ShouldBe(BenchFields);
            row.GetProperty("format").GetString().ShouldBe("arm-lpae-4k-s1");
            row.GetProperty("bytes_allocated").GetDouble().ShouldBe(0, row.GetProperty("work").GetString());
            row.GetProperty("median_ns").GetDouble().ShouldBeGreaterThan(0);
            row.GetProperty("spread").GetDouble().ShouldBeGreaterThanOrEqualTo(0);
            row.GetProperty("fill_ns_per_entry").GetDouble().ShouldBeGreaterThan(0);
            row.GetProperty("p90_ns").GetDouble().ShouldBeGreaterThanOrEqualTo(row.GetProperty("p10_ns").GetDouble());
        }

        rows[0].GetProperty("linux61_x_fill").GetDouble().ShouldBe(19.1 / 0.078, 0.001);
        rows[0].GetProperty("linux72_x_fill").GetDouble().ShouldBe(38.4 / 0.078, 0.001);
        rows[0].GetProperty("ceiling_x_fill").GetDouble().ShouldBe(5.6 / 0.078, 0.001);
        rows[6].GetProperty("ceiling_x_fill").ValueKind.ShouldBe(JsonValueKind.Null);

        string[] works =
            [.. rows.Select(row => $"{row.GetProperty("level")} {row.GetProperty("work")} {row.GetProperty("pages")} {row.GetProperty("threads")}")];
        works.ShouldBe(
        [
            "engine map 1 page 1 1", "engine unmap 1 page 1 1",
            "engine map 32 pages 32 1", "engine unmap 32 pages 32 1",
            "engine map most of a table 500 1", "engine unmap most of a table 500 1",
            "engine map 1 block 1 1", "engine unmap 1 block 1 1",
            "engine iova_to_phys hot 1 1", "engine iova_to_phys random 1 1", "engine iova_to_phys dependent 1 1",
            "engine map 1 page cold 1 1", "engine map 9 tables cold 4608 1",
            "engine unmap 2 whole tables 1024 1", "engine unmap 9 whole tables 4608 1",
            "engine map list of 32 pages 32 1", "engine map list of 512 pages 512 1",
            "domain map 1 page 1 1", "domain unmap 1 page 1 1", "domain map 32 pages 32 1", "domain unmap 32 pages 32 1",
            "engine map+unmap 1 page 1 1", "engine map+unmap 1 page 1 2", "engine map+unmap 32 pages 32 1", "engine map+unmap 32 pages 32 2",
        ]);
    }
}
