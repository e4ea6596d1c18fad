using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>Invalidations that were for nothing, or dropped more than they had to.</summary>
public sealed class AuditorWasteTests : AuditorFixture
{
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
                Wait(pause);
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
        UnmapSomething();
        Map(0x1000, 1);
        Pages(0x1000, 0, hint: false);
        var audit = Run();
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
        UnmapSomething();
        Map(0x1000, 1);
        Line("qi_submit: p_iotlb_inv dmar0: 0x50036 0x1000 0x0 0x0");
        Run().Findings.ShouldHaveSingleItem().Id.ShouldBe("map-time-invalidation-first-stage");
    }

    [Fact]
    public void An_invalidation_without_cause_is_found()
    {
        UnmapSomething();
        Map(0x1000, 1);
        Pages(0x7000, 0, hint: true);
        Run().Findings.ShouldHaveSingleItem().Id.ShouldBe("nothing-to-invalidate");
    }

    [Fact]
    public void Without_unmaps_nothing_is_said_to_be_wasted()
    {
        Map(0x1000, 1);
        Pages(0x1000, 0, hint: false);
        Pages(0x7000, 0, hint: false);
        var audit = Run();
        audit.Findings.ShouldBeEmpty();
        audit.WhyOneSided.ShouldBe(ForeignForms.OnlyMaps);
    }

    [Fact]
    public void Without_maps_no_burst_is_said_to_end_and_nothing_to_be_for_nothing()
    {
        for (ulong page = 0; page < 3; page++)
        {
            Unmap(page << 12, 1);
            Pages(page << 12, 0, hint: false);
        }

        Pages(0x70_0000, 0, hint: false);
        var audit = Run();
        audit.Findings.ShouldBeEmpty();
        audit.WhyOneSided.ShouldBe(ForeignForms.OnlyUnmaps);
    }

    private void UnmapSomething()
    {
        Map(0x90_0000, 1);
        Unmap(0x90_0000, 1);
        Pages(0x90_0000, 0, hint: true);
    }
}
