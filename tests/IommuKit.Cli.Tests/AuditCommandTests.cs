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
        lines[0].ShouldBe(
            "id,count,first_line,cost,cost_unit,meaning,limit,kind,device,direction,iova,last_iova,log_line,trace_time_us,"
                + "since_map_us,since_unmap_us");
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
        Command.Refuse("audit").ShouldContain("give a trace, or --log FILE, or both (see 'iommukit audit --help')");
        Command.Refuse("audit", Path.Combine(_folder, "none")).ShouldContain("none");
        Command.Refuse("audit", trace, "--json", "--csv").ShouldContain("exclude each other");
    }

    [UnixFact]
    public void A_trace_may_come_through_a_pipe()
    {
        string expected = Command.Succeed("audit", Sample, "--csv");
        Shell.Run(_folder, $"zcat '{Sample}' | {Shell.Iommukit} audit - --csv").Output.ShouldBe(expected);
    }

    [Fact]
    public void Faults_of_a_log_and_a_trace_are_listed_and_explained()
    {
        string text = Command.Succeed("audit", Excerpt("trace.txt"), "--log", Excerpt("dmesg.txt"));
        text.ShouldContain("10 faults in 10 messages: 4 used after unmap; 2 past the end; 1 with the wrong direction or permission");
        text.ShouldContain("9. 00:04.0 wrote 0x34c13000: used after unmap");
        text.ShouldContain("log line 19, trace line 93, 25.391789 s");
        text.ShouldContain("unmapped 6.17 ms before by vt-151, 8 KiB at 0x34c13000 (line 89)");
        text.ShouldContain("just before it: 24 KiB at 0x28c77000, mapped by vt-151 (line 53)");
        text.ShouldContain("Faults of which only the heading was printed: 1.");
        Command.Succeed("audit", Excerpt("trace.txt"), "--log", Excerpt("dmesg.txt"), "--markdown").ShouldContain("- 9. 00:04.0 wrote 0x34c13000: used after unmap");
    }

    [Fact]
    public void What_is_true_of_all_faults_is_said_once()
    {
        string log = Path.Combine(_folder, "dmesg");
        const string same = "AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:00:04.0 domain=0x0001 address=";
        File.WriteAllText(log, $"[    1.000000] {same}0x1000 flags=0x0020]\n[    9.000000] {same}0x5000 flags=0x0020]\n");
        string text = Command.Succeed("audit", "--log", log);
        text.ShouldContain("2. 0000:00:04.0");
        string[] details = [.. text.Split('\n').Where(line => line.Contains("hardware: "))];
        details.Length.ShouldBe(1);
        details[0].ShouldStartWith("  all of them: ");
    }

    [Fact]
    public void Faults_in_json_have_the_documented_fields()
    {
        using var json = JsonDocument.Parse(Command.Succeed("audit", Excerpt("trace.txt"), "--log", Excerpt("dmesg.txt"), "--json"));
        var faults = json.RootElement.GetProperty("faults");
        faults.GetProperty("by_cause").GetProperty("used-after-unmap").GetInt32().ShouldBe(4);
        faults.GetProperty("suppressed_calls").GetInt64().ShouldBe(74);
        faults.GetProperty("clock_offset_us").GetDouble().ShouldBe(691_809, 500);
        var fault = faults.GetProperty("faults")[8];
        fault.GetProperty("cause").GetString().ShouldBe("used-after-unmap");
        fault.GetProperty("device").GetString().ShouldBe("00:04.0");
        fault.GetProperty("iova").GetString().ShouldBe("0x34c13000");
        fault.GetProperty("since_unmap_us").GetDouble().ShouldBe(6172);
        fault.GetProperty("last_unmap").GetProperty("line").GetInt64().ShouldBe(89);
        fault.GetProperty("last_unmap").GetProperty("task").GetString().ShouldBe("vt-151");
        string documented = File.ReadAllText(RepositoryFiles.InRepository("docs", "json.md"));
        foreach (var field in faults.EnumerateObject().Concat(fault.EnumerateObject()).Concat(fault.GetProperty("last_map").EnumerateObject()))
        {
            documented.ShouldContain($"`{field.Name}`");
        }
    }

    [Fact]
    public void A_log_without_a_trace_is_decoded_alone()
    {
        string text = Command.Succeed("audit", "--log", Excerpt("dmesg.txt"));
        text.ShouldContain("There is no trace of what was mapped");
        text.ShouldContain("1. 00:04.0 wrote 0x5a454000\n");
        using var json = JsonDocument.Parse(Command.Succeed("audit", "--log", Excerpt("dmesg.txt"), "--json"));
        json.RootElement.GetProperty("file").ValueKind.ShouldBe(JsonValueKind.Null);
        json.RootElement.GetProperty("faults").GetProperty("faults").GetArrayLength().ShouldBe(10);
        string[] rows = Command.Succeed("audit", "--log", Excerpt("dmesg.txt"), "--csv").Trim().Split('\n');
        rows[0].ShouldStartWith("cause,reporter,device,likely_device,pasid,direction,iova,last_iova,messages,header_only,log_line,trace_line,");
        rows.Length.ShouldBe(11);
        rows[1].ShouldStartWith("unknown,vtd,00:04.0,,,write,0x5a454000,0x5a454000,1,");
    }

    [Fact]
    public void Csv_of_a_trace_has_its_faults_too()
    {
        string[] audit = ["audit", Excerpt("trace.txt"), "--log", Excerpt("dmesg.txt")];
        using var json = JsonDocument.Parse(Command.Succeed([.. audit, "--json"]));
        var faults = json.RootElement.GetProperty("faults").GetProperty("faults");
        string[] rows =
            [.. Command.Succeed([.. audit, "--csv"]).Trim().Split('\n')[1..].Where(row => row.Contains(",fault,", StringComparison.Ordinal))];

        rows.Length.ShouldBe(faults.GetArrayLength());
        foreach (var (row, fault) in rows.Zip(faults.EnumerateArray()))
        {
            row.ShouldStartWith($"{fault.GetProperty("cause").GetString()},{fault.GetProperty("messages").GetInt64()},");
            row.ShouldContain($",fault,{fault.GetProperty("device").GetString()},{fault.GetProperty("direction").GetString()},");
            row.ShouldContain($",{fault.GetProperty("log_line").GetInt64()},");
        }

        string several = Command.Succeed("audit", Excerpt("trace.txt"), Excerpt("trace.txt"), "--csv");
        several.ShouldStartWith("file,id,count,");
        several.Split('\n').Count(row => row.Contains(",fault,", StringComparison.Ordinal)).ShouldBeGreaterThan(0);
    }

    [Fact]
    public void A_log_without_faults_says_so()
    {
        string log = Path.Combine(_folder, "log");
        File.WriteAllText(log, "[    0.000000] Linux version 6.12\n");
        Command.Succeed("audit", "--log", log).ShouldContain("No faults: no message of an IOMMU tells of one.");
        Command.Refuse("audit", "--log", Path.Combine(_folder, "none")).ShouldContain("none");
        Command.Refuse("audit", "-", "--log", "-").ShouldContain("cannot both be the standard input");
        Command.Refuse("audit", Excerpt("trace.txt"), "--log", log, "-o", log).ShouldContain("log");
    }

    [Fact]
    public void Nothing_in_a_log_works_on_a_terminal()
    {
        string log = Path.Combine(_folder, "log");
        File.WriteAllText(
            log,
            "arm-smmu-v3 a: event: F_TRANSLATION client: \u001b[31m|x\u0007 sid: 0x20 ssid: 0x0 iova: 0x1000 ipa: 0x0\n"
                + "virtio_iommu v: page fault from EP 1 at 0x1000 [W]\u001b[2J\n");
        foreach (string format in (string[])["--json", "--csv", "--markdown", "--log"])
        {
            string[] command = format == "--log" ? ["audit", "--log", log] : ["audit", "--log", log, format];
            string text = Command.Succeed(command);
            text.Where(letter => char.IsControl(letter) && letter != '\n').ShouldBeEmpty(format);
            text.ShouldContain("endpoint 0x1");
        }
    }

    [UnixFact]
    public void A_log_may_come_through_a_pipe()
    {
        string expected = Command.Succeed("audit", Excerpt("trace.txt"), "--log", Excerpt("dmesg.txt")).Split("kernel log")[1];
        string piped = Shell.Run(_folder, $"cat '{Excerpt("dmesg.txt")}' | {Shell.Iommukit} audit '{Excerpt("trace.txt")}' --log -").Output;
        piped.Split("kernel log")[1].ShouldBe(expected);
    }

    private static string Excerpt(string file) => RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", "vtd", file);
}
