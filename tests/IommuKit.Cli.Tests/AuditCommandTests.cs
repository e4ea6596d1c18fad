using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>What <c>iommukit audit</c> prints.</summary>
public sealed class AuditCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Sample => RepositoryFiles.InRepository("samples", "e1000e-counter-lazy-qi.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Json_has_the_documented_fields()
    {
        using var json = JsonDocument.Parse(Command.Succeed("audit", Sample, "--json"));
        var root = json.RootElement;
        root.GetProperty("file").GetString().ShouldBe(Sample);
        root.GetProperty("map_events").GetInt64().ShouldBe(8286);
        root.GetProperty("unmap_events").GetInt64().ShouldBe(8285);
        root.GetProperty("invalidations").GetProperty("iotlb_domain").GetInt64().ShouldBe(220);
        root.GetProperty("mode").GetString().ShouldBe("deferred");
        var coverage = root.GetProperty("coverage");
        coverage.GetProperty("covered").GetInt64().ShouldBe(8285);
        coverage.GetProperty("window_stale_pages").GetProperty("max").GetDouble().ShouldBe(256);
        coverage.GetProperty("window_recorded_us").ValueKind.ShouldBe(JsonValueKind.Null);
        var finding = root.GetProperty("findings")[0];
        finding.GetProperty("id").GetString().ShouldBe("deferred-invalidation");
        finding.GetProperty("first_line").GetInt64().ShouldBe(281);
        finding.GetProperty("details").GetProperty("peak_stale_pages").GetInt64().ShouldBe(256);
        string documented = File.ReadAllText(RepositoryFiles.InRepository("docs", "json.md"));
        foreach (var field in root.EnumerateObject().Concat(coverage.EnumerateObject()))
        {
            documented.ShouldContain($"`{field.Name}`");
        }
    }

    [Fact]
    public void Csv_and_markdown_have_the_findings()
    {
        string[] lines = Command.Succeed("audit", Sample, "--csv").Split('\n');
        lines[0].ShouldBe("id,count,first_line,cost,cost_unit,meaning,limit");
        lines[1].ShouldStartWith("deferred-invalidation,8283,281,9769,pages unmapped,");
        Command.Succeed("audit", Sample, "--markdown").ShouldContain("| whole-domain-invalidated |");
    }

    [Fact]
    public void Every_finding_is_in_the_documentation()
    {
        string documented = File.ReadAllText(RepositoryFiles.InRepository("docs", "audit.md"));
        string found = Command.Succeed("audit", RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), "--csv");
        foreach (string line in found.Trim().Split('\n')[1..])
        {
            documented.ShouldContain($"`{line.Split(',')[0]}`");
        }
    }

    [Fact]
    public void Without_invalidations_it_says_so()
    {
        string text = Command.Succeed("audit", RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz"));
        text.ShouldContain("No invalidations were recorded, so nothing can be said about flushes");
        text.ShouldNotContain("Findings");
    }

    [Fact]
    public void What_cannot_be_used_is_one_line()
    {
        string trace = Path.Combine(_folder, "trace");
        File.WriteAllText(trace, "1.0: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n1.0: qi_submit: iotlb_inv dmar0: 0x500f2\n");
        Command.Refuse("audit", trace).ShouldContain($"{trace}:2: is not an invalidation event that a kernel can have printed");
        Command.Succeed("audit", trace, "--lenient").ShouldContain("Damaged lines left out: 1.");
        Command.Refuse("audit").ShouldContain("audit --help");
        Command.Refuse("audit", Path.Combine(_folder, "none")).ShouldContain("none");
        Command.Refuse("audit", trace, "--json", "--csv").ShouldContain("exclude each other");
    }

    [UnixFact]
    public void A_trace_may_come_through_a_pipe()
    {
        string expected = Command.Succeed("audit", Sample, "--csv");
        Shell.Run(_folder, $"zcat '{Sample}' | {Shell.Iommukit} audit - --csv").Output.ShouldBe(expected);
    }
}
