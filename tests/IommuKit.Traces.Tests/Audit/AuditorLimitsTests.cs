using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>What a trace does not tell, and what a hostile one must not cost.</summary>
public sealed class AuditorLimitsTests : AuditorFixture
{
    [Fact]
    public void Lost_events_end_what_is_known()
    {
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        Text("CPU:0 [LOST 7 EVENTS]\n");
        Map(0x1000, 1);
        Unmap(0x2000, 1);
        Pages(0x2000, 0, hint: true);
        var audit = Run();
        audit.Findings.ShouldBeEmpty();
        audit.Lost.ShouldBe(7);
        audit.Coverage!.NotFollowed.ShouldBe(1);
        audit.Limits.ShouldContain(limit => limit.StartsWith("Events lost on the way: 7."));
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void One_event_that_was_overwritten_is_said(int written, bool isSaid)
    {
        Text($"# entries-in-buffer/entries-written: 2/{written}   #P:1\n");
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        Run().Limits.Any(limit => limit.StartsWith("Events overwritten", StringComparison.Ordinal)).ShouldBe(isSaid);
    }

    [Theory]
    [InlineData(0, 1, true)]
    [InlineData(0, 2, true)]
    [InlineData(1, 1, false)]
    public void A_trace_of_nothing_but_unmaps_is_said(int maps, int unmaps, bool isSaid)
    {
        for (int i = 0; i < maps; i++)
        {
            Map(0x1000, 1);
        }

        for (int i = 0; i < unmaps; i++)
        {
            Unmap(0x1000, 1);
        }

        Run().Limits.Any(limit => limit.Contains("What was mapped again, and when, is not known", StringComparison.Ordinal)).ShouldBe(isSaid);
    }

    [Fact]
    public void Unmaps_of_what_was_not_seen_mapped_are_counted()
    {
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        Unmap(0x5000, 1);
        Unmap(0x6000, 1);
        Run().Limits.ShouldContain("Unmaps of pages that were not seen mapped: 2.");
    }

    [Fact]
    public void After_lost_events_findings_say_what_they_may_lack()
    {
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        Text("CPU:0 [LOST 7 EVENTS]\n");
        Domain(5);
        Pages(0x1000, 0, hint: true);
        var audit = Run();
        audit.Findings.Select(finding => (finding.Id, finding.Count)).ShouldBe([("nothing-to-invalidate", 2)]);
        audit.Findings[0].Limit.ShouldNotBeNull().ShouldContain("Events are missing");
        audit.Coverage!.MapTime.ShouldBe(0);
    }

    [Fact]
    public void Lost_events_without_end_are_still_a_count()
    {
        Text("# entries-in-buffer/entries-written: 1/9223372036854775807   #P:1\n");
        Map(0x1000, 2);
        for (int mark = 0; mark < 3; mark++)
        {
            Text("CPU:0 [LOST 18446744073709551615 EVENTS]\n");
        }

        Run().Lost.ShouldBe(long.MaxValue);
    }

    [Fact]
    public void Units_number_domains_each_for_themselves()
    {
        Domain(5);
        Line("qi_submit: iotlb_inv dmar1: 0x500e2 0x0 0x0 0x0");
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        Map(0x1000, 1);
        Domain(5);
        var audit = Run();
        audit.Coverage!.Unclear.ShouldBe(1);
        audit.Findings.First(finding => finding.Id == "reused-before-invalidation").Limit.ShouldNotBeNull();
    }

    [Fact]
    public void Several_domains_limit_what_is_said()
    {
        Domain(5);
        Domain(6);
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        Map(0x1000, 1);
        Domain(6);
        var audit = Run();
        audit.Domains.ShouldBe([5, 6]);
        audit.Coverage!.Unclear.ShouldBe(1);
        audit.Coverage.Covered.ShouldBe(0);
        audit.Findings.First(finding => finding.Id == "reused-before-invalidation").Limit.ShouldNotBeNull();
        audit.Limits.ShouldContain(limit => limit.Contains("2 domains (ids 5, 6)"));
    }

    /// <summary>What has the type of a context-cache invalidation but for its upper bits, or a reserved granularity, is none.</summary>
    [Theory]
    [InlineData("0x201")]
    [InlineData("0x1")]
    public void Reserved_descriptors_show_nothing(string qw0)
    {
        Line($"qi_submit: cc_inv dmar0: {qw0} 0x0 0x0 0x0");
        Line("qi_submit: p_iotlb_inv dmar0: 0x50016 0x0 0x0 0x0");
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        Domain(0);
        var audit = Run();
        audit.CachingMode.ShouldBe(CachingMode.Unknown);
        audit.Coverage!.AtContextChange.ShouldBe(0);
        audit.Invalidations.Keys.ShouldContain("pasid_iotlb_reserved");
    }

    /// <summary>IOVAs that .NET would give the same hash: quadratic, this would take minutes.</summary>
    [Fact]
    public void Iovas_cannot_be_chosen_to_collide()
    {
        Map(0x0, 1);
        Domain(5);
        for (ulong page = 1; page <= 200_000; page++)
        {
            Unmap((page << 44) | (page << 12), 1);
        }

        Run().Unmaps.ShouldBe(200_000);
    }

    /// <summary>More unmaps without an invalidation than any queue holds: they are given up, and counted.</summary>
    [Fact]
    public void Unmaps_without_end_need_no_memory_without_end()
    {
        Map(0x0, 1);
        Domain(5);
        for (ulong page = 1; page <= 300_000; page++)
        {
            Unmap(page << 13, 1);
        }

        var audit = Run();
        audit.Coverage!.NotFollowed.ShouldBe(1 << 18);
        audit.Coverage.Waiting.ShouldBe(300_000 - (1 << 18));
    }
}
