using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>Which invalidation covers which unmap, and what is dangerous because none does.</summary>
public sealed class AuditorCoverageTests : AuditorFixture
{
    [Fact]
    public void Each_unmap_with_its_invalidation_is_in_order()
    {
        Map(0x10_0000, 2);
        Unmap(0x10_0000, 2);
        Pages(0x10_0000, 1, hint: true);
        var audit = Run();
        audit.Findings.ShouldBeEmpty();
        audit.Mode.ShouldBe(InvalidationMode.Strict);
        audit.Coverage!.Covered.ShouldBe(1);
        audit.Coverage.WindowEvents.Max.ShouldBe(1);
        audit.Coverage.WindowNanoseconds.Max.ShouldBe(1000);
        audit.Coverage.WindowStalePages.Max.ShouldBe(2);
    }

    [Fact]
    public void Time_0_is_a_time()
    {
        Text("a-1 [000] ..... 0.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x1000 size=4096\n");
        Text("a-1 [000] ..... 0.000000: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n");
        Text("a-1 [000] ..... 0.000002: qi_submit: iotlb_inv dmar0: 0x500f2 0x1040 0x0 0x0\n");
        Run().Coverage!.WindowNanoseconds.Max.ShouldBe(2000);
    }

    [Fact]
    public void An_iova_that_is_mapped_before_its_invalidation_is_dangerous()
    {
        Map(0x1000, 4);
        Unmap(0x1000, 4);
        Map(0x3000, 1);
        Pages(0x0, 3, hint: true);
        var finding = Run().Findings[0];
        (finding.Id, finding.Count, finding.FirstLine, finding.Cost).ShouldBe(("reused-before-invalidation", 1, 3, 1));
        finding.Limit.ShouldBeNull();
    }

    [Fact]
    public void A_tie_does_not_tell_which_came_first()
    {
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        Map(0x1000, 1);
        Wait(-1);
        Pages(0x1000, 0, hint: true);
        var audit = Run();
        audit.Findings.ShouldBeEmpty();
        audit.Limits.ShouldContain(limit => limit.Contains("Which came first is not known"));
    }

    [Fact]
    public void An_unmap_that_is_never_invalidated_is_found_and_a_cut_tail_is_not()
    {
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        for (ulong page = 100; page < 120; page++)
        {
            Map(page << 12, 1);
            Unmap(page << 12, 1);
            if (page != 119)
            {
                Pages(page << 12, 0, hint: true);
            }
        }

        var audit = Run();
        var finding = audit.Findings.ShouldHaveSingleItem();
        (finding.Id, finding.Count, finding.FirstLine, finding.Cost).ShouldBe(("never-invalidated", 1, 2, 1));
        audit.Coverage!.Waiting.ShouldBe(1);
    }

    [Fact]
    public void What_an_invalidation_leaves_out_stays_stale()
    {
        Map(0x4000, 4);
        Unmap(0x4000, 4);
        Pages(0x4000, 1, hint: true);
        Run().Coverage!.Waiting.ShouldBe(1);
        Pages(0x6000, 1, hint: true);
        Run().Coverage!.Covered.ShouldBe(1);
    }

    /// <summary>The kernel invalidates where a call goes from small pages to large ones, and prints the unmap at its end.</summary>
    [Fact]
    public void Invalidations_within_a_call_come_before_its_event()
    {
        Map(0x1f_f000, 513);
        Pages(0x1f_f000, 0, hint: false);
        Unmap(0x1f_f000, 513);
        Pages(0x20_0000, 9, hint: false);
        var audit = Run();
        audit.Coverage!.Covered.ShouldBe(1);
        audit.Findings.ShouldBeEmpty();
    }

    /// <summary>
    /// Newer kernels say what they flush for each tag; those of devices' TLBs do not cover an unmap, and a descriptor for the same repeats it.
    /// </summary>
    [Fact]
    public void Flushes_of_cache_tags_count()
    {
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        Line("cache_tag_flush_range: dmar0 0000:00:03.0[0] type devtlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0");
        Run().Coverage.ShouldBeNull();
        Line("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0");
        Pages(0x1000, 0, hint: true);
        var audit = Run();
        audit.Coverage!.Covered.ShouldBe(1);
        audit.Coverage.Repeats.ShouldBe(1);
        audit.Findings.ShouldBeEmpty();
        audit.Invalidations.ShouldBe(
            new Dictionary<string, long> { ["cache_tag_range"] = 1, ["cache_tag_range_device_tlb"] = 1, ["iotlb_pages"] = 1 });
    }

    /// <summary>The flush of a tag is printed first, and only the descriptor behind it has the hint.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hint_is_read_behind_the_flush_of_a_tag(bool hint)
    {
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        Line("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0");
        Pages(0x1000, 0, hint);
        Run().Findings.Select(finding => finding.Id).ShouldBe(hint ? [] : ["walk-caches-dropped"]);
    }

    /// <summary>Hardware that cannot select so many pages gets the domain for the same tag.</summary>
    [Fact]
    public void A_descriptor_may_be_wider_than_its_tag()
    {
        Map(0x1000, 1);
        Unmap(0x1000, 1);
        Line("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0");
        Domain(5);
        var audit = Run();
        audit.Coverage!.Repeats.ShouldBe(1);
        audit.Findings.ShouldBeEmpty();
    }
}
