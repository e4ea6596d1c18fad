using System.Globalization;
using System.Text.Json;
using CsvHelper;
using static IommuKit.Cli.Tests.Command;

namespace IommuKit.Cli.Tests;

/// <summary>The command as a user meets it.</summary>
public sealed class CommandLineTests : IDisposable
{
    private static readonly string[] BenchFields =
    [
        "iommu", "policy", "op", "size_bytes", "pages", "paper_before_us", "paper_after_us", "virtual_us", "operations", "purposes",
        "maintenance", "bound", "bound_operations",
    ];

    private static readonly string[] ReplayFields =
    [
        "file", "policy", "iommu", "map_events", "unmap_events", "other_events", "lost_events", "skipped", "live_pages", "virtual_us",
        "operations", "purposes", "maintenance",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Sample => RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Bench_prints_the_seeds_table()
    {
        string text = Succeed("bench");
        text.ShouldMatch(@"128K +map +PerPage +137 +136–139 ");
        text.ShouldContain("3,072");
        text.ShouldContain("RangeFlush");
        text.ShouldMatch(@"21\.6× +25\.9× ");
        text.ShouldNotContain("\u001b");
    }

    [Fact]
    public void Bench_json_has_the_documented_fields_and_the_counts_of_the_fact_sheet()
    {
        using var json = JsonDocument.Parse(Succeed("bench", "--json"));
        json.RootElement.GetArrayLength().ShouldBe(36);
        foreach (var row in json.RootElement.EnumerateArray())
        {
            row.EnumerateObject().Select(field => field.Name).Take(BenchFields.Length).ShouldBe(BenchFields);
        }

        var range = json.RootElement.EnumerateArray().Single(row =>
            Text(row, "policy") == "RangeFlush" && Text(row, "op") == "unmap" && Number(row, "size_bytes") == 4 << 20);
        var operations = range.GetProperty("operations");
        Number(operations, "register_write").ShouldBe(256);
        Number(operations, "register_read").ShouldBe(1);
        Number(operations, "line_cleaned").ShouldBe(64);
        Number(operations, "unmap_call").ShouldBe(1);
        operations.TryGetProperty("map_call", out _).ShouldBeFalse();
        Number(range.GetProperty("purposes"), "tlb").ShouldBe(128);
        Number(range, "maintenance").ShouldBe(256 + 1 + 64);
        Number(range, "pages").ShouldBe(1024);
        Number(range, "paper_before_us").ShouldBe(3894);
        Number(range, "paper_after_us").ShouldBe(150.25);
        Number(range, "bound").ShouldBe(129 + 1 + 64);
        Text(range, "iommu").ShouldBe("tegra210");
    }

    [Fact]
    public void Bench_without_paper_has_nulls()
    {
        using var json = JsonDocument.Parse(Succeed("bench", "--json", "--soc", "tegra30", "-s", "1M", "-p", "per-page"));
        var row = json.RootElement.EnumerateArray().First();
        row.GetProperty("paper_before_us").ValueKind.ShouldBe(JsonValueKind.Null);
        Text(row, "policy").ShouldBe("PerPage");
        Succeed("bench", "--soc", "tegra30").ShouldNotContain("Paper");
    }

    [Theory]
    [InlineData("16K", 384)]
    [InlineData("32K", 256)]
    public void Bench_takes_the_step_of_the_tlb(string step, int writes) =>
        BenchWrites("--tlb-step", step).ShouldBe(writes);

    [Fact]
    public void Bench_takes_thresholds_and_flush_all()
    {
        BenchWrites("--section-threshold", "2").ShouldBe(129);
        BenchWrites("--asid-threshold", "100").ShouldBe(129);
        BenchWrites("--flush-all", "512").ShouldBe(2);
        BenchWrites("--flush-all", "1025").ShouldBe(256);
    }

    [Fact]
    public void Bench_csv_has_the_fields_of_json()
    {
        string text = Succeed("bench", "--csv", "-s", "128K,4M", "-p", "Gather", "-p", "PerPage");
        using var csv = new CsvReader(new StringReader(text), CultureInfo.InvariantCulture);
        var rows = csv.GetRecords<dynamic>().Cast<IDictionary<string, object>>().ToList();
        rows.Count.ShouldBe(8);
        using var json = JsonDocument.Parse(Succeed("bench", "--json", "-s", "128K,4M", "-p", "Gather", "-p", "PerPage"));

        // Objects and arrays have no cell; of operations and tuning there are columns for what occurs.
        var fields = json.RootElement[0].EnumerateObject().Where(field => field.Value.ValueKind is not JsonValueKind.Array);
        rows[0].Keys.Select(column => column.Split('.')[0]).Distinct().ShouldBe(fields.Select(field => field.Name).Where(name => name != "tuning"));
        rows[3]["operations.register_write"].ShouldBe(
            Number(json.RootElement[3].GetProperty("operations"), "register_write").ToString(CultureInfo.InvariantCulture));
        rows[0]["operations.unmap_call"].ShouldBe("0");
        rows[1]["operations.unmap_call"].ShouldBe("1");
    }

    [Fact]
    public void Bench_markdown_is_a_markdown_table()
    {
        string[] lines = Succeed("bench", "--markdown", "-s", "128K").Split('\n');
        int header = Array.FindIndex(lines, line => line.StartsWith("| Size"));
        lines[header + 1].ShouldMatch("^[|: -]+$");
        lines.Count(line => line.StartsWith("| 128K")).ShouldBe(9);
    }

    [Fact]
    public void Bench_host_time_says_what_it_is()
    {
        using var json = JsonDocument.Parse(Succeed("bench", "--host-time", "--json", "-s", "128K", "-p", "Gather"));
        var row = json.RootElement[0];
        Number(row, "host_median_ns").ShouldBeGreaterThan(0);
        Number(row, "bytes_allocated").ShouldBe(0);
        row.TryGetProperty("virtual_us", out _).ShouldBeFalse();
        Succeed("bench", "--host-time", "-s", "128K", "-p", "Gather").ShouldContain("on this host");
    }

    [Fact]
    public void Bench_takes_names_in_any_form_and_sizes_once()
    {
        using var json = JsonDocument.Parse(Succeed(
            "bench", "--json", "-p", "per-page", "-s", "1.5M,1536K,0x180000", "--layout", "Contiguous", "--tables", "FRESH"));
        json.RootElement.GetArrayLength().ShouldBe(2);
        Number(json.RootElement[0], "size_bytes").ShouldBe(1.5 * (1 << 20));
        Text(json.RootElement[0], "layout").ShouldBe("contiguous");
        Text(json.RootElement[0], "tables").ShouldBe("fresh");
    }

    [Fact]
    public void Bench_takes_costs_of_the_users_own()
    {
        string costs = Path.Combine(_folder, "costs.json");
        File.WriteAllText(costs, File.ReadAllText(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Costs", "tegra210.json"))
            .Replace("tegra210-2015", "other").Replace("0.57", "5.7"));
        using var json = JsonDocument.Parse(Succeed("bench", "--json", "--costs", costs, "-s", "4M", "-p", "Gather"));
        Text(json.RootElement[0], "costs").ShouldBe("other");
        Number(json.RootElement[1], "virtual_us").ShouldBe(158.9 + (256 * 5.13), 0.1);
    }

    [Fact]
    public void Replay_prints_an_object_for_each_file_and_policy()
    {
        string other = RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz");
        string[] lines = Succeed("replay", Sample, other, "--jsonl", "-p", "PerPage,Gather").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(4);
        foreach (string line in lines)
        {
            using var json = JsonDocument.Parse(line);
            json.RootElement.EnumerateObject().Select(field => field.Name).Take(ReplayFields.Length).ShouldBe(ReplayFields);
        }

        using var first = JsonDocument.Parse(lines[0]);
        Text(first.RootElement, "file").ShouldBe(Sample);
        Number(first.RootElement, "map_events").ShouldBe(7566);
        Number(first.RootElement, "unmap_events").ShouldBe(2087);
        Number(first.RootElement, "live_pages").ShouldBe(0);
        Number(first.RootElement, "skipped").ShouldBe(0);
    }

    [Fact]
    public void Replay_prints_tables_and_what_was_skipped()
    {
        Succeed("replay", Sample).ShouldContain("7,566 maps, 2,087 unmaps");
        string text = Succeed("replay", RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), "--iommu", "tegra210");
        text.ShouldContain("skipped: 176 events with IOVAs beyond what the IOMMU can translate, lines 74–5326");
        var columns = Succeed("replay", Sample, "--csv", "-p", "Gather").Split('\n')[0].Split(',').Select(column => column.Split('.')[0]).Distinct();
        columns.Take(ReplayFields.Length).ShouldBe(ReplayFields);
    }

    [Fact]
    public void Models_lists_what_there_is()
    {
        Succeed("models").ShouldContain("tegra210");
        using var json = JsonDocument.Parse(Succeed("models", "--json"));
        json.RootElement.GetArrayLength().ShouldBe(21);
        var tegra30 = json.RootElement[0];
        Text(tegra30, "iommu").ShouldBe("tegra30");
        tegra30.GetProperty("coherent_walk").GetBoolean().ShouldBeFalse();
        tegra30.GetProperty("caches_invalid_entries").GetBoolean().ShouldBeTrue();
        Number(tegra30, "table_cache_line_bytes").ShouldBe(16);
        Number(tegra30, "address_spaces").ShouldBe(4);
        var server = json.RootElement.EnumerateArray().Single(model => Text(model, "iommu") == "vtd-server");
        (Number(server, "input_bits"), Number(server, "output_bits")).ShouldBe((48.0, 46.0));
        server.GetProperty("coherent_walk").GetBoolean().ShouldBeTrue();
    }

    [Fact]
    public void Help_is_help()
    {
        Succeed("--help").ShouldContain("bench");
        Succeed("bench", "--help").ShouldContain("--section-threshold");
        Succeed("replay", "--help").ShouldContain("--lenient");
    }

    [Theory]
    [InlineData("bench --size 0", "--size: size \"0\" is 0")]
    [InlineData("bench --size -4K", "--size: size \"-4K\" is negative")]
    [InlineData("bench --size 99999999999999999999", "does not fit into 64 bits")]
    [InlineData("bench --size 5000", "--size: 5000 is not a multiple of the page size, 4K")]
    [InlineData("teardown --size 5000", "--size: 5000 is not a multiple of the page size, 4K")]
    [InlineData("bench --size 4M --size", "--size")]
    [InlineData("bench --size=", "--size: there is no value behind the =")]
    [InlineData("bench --format= --host-time", "--format: there is no value behind the =")]
    [InlineData("bench --policy all,bogus", "there is no \"bogus\"")]
    [InlineData("bench --host-time --costs x.json", "--costs: these are for virtual time")]
    [InlineData("models @/etc/passwd", "'@/etc/passwd'")]
    [InlineData("replay - -", "the standard input can be read only once")]
    [InlineData("dump -f tegra -m 0:0:4K -m", "--map")]
    [InlineData("bench --size 4G", "more than 2G")]
    [InlineData("bench --size 4M,x", "\"x\"")]
    [InlineData("bench --sizes 4M", "--sizes")]
    [InlineData("bench --policy fast", "choose from PerPage")]
    [InlineData("bench --policy gater", "there is no \"gater\"; did you mean \"Gather\"? There are PerPage")]
    [InlineData("dump -f x86-46 -m 0:0:4K", "did you mean \"x86-64\"?")]
    [InlineData("--jsn trace", "there is no option '--jsn'; did you mean '--json'?")]
    [InlineData("--helpp", "did you mean '--help'?")]
    [InlineData("--json bench", "options stand behind the command: 'iommukit bench --json'")]
    [InlineData("--lenient", "there is neither a TRACE nor a kernel log")]
    [InlineData("bench --iommu pentium", "choose from tegra30")]
    [InlineData("explain one.trace two.trace", "explain takes one TRACE, and 'two.trace' is another")]
    [InlineData("host", "'host' is not all: 'host info' or 'host bench'")]
    [InlineData("host inof", "there is no 'host inof', but 'host info' or 'host bench'")]
    [InlineData("bench --costs nope", "nope: there is neither such a file nor built-in costs of that name, which are tegra210-2015")]
    [InlineData("bench --iommu vdt", "there is no \"vdt\"; did you mean \"vtd-")]
    [InlineData("bench -o out.xyz", "--output: no such form: 'out.xyz'; here names end with .json, .jsonl, .csv or .md")]
    [InlineData("bench --size 2G --iommu all", "more than 2032M, the most that a run can map on tegra30")]
    [InlineData("bench --size 1.0001K", "not a whole number of bytes")]
    [InlineData("bench --layout diagonal", "there is no \"diagonal\"; choose from scattered, contiguous")]
    [InlineData("bench --layout 7", "there is no \"7\"")]
    [InlineData("bench --tables 9", "choose from existing, fresh")]
    [InlineData("bench --tables existing,fresh", "there is no \"existing,fresh\"")]
    [InlineData("bench --flush-all 99999999999999", "not a whole number from 0 to 2147483647")]
    [InlineData("bench --section-threshold 0x10", "--section-threshold: \"0x10\"")]
    [InlineData("bench --costs /", "/: is a directory")]
    [InlineData("bench --tlb-step 8K", "neither 16K nor 32K")]
    [InlineData("bench --flush-all -1", "--flush-all")]
    [InlineData("bench --flush-all many", "many")]
    [InlineData("bench --json --csv", "exclude each other")]
    [InlineData("bench --costs /nowhere.json", "/nowhere.json")]
    [InlineData("bench --host-time --size 3", "not a multiple")]
    [InlineData("bench --output /nowhere/file.json --json", "/nowhere/file.json")]
    [InlineData("replay", "FILE")]
    [InlineData("replay /nowhere", "/nowhere: there is no such file")]
    [InlineData("replay /dev/null", "is empty")]
    [InlineData("replay /", "is a directory")]
    [InlineData("fly", "fly")]
    public void Bad_use_is_one_clear_line_and_exit_code_2(string line, string reason) =>
        Refuse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ShouldContain(reason);

    [Fact]
    public void A_result_file_appears_whole_or_not_at_all()
    {
        string file = Path.Combine(_folder, "result.json");
        Succeed("replay", Sample, "--jsonl", "-o", file).ShouldBeEmpty();
        File.ReadAllLines(file).Length.ShouldBe(6);

        // A later file is broken: what was there stays, and nothing half done is left.
        string before = File.ReadAllText(file);
        string broken = Path.Combine(_folder, "broken.gz");
        File.WriteAllBytes(broken, File.ReadAllBytes(Sample)[..30_000]);
        var (code, output, error) = Run("replay", Sample, broken, "--jsonl", "-o", file);
        code.ShouldBe(2);
        output.ShouldBeEmpty();
        error.ShouldContain("broken.gz:");
        error.ShouldContain("breaks off");
        File.ReadAllText(file).ShouldBe(before);
        Directory.GetFiles(_folder).Select(Path.GetFileName).ShouldBe(["broken.gz", "result.json"], ignoreOrder: true);

        Run("replay", broken, "--lenient", "--json").Code.ShouldBe(0);
    }

    private static string Text(JsonElement row, string field) => row.GetProperty(field).GetString()!;

    private static double Number(JsonElement row, string field) => row.GetProperty(field).GetDouble();

    private static int BenchWrites(params string[] options)
    {
        using var json = JsonDocument.Parse(Succeed(["bench", "--json", "-s", "4M", "-p", "Gather", .. options]));
        return (int)Number(json.RootElement[1].GetProperty("operations"), "register_write");
    }
}
