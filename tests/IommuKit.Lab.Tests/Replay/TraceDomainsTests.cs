using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Tests.Replay;

/// <summary>Domains of a trace, against devices whose mappings are known.</summary>
public sealed class TraceDomainsTests
{
    private const int Devices = 4;
    private const ulong Pages = 24;

    /// <summary>
    /// Four devices map and unmap on their own, none over its own mappings: each page is mapped as often as by them, no unmap is without a map, and there
    /// are no more domains than one IOVA was mapped in at a time, or devices.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Nothing_of_several_devices_is_left_over(int seed)
    {
        var random = new Random(seed);
        var domains = new TraceDomains();
        var mapped = Enumerable.Range(0, Devices).Select(_ => new Dictionary<ulong, ulong>()).ToArray();
        for (int step = 0; step < 20_000; step++)
        {
            var own = mapped[random.Next(Devices)];
            ulong first = (ulong)random.Next((int)Pages);
            ulong last = Math.Min(first + (ulong)random.Next(4), Pages - 1);
            if (own.Count != 0 && random.Next(2) == 0)
            {
                var (start, end) = own.ElementAt(random.Next(own.Count));
                domains.Unmap(start << 12, (end << 12) | 0xfff, out bool isOrphan);
                isOrphan.ShouldBeFalse();
                own.Remove(start);
            }
            else if (!own.Any(range => range.Key <= last && range.Value >= first))
            {
                bool isOver = mapped.Any(other => other.Any(range => range.Key <= last && range.Value >= first));
                domains.Map(first << 12, (last << 12) | 0xfff, mayBeAnother: true, out bool saysOver);
                saysOver.ShouldBe(isOver);
                own[first] = last;
            }

            domains.Bytes.ShouldBe(mapped.Aggregate(0ul, (sum, one) => one.Aggregate(sum, (bytes, range) => bytes + ((range.Value - range.Key + 1) << 12))));
        }

        domains.Count.ShouldBeInRange(2, TraceDomains.Most);
    }

    /// <summary>
    /// One device has single pages mapped, another maps and unmaps 32 in a row: each unmap finds all of them in one domain, wherever the single ones
    /// leave room.
    /// </summary>
    [Fact]
    public void What_one_call_maps_is_in_one_domain()
    {
        var random = new Random(1);
        var domains = new TraceDomains();
        bool[] single = new bool[64];
        for (int round = 0; round < 1000; round++)
        {
            int page = random.Next(single.Length);
            if (single[page])
            {
                domains.Unmap(Of(page), Of(page) | 0xfff, out _);
            }
            else
            {
                domains.Map(Of(page), Of(page) | 0xfff, mayBeAnother: true, out _);
            }

            single[page] = !single[page];
            int start = random.Next(32);
            var call = new MapCall(Of(start + 31) | 0xfff);
            for (int piece = 0; piece < 32; piece++)
            {
                domains.Map(Of(start + piece), Of(start + piece) | 0xfff, ref call, mayBeAnother: true, out _).ShouldBe(call.Domain);
            }

            domains.Unmap(Of(start), call.Last, out _).ShouldNotBe(TraceDomains.Several);
        }

        domains.Count.ShouldBe(2);

        static ulong Of(int page) => (ulong)page << 12;
    }

    [Fact]
    public void There_is_an_end_to_domains()
    {
        var domains = new TraceDomains();
        for (int map = 0; map < 100; map++)
        {
            domains.Map(0x1000, 0x1fff, mayBeAnother: true, out _).ShouldBe(map < TraceDomains.Most ? map : 0);
        }

        domains.Count.ShouldBe(TraceDomains.Most);
    }

    [Fact]
    public void The_whole_of_all_IOVAs_is_a_range_too()
    {
        var domains = new TraceDomains();
        domains.Map(0, ulong.MaxValue, mayBeAnother: true, out _).ShouldBe(0);
        domains.Map(ulong.MaxValue, ulong.MaxValue, mayBeAnother: true, out bool isOver).ShouldBe(1);
        isOver.ShouldBeTrue();
        domains.Unmap(0xfff, ulong.MaxValue, out bool isOrphan).ShouldBe(0);
        domains.Unmap(0, ulong.MaxValue, out isOrphan).ShouldBe(TraceDomains.Several);
        isOrphan.ShouldBeFalse();
        domains.Bytes.ShouldBe(0ul);
        domains.Unmap(0, ulong.MaxValue, out isOrphan).ShouldBe(0);
        isOrphan.ShouldBeTrue();
    }
}
