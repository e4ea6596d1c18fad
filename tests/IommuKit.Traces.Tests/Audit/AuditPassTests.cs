using IommuKit.Specs.Vtd;
using IommuKit.Traces.Audit;

namespace IommuKit.Traces.Tests.Audit;

/// <summary>An audit event by event: where its windows end, and what it forgets when events are missing.</summary>
public class AuditPassTests
{
    private readonly AuditPass _pass = new();
    private long _line;

    /// <summary>A call of unmap may invalidate the rest of its range up to eight events behind its own.</summary>
    [Theory]
    [InlineData(1, 1, 0)]
    [InlineData(8, 1, 0)]
    [InlineData(9, 0, 1)]
    public void The_rest_of_an_unmap_that_was_invalidated_on_the_way_comes_within_eight_events(int distance, long tails, long needless)
    {
        Map(0x1f_f000, 513);
        Pages(0x20_0000, 9);
        Unmap(0x20_0000, 512);
        Others(distance - 1);
        Pages(0x20_0000, 0);
        _pass.Finish();
        _pass.Coverage.Covered.ShouldBe(1);
        (_pass.Counts.Tails, _pass.Waste.Needless.Count).ShouldBe((tails, needless));
    }

    [Theory]
    [InlineData(0x1f_f000ul, 0)]
    [InlineData(0x20_0000ul, 1)]
    [InlineData(0x3f_f000ul, 1)]
    [InlineData(0x40_0000ul, 0)]
    public void And_has_something_of_the_unmap(ulong iova, long tails)
    {
        Pages(0x20_0000, 9);
        Unmap(0x20_0000, 512);
        Pages(iova, 0);
        _pass.Counts.Tails.ShouldBe(tails);
    }

    /// <summary>An invalidation waits 64 events for its unmap.</summary>
    [Theory]
    [InlineData(64, 1, 0)]
    [InlineData(65, 0, 1)]
    public void An_invalidation_ahead_waits_for_64_events(int distance, long covered, long needless)
    {
        Pages(0x20_0000, 9);
        Others(distance - 1);
        Unmap(0x20_0000, 512);
        _pass.Finish();
        (_pass.Coverage.Covered, _pass.Waste.Needless.Count).ShouldBe((covered, needless));
    }

    /// <summary>The last eight calls of a trace may be cut off.</summary>
    [Theory]
    [InlineData(8, 1, 0)]
    [InlineData(9, 0, 1)]
    public void An_unmap_was_never_invalidated_if_the_eighth_after_it_was(int last, long waiting, long never)
    {
        Unmap(0x1000, 1);
        for (int number = 2; number <= last; number++)
        {
            Unmap((ulong)number << 20, 1);
            Pages((ulong)number << 20, 0);
        }

        _pass.Finish();
        _pass.Coverage.Covered.ShouldBe(last - 1);
        (_pass.Coverage.Waiting, _pass.Coverage.Never.Count, _pass.Coverage.Never.Cost).ShouldBe((waiting, never, never));
    }

    /// <summary>What has all to itself the event behind it has waited for nothing, though its whole domain goes.</summary>
    [Theory]
    [InlineData(1, 1, 0, 0)]
    [InlineData(1, 2, 1, 0)]
    [InlineData(2, 1, 2, 2)]
    [InlineData(3, 1, 3, 3)]
    public void A_domain_is_deferred_unless_it_is_for_the_unmap_just_before(int unmaps, int distance, long deferred, long shared)
    {
        for (int number = 0; number < unmaps; number++)
        {
            Unmap((ulong)(number + 1) << 20, 3);
        }

        Others(distance - 1);
        Domain(5);
        _pass.Coverage.Covered.ShouldBe(unmaps);
        (_pass.Coverage.Deferred.Count, _pass.Coverage.Deferred.Cost, _pass.Coverage.Shared).ShouldBe((deferred, 3 * deferred, shared));
        _pass.Coverage.Events.Max.ShouldBe(distance + unmaps - 1);
        _pass.Coverage.Stale.Max.ShouldBe(3 * unmaps);
    }

    [Theory]
    [InlineData(9, 1, InvalidationMode.Strict)]
    [InlineData(8, 1, InvalidationMode.Mixed)]
    [InlineData(1, 8, InvalidationMode.Mixed)]
    [InlineData(1, 9, InvalidationMode.Deferred)]
    [InlineData(0, 0, InvalidationMode.Unknown)]
    public void Nine_of_ten_make_a_mode(int strict, int deferred, InvalidationMode mode)
    {
        for (int number = 0; number < strict + deferred; number++)
        {
            Unmap((ulong)number << 20, 1);
            if (number < strict)
            {
                Pages((ulong)number << 20, 0);
            }
            else
            {
                Others(1);
                Domain(5);
            }
        }

        AuditInference.ModeOf(_pass).ShouldBe(mode);
    }

    [Theory]
    [InlineData(15, false, CachingMode.Unknown)]
    [InlineData(16, false, CachingMode.Off)]
    [InlineData(16, true, CachingMode.Unknown)]
    public void Sixteen_maps_without_an_invalidation_show_that_there_is_no_caching_mode(int maps, bool hasMapTime, CachingMode mode)
    {
        Domain(5);
        AuditInference.CachingModeOf(_pass).ShouldBe(CachingMode.Unknown);
        for (int number = 0; number < maps; number++)
        {
            Map((ulong)number << 20, 1);
        }

        if (hasMapTime)
        {
            Pages(0xf0_0000, 0);
        }

        AuditInference.CachingModeOf(_pass).ShouldBe(mode);
    }

