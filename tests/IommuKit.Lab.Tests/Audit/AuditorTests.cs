using System.Globalization;
using System.Text;
using IommuKit.Lab.Audit;

namespace IommuKit.Lab.Tests.Audit;

/// <summary>Small traces, each with one thing in it that an audit has to see, or must not.</summary>
public sealed class AuditorTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();
    private readonly StringBuilder _text = new();
    private int _microseconds;

    public void Dispose() => File.Delete(_path);

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
        _microseconds--;
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

    /// <summary>A table of the lowest level can be freed only by an unmap that covers a whole aligned 2 MiB.</summary>
    [Theory]
    [InlineData(0x20_0000ul, 512ul, 9, false)]
    [InlineData(0x20_0000ul, 511ul, 9, true)]
    [InlineData(0x20_1000ul, 512ul, 11, true)]
    [InlineData(0x20_1000ul, 1023ul, 11, false)]
    public void Walk_caches_are_dropped_for_nothing_where_no_table_can_have_been_freed(ulong iova, ulong pages, int addressMask, bool isFound)
    {
        Map(iova, pages);
        Unmap(iova, pages);
        Pages(iova, addressMask, hint: false);
        Run().Findings.Any(finding => finding.Id == "walk-caches-dropped").ShouldBe(isFound);
    }

    [Fact]
    public void Tables_in_use_are_told_from_tables_that_became_empty()
    {
        Map(0x20_0000, 2);
        Unmap(0x20_0000, 1);
        Pages(0x20_0000, 0, hint: false);
        Map(0x40_0000, 1);
        Unmap(0x20_1000, 1);
        Pages(0x20_1000, 0, hint: false);
        var finding = Run().Findings.ShouldHaveSingleItem();
        finding.Count.ShouldBe(2);
        finding.Details["tables_in_use"].ShouldBe(1);
    }

    [Fact]
    public void Whole_domains_cost_what_stayed_mapped()
    {
        Map(0x1000, 8);
        Unmap(0x1000, 1);
        Map(0x1_0000, 1);
        Domain(5);
        Unmap(0x2000, 2);
        Map(0x1_2000, 1);
        Domain(5);
        var audit = Run();
        audit.Mode.ShouldBe(InvalidationMode.Deferred);
        audit.Findings.Select(finding => (finding.Id, finding.Count, finding.FirstLine, finding.Cost)).ShouldBe(
            [("deferred-invalidation", 2, 2, 3), ("whole-domain-invalidated", 2, 4, 15)]);
        audit.Findings[1].Details["for_one_page"].ShouldBe(1);
    }

    /// <summary>A driver without page-selective invalidations, or for an unmap too large for one, is strict all the same.</summary>
    [Fact]
    public void A_domain_invalidated_right_after_each_unmap_is_not_deferred()
    {
        Map(0x1000, 8);
        Unmap(0x1000, 1);
        Domain(5);
        Unmap(0x2000, 2);
        Domain(5);
        var audit = Run();
        audit.Mode.ShouldBe(InvalidationMode.Strict);
        audit.Findings.ShouldHaveSingleItem().Id.ShouldBe("whole-domain-invalidated");
    }

    [Fact]
    public void A_range_that_is_rounded_up_costs_what_it_drops_besides()
    {
        Map(0x4000, 4);
        Unmap(0x4000, 3);
        Pages(0x4000, 2, hint: true);
        var finding = Run().Findings.ShouldHaveSingleItem();
        (finding.Id, finding.Cost, finding.Details["excess_pages"]).ShouldBe(("range-rounded-up", 1, 1));
    }

    /// <summary>Three unmaps in a row are a burst; a map or a pause ends it.</summary>
    [Theory]
    [InlineData(false, 0, 2)]
    [InlineData(true, 0, 1)]
    [InlineData(false, 2000, 1)]
    public void Bursts_could_share_an_invalidation(bool hasMap, int pause, long saved)
    {
        Map(0x1000, 3);
        for (ulong page = 1; page <= 3; page++)
        {
            if (page == 3)
            {
                _microseconds += pause;
                if (hasMap)
                {
                    Map(0x10_0000, 1);
                }
            }

            Unmap(page << 12, 1);
            Pages(page << 12, 0, hint: true);
        }

        var finding = Run().Findings.ShouldHaveSingleItem();
        (finding.Id, finding.Count, finding.Cost).ShouldBe(("not-batched", 1, saved));
    }

    [Fact]
    public void Invalidations_after_maps_are_wasted_outside_caching_mode()
    {
        Map(0x1000, 1);
        Pages(0x1000, 0, hint: false);
        var audit = Run();
        audit.CachingMode.ShouldBe(CachingMode.Unknown);
        var finding = audit.Findings.ShouldHaveSingleItem();
        finding.Id.ShouldBe("map-time-invalidation");
        finding.Limit.ShouldNotBeNull().ShouldContain("caching mode");
    }

    [Fact]
    public void And_needed_in_it()
    {
        Line("qi_submit: cc_inv dmar0: 0x1800000031 0x0 0x0 0x0");
        Domain(5);
        Map(0x1000, 1);
        Map(0x2000, 2);
        Pages(0x0, 2, hint: false);
        var audit = Run();
        audit.CachingMode.ShouldBe(CachingMode.On);
        audit.Coverage!.MapTime.ShouldBe(1);
        audit.Coverage.ContextChanges.ShouldBe(1);
        audit.Findings.ShouldBeEmpty();
    }

    /// <summary>A first-stage table never needs one: hardware may not cache its entries that are not present.</summary>
    [Fact]
    public void First_stage_tables_need_none_after_maps()
    {
        Map(0x1000, 1);
        Line("qi_submit: p_iotlb_inv dmar0: 0x50036 0x1000 0x0 0x0");
        Run().Findings.ShouldHaveSingleItem().Id.ShouldBe("map-time-invalidation-first-stage");
    }

    [Fact]
    public void An_invalidation_without_cause_is_found()
    {
        Map(0x1000, 1);
        Pages(0x7000, 0, hint: true);
        Run().Findings.ShouldHaveSingleItem().Id.ShouldBe("nothing-to-invalidate");
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

    [Fact]
    public void Lost_events_end_what_is_known()
    {
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        _text.Append("CPU:0 [LOST 7 EVENTS]\n");
        Map(0x1000, 1);
        Unmap(0x2000, 1);
        Pages(0x2000, 0, hint: true);
        var audit = Run();
        audit.Findings.ShouldBeEmpty();
        audit.Lost.ShouldBe(7);
        audit.Coverage!.NotFollowed.ShouldBe(1);
        audit.Limits.ShouldContain(limit => limit.StartsWith("Events lost on the way: 7."));
    }

    [Fact]
    public void After_lost_events_findings_say_what_they_may_lack()
    {
        Map(0x1000, 2);
        Unmap(0x1000, 1);
        _text.Append("CPU:0 [LOST 7 EVENTS]\n");
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
        _text.Append("# entries-in-buffer/entries-written: 1/9223372036854775807   #P:1\n");
        Map(0x1000, 2);
        for (int mark = 0; mark < 3; mark++)
        {
            _text.Append("CPU:0 [LOST 18446744073709551615 EVENTS]\n");
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
        audit.Invalidations.ShouldBe(new Dictionary<string, long> { ["cache_tag_range"] = 1, ["cache_tag_range_device_tlb"] = 1, ["iotlb_pages"] = 1 });
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

    private void Map(ulong iova, ulong pages) =>
        Line($"map: IOMMU: iova=0x{iova:x} - 0x{iova + (pages << 12):x} paddr=0x1000 size={pages << 12}");

    private void Unmap(ulong iova, ulong pages) =>
        Line($"unmap: IOMMU: iova=0x{iova:x} - 0x{iova + (pages << 12):x} size={pages << 12} unmapped_size={pages << 12}");

    private void Pages(ulong address, int addressMask, bool hint) =>
        Line($"qi_submit: iotlb_inv dmar0: 0x500f2 0x{address | (uint)addressMask | (hint ? 0x40ul : 0):x} 0x0 0x0");

    private void Domain(int id) => Line($"qi_submit: iotlb_inv dmar0: 0x{(id << 16) | 0xe2:x} 0x0 0x0 0x0");

    private void Line(string text)
    {
        _microseconds++;
        _text.Append(CultureInfo.InvariantCulture, $"a-1 [000] ..... 1.{_microseconds:000000}: {text}\n");
    }

    private AuditResult Run()
    {
        File.WriteAllText(_path, _text.ToString());
        return Auditor.Run(_path);
    }
}
