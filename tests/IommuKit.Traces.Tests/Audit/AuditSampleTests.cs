using System.Text.Json;
using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>Real traces, against what another program counted in them page by page.</summary>
public class AuditSampleTests
{
    public static TheoryData<string> Samples =>
        [
            .. Directory.GetFiles(RepositoryFiles.InRepository("samples"), "*.audit.json")
                .Select(file => Path.GetFileName(file).Replace(".audit.json", string.Empty)).Order(),
        ];

    public static TheoryData<string> Captures =>
        SharedMaterial.WhyLeftOut is null
            ? [.. Directory.GetDirectories(RepositoryFiles.InShared("traces")).Select(folder => Path.GetFileName(folder)!).Order()]
            : ["none"];

    [Theory]
    [MemberData(nameof(Samples))]
    public void Samples_show_what_was_counted(string sample)
    {
        using var expected = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.InRepository("samples", sample + ".audit.json")));
        var root = expected.RootElement;
        var audit = Auditor.Run(RepositoryFiles.InRepository("samples", sample + ".trace.gz"));
        audit.Maps.ShouldBe(root.GetProperty("map_events").GetInt64());
        audit.Unmaps.ShouldBe(root.GetProperty("unmap_events").GetInt64());
        audit.Mode.ToString().ShouldBe(root.GetProperty("mode").GetString(), StringCompareShould.IgnoreCase);
        audit.CachingMode.ToString().ShouldBe(root.GetProperty("caching_mode").GetString(), StringCompareShould.IgnoreCase);
        audit.Invalidations.ShouldBe(
            root.GetProperty("invalidations").EnumerateObject().ToDictionary(kind => kind.Name, kind => kind.Value.GetInt64()), ignoreOrder: true);
        var coverage = audit.Coverage.ShouldNotBeNull();
        (coverage.Covered + coverage.AtContextChange).ShouldBe(root.GetProperty("invalidated").GetInt64());
        AddsUp(audit);
        audit.Findings.Select(finding => finding.Id).ShouldBe(root.GetProperty("findings").EnumerateObject().Select(finding => finding.Name));
        foreach (var finding in audit.Findings)
        {
            var counted = root.GetProperty("findings").GetProperty(finding.Id);
            finding.Count.ShouldBe(counted.GetProperty("count").GetInt64(), finding.Id);
            finding.FirstLine.ShouldBe(counted.GetProperty("first_line").GetInt64(), finding.Id);
            finding.Cost.ShouldBe(counted.GetProperty("cost").GetInt64(), finding.Id);
            foreach (var detail in counted.GetProperty("details").EnumerateObject())
            {
                finding.Details[detail.Name].ShouldBe(detail.Value.GetInt64(), $"{finding.Id}: {detail.Name}");
            }
        }
    }

    /// <summary>One per map, as the hardware was in caching mode: none of them is a finding.</summary>
    [Fact]
    public void In_caching_mode_every_map_is_invalidated() =>
        Auditor.Run(RepositoryFiles.InRepository("samples", "vfio-edu-cm.trace.gz")).Coverage!.MapTime.ShouldBe(3982);

    [SharedFact]
    public void In_strict_mode_every_unmap_has_its_invalidation()
    {
        var audit = Auditor.Run(RepositoryFiles.InShared("traces", "nvme-rand-strict-qi", "trace.gz"));
        audit.Unmaps.ShouldBe(27_014);
        audit.Invalidations["iotlb_pages"].ShouldBe(27_014);
        var coverage = audit.Coverage.ShouldNotBeNull();
        coverage.Covered.ShouldBe(27_014);
        coverage.Shared.ShouldBe(0);
        audit.ReuseDistances.Percentile(0.5).ShouldBe(36);
        audit.Findings.Select(finding => (finding.Id, finding.Count, finding.Cost))
            .ShouldBe([("walk-caches-dropped", 27_014, 27_014), ("not-batched", 2_034, 19_414)]);
    }

    /// <summary>
    /// Every capture has the counts of its own statistics, and no unmap is lost sight of. None of these kernels
    /// forgets an unmap or reuses an IOVA early.
    /// </summary>
    [SharedTheory]
    [MemberData(nameof(Captures))]
    public void Captures_agree_with_their_statistics(string capture)
    {
        string folder = RepositoryFiles.InShared("traces", capture);
        using var stats = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "stats.json")));
        var events = stats.RootElement.GetProperty("events");
        var audit = Auditor.Run(Path.Combine(folder, "trace.gz"));
        audit.Maps.ShouldBe(events.GetProperty("map").GetInt64());
        audit.Unmaps.ShouldBe(events.GetProperty("unmap").GetInt64());
        audit.Invalidations.Values.Sum().ShouldBe(events.TryGetProperty("qi_submit", out var submitted) ? submitted.GetInt64() : 0);
        (audit.Coverage is null).ShouldBe(submitted.ValueKind == JsonValueKind.Undefined);
        if (audit.Coverage is null)
        {
            audit.Findings.ShouldBeEmpty();
            audit.Limits.ShouldContain(limit => limit.StartsWith("No invalidations were recorded"));
            return;
        }

        AddsUp(audit);
        audit.Coverage.NeverCovered.ShouldBe(0);
        audit.Coverage.Waiting.ShouldBe(0);
        audit.Findings.ShouldNotContain(finding =>
            finding.Id == "reused-before-invalidation" || finding.Id == "nothing-to-invalidate" || finding.Id == "map-time-invalidation");
    }

    private static void AddsUp(AuditResult audit)
    {
        var coverage = audit.Coverage!;
        (coverage.Covered + coverage.Unclear + coverage.AtContextChange
            + coverage.NeverCovered + coverage.Waiting + coverage.Superseded + coverage.NotFollowed + coverage.OfNothing)
            .ShouldBe(audit.Unmaps);
    }
}