    /// <summary>A descriptor that drops at least what the tag before it was flushed for is for that tag.</summary>
    [Theory]
    [InlineData(0x2000ul, 0, 1)]
    [InlineData(0x2000ul, 1, 1)]
    [InlineData(0x0ul, 2, 1)]
    [InlineData(0x3000ul, 0, 0)]
    public void A_descriptor_for_a_tag_may_be_wider_at_either_end(ulong iova, int log2, long repeats)
    {
        Unmap(0x2000, 1);
        Do(new TraceEvent(TraceEventKind.CacheTagFlush, 0, -1, 0x2000, 0, 0x1000) { DomainId = 5 });
        Pages(iova, log2);
        _pass.Coverage.Covered.ShouldBe(1);
        _pass.Counts.Repeats.ShouldBe(repeats);
    }

    /// <summary>A change of a context entry explains the next invalidation of its domain in its unit, and no other.</summary>
    [Theory]
    [InlineData(0, 5, 0, 5, 1)]
    [InlineData(0, 0, 0, 5, 1)]
    [InlineData(1, 5, 0, 5, 0)]
    [InlineData(0, 6, 0, 5, 0)]
    [InlineData(0, 5, 1, 5, 0)]
    public void A_context_change_is_of_one_domain_and_unit(ushort contextUnit, int contextDomain, ushort unit, int domain, long changes)
    {
        Context(contextDomain, contextUnit);
        Domain(domain, unit);
        Domain(domain, unit);
        _pass.Counts.ContextChanges.ShouldBe(changes);
        _pass.Signs.HasCachingMode.ShouldBe(contextDomain == 0);
    }

    [Fact]
    public void Times_that_stand_still_or_go_back_are_counted()
    {
        foreach (long time in (long[])[5, 5, 4, 4, 6, -1, 6])
        {
            Do(new TraceEvent(TraceEventKind.QueueSubmit, 0, time) { Descriptor = new VtdInvalidationDescriptor(5, 0, 0, 0) });
        }

        (_pass.Counts.Ties, _pass.Counts.TimesBackwards, _pass.Counts.HasTimes).ShouldBe((3L, 1L, true));
    }

    public static TheoryData<TraceEventKind> Breaks => [TraceEventKind.Lost, TraceEventKind.Damaged];

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Behind_a_loss_no_iova_is_reused(TraceEventKind loss)
    {
        Unmap(0x1000, 1);
        Loss(loss);
        Map(0x1000, 1);
        _pass.Finish();
        _pass.Reuse.Distances.Count.ShouldBe(0);
        (_pass.Early.Early.Count, _pass.Coverage.GivenUp).ShouldBe((0L, 1L));
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Behind_a_loss_no_map_explains_an_invalidation(TraceEventKind loss)
    {
        Map(0x1000, 1);
        Loss(loss);
        Pages(0x1000, 0);
        Domain(5);
        _pass.Finish();
        (_pass.Waste.MapTime.Count, _pass.Waste.Needless.Count).ShouldBe((0L, 2L));
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public void What_waited_for_its_unmap_at_a_loss_is_not_needless(TraceEventKind loss)
    {
        Pages(0x20_0000, 9);
        Loss(loss);
        Unmap(0x20_0000, 512);
        _pass.Finish();
        (_pass.Coverage.Covered, _pass.Waste.Needless.Count).ShouldBe((0L, 0L));
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Behind_a_loss_no_context_change_explains_an_invalidation(TraceEventKind loss)
    {
        Context(5);
        Loss(loss);
        Domain(5);
        _pass.Counts.ContextChanges.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Behind_a_loss_no_invalidation_repeats_another(TraceEventKind loss)
    {
        Unmap(0x1000, 1);
        Pages(0x1000, 0, unit: 0);
        Loss(loss);
        Pages(0x1000, 0, unit: 1);
        _pass.Counts.Repeats.ShouldBe(0);
        Pages(0x1000, 0, unit: 0);
        _pass.Counts.Repeats.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public void A_loss_ends_a_burst(TraceEventKind loss)
    {
        Unmap(0x1000, 1);
        Pages(0x1000, 0);
        Loss(loss);
        Unmap(0x2000, 1);
        Pages(0x2000, 0);
        _pass.Finish();
        _pass.Bursts.Saved.Count.ShouldBe(0);
    }

    private void Map(ulong iova, ulong pages) => Do(new TraceEvent(TraceEventKind.Map, 0, -1, iova, 0x1000, pages << 12));

    private void Unmap(ulong iova, ulong pages) => Do(new TraceEvent(TraceEventKind.Unmap, 0, -1, iova, 0, pages << 12));

    private void Pages(ulong iova, int log2, ushort unit = 0) => Queue(0x5_00f2, iova | (uint)log2 | 0x40, unit);

    private void Domain(int domain, ushort unit = 0) => Queue(((ulong)domain << 16) | 0xe2, 0, unit);

    private void Context(int domain, ushort unit = 0) => Queue(((ulong)domain << 16) | 0x21, 0, unit);

    private void Queue(ulong qw0, ulong qw1, ushort unit) =>
        Do(new TraceEvent(TraceEventKind.QueueSubmit, 0) { Unit = unit, Descriptor = new VtdInvalidationDescriptor(qw0, qw1, 0, 0) });

    private void Loss(TraceEventKind kind) => Do(new TraceEvent(kind, 0, Size: 1));

    private void Others(int count)
    {
        for (; count > 0; count--)
        {
            Do(new TraceEvent(TraceEventKind.Other, 0));
        }
    }

    private void Do(in TraceEvent traceEvent) => _pass.Do(traceEvent with { Line = ++_line });
}
