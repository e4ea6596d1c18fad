using System.Text;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>Numbers in events, at the ends of what a kernel can print.</summary>
public sealed class EventLimitsTests : IDisposable
{
    private const string Map = "1.0: map: IOMMU: iova=0x0 - 0x1000 paddr=0x2000 size=4096\n";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(0x1000ul, 0x2000ul, 0x1000ul, 0x1000ul, true)]
    [InlineData(0xffff_ffff_ffff_f000ul, 0ul, 0x1000ul, 0x1000ul, true)]
    [InlineData(0xffff_ffff_ffff_f000ul, 0ul, 0x1000ul, 0x2000ul, false)]
    [InlineData(0xffff_ffff_ffff_f000ul, 0ul, 0x1000ul, 0ul, true)]
    [InlineData(0ul, 0ul, 0x1000ul, 0xffff_ffff_ffff_f000ul, true)]
    [InlineData(0x1000ul, 0ul, 0x1000ul, 0xffff_ffff_ffff_f000ul, true)]
    [InlineData(0x2000ul, 0ul, 0x1000ul, 0xffff_ffff_ffff_f000ul, false)]
    [InlineData(0x1001ul, 0ul, 0x1000ul, 0x1000ul, false)]
    [InlineData(0x1800ul, 0ul, 0x1000ul, 0x1000ul, false)]
    [InlineData(0x1000ul, 0x800ul, 0x1000ul, 0x1000ul, false)]
    [InlineData(0x1000ul, 0ul, 0x1800ul, 0x1000ul, false)]
    [InlineData(0x1000ul, 0ul, 0x1000ul, 0x800ul, false)]
    [InlineData(0x1000ul, 0ul, 0x1000ul, 0x1001ul, false)]
    public void Mappings_have_whole_pages_below_the_end(ulong iova, ulong address, ulong size, ulong bytes, bool arePossible) =>
        (MappingFields.ToEvent(TraceEventKind.Unmap, 1, 2, (iova, address), size, bytes).Kind == TraceEventKind.Unmap).ShouldBe(arePossible);

    [Theory]
    [InlineData(0x1000ul, 0x1000ul, 0x1000ul, 0ul, 0x1000ul, 0x1000ul)]
    [InlineData(0x1000ul, 0x1ffful, 0x3000ul, 1ul, 0x2000ul, 0x2000ul)]
    [InlineData(0ul, ulong.MaxValue, 0xffff_ffff_ffff_fffful, 51ul, 0x8000_0000_0000_0000ul, 0x8000_0000_0000_0000ul)]
    [InlineData(0ul, ulong.MaxValue, 0x5000ul, 52ul, 0ul, 0ul)]
    [InlineData(0ul, ulong.MaxValue, 0x5000ul, 63ul, 0ul, 0ul)]
    public void A_flush_of_a_range_drops_a_power_of_two_of_pages(ulong start, ulong end, ulong address, ulong mask, ulong iova, ulong size) =>
        FtraceInvalidation.RangeFlush(1, 2, (start, end), address, 1, mask)
            .ShouldBe(new TraceEvent(TraceEventKind.CacheTagFlush, 1, 2, iova, 0, size));

    [Theory]
    [InlineData(0x2000ul, 0x1ffful, 0ul)]
    [InlineData(0x1000ul, 0x1ffful, 64ul)]
    [InlineData(0x1000ul, 0x1ffful, ulong.MaxValue)]
    public void Or_is_damaged(ulong start, ulong end, ulong mask) =>
        FtraceInvalidation.RangeFlush(1, 2, (start, end), 0x1000, 1, mask).ShouldBe(new TraceEvent(TraceEventKind.Damaged, 1));

    [Theory]
    [InlineData("0000:00:00.0", 0u)]
    [InlineData("ffff:ff:1f.7", 0xffff_ffffu)]
    [InlineData("ffff:ff:20.7", null)]
    [InlineData("ffff:ff:1f.8", null)]
    [InlineData("ffff:100:1f.7", null)]
    [InlineData("10000:ff:1f.7", null)]
    [InlineData("0000:00:02.1", 0x11u)]
    [InlineData("0000:00:02.1 ", 0x11u)]
    [InlineData("0000:00:02.1 */", 0x11u)]
    [InlineData("0000:00:02.1x", null)]
    public void A_device_has_a_segment_a_bus_a_slot_and_a_function(string name, uint? device) =>
        FtraceInvalidation.ReadDevice(Encoding.ASCII.GetBytes(name)).ShouldBe(device);

    [Theory]
    [InlineData(65535, TraceEventKind.CacheTagFlush)]
    [InlineData(65536, TraceEventKind.Damaged)]
    public void A_domain_has_16_bits(int domain, TraceEventKind kind)
    {
        var flush = Read(Map + $"1.0: cache_tag_flush_all: dmar0/0000:00:03.0 type iotlb did {domain} pasid 0 ref 1\n", isLenient: true)[1];
        flush.Kind.ShouldBe(kind);
        flush.DomainId.ShouldBe((ushort)domain);
    }

    [Theory]
    [InlineData("0us", 0L)]
    [InlineData("9223372036854774us", 9_223_372_036_854_774_000L)]
    [InlineData("9223372036854775us", -1L)]
    [InlineData("4611686018.000000001", 4_611_686_018_000_000_001L)]
    [InlineData("4611686019.0", -1L)]
    public void Times_end_where_nanoseconds_do(string text, long nanoseconds) =>
        Read($"x-1 0d... {text}: {Map[5..]}")[0].Nanoseconds.ShouldBe(nanoseconds);

    [Theory]
    [InlineData(8, TraceEventKind.Damaged)]
    [InlineData(0, TraceEventKind.Damaged)]
    [InlineData(9, TraceEventKind.Unknown)]
    [InlineData(31, TraceEventKind.Unknown)]
    public void Text_has_no_bytes_below_a_tab(int letter, TraceEventKind kind) =>
        Read(Map + "some " + (char)letter + "words\n", isLenient: true)[1].Kind.ShouldBe(kind);

    [Theory]
    [InlineData(65536, true)]
    [InlineData(65537, false)]
    public void A_line_has_64_KiB_at_most(int length, bool isRead)
    {
        string line = new string(' ', length - 5) + "words";
        foreach (string rest in (string[])["", Map])
        {
            var events = Read(Map + line + "\n" + rest, isLenient: true);
            events[1].Kind.ShouldBe(isRead ? TraceEventKind.Unknown : TraceEventKind.Damaged);
            events.Count.ShouldBe(rest.Length == 0 ? 2 : 3);
        }
    }

    [Theory]
    [InlineData(1, "2 events of an IOMMU under a heading that promises 1 entries")]
    [InlineData(2, null)]
    [InlineData(3, "has 2 of the 3 entries")]
    public void A_heading_promises_what_there_is(int entries, string? problem)
    {
        string text = $"# entries-in-buffer/entries-written: {entries}/9   #P:2\n" + Map + Map;
        if (problem is null)
        {
            Read(text).Count.ShouldBe(2);
        }
        else
        {
            Should.Throw<InputException>(() => Read(text)).Message.ShouldContain(problem);
        }
    }

    /// <summary>The trailer of gzip data is kept apart; what comes before goes out in small pieces, and nothing is lost or comes twice.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(520)]
    [InlineData(521)]
    [InlineData(65536)]
    [InlineData(70000)]
    public void The_last_eight_bytes_come_by_themselves(int length)
    {
        byte[] data = [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];
        using var stream = new PiecewiseStream(new MemoryStream(data));
        var read = new List<byte>();
        var sizes = new List<int>();
        byte[] buffer = new byte[4096];
        for (int count = stream.Read(buffer, 0, buffer.Length); count != 0; count = stream.Read(buffer, 0, buffer.Length))
        {
            read.AddRange(buffer.AsSpan(0, count));
            sizes.Add(count);
        }

        read.ShouldBe(data);
        sizes[^1].ShouldBe(Math.Min(length, 8));
        sizes.Max().ShouldBeLessThanOrEqualTo(512);
    }

    private List<TraceEvent> Read(string text, bool isLenient = false)
    {
        File.WriteAllText(_path, text);
        using var reader = TraceFile.Open(_path, isLenient);
        var events = new List<TraceEvent>();
        while (reader.Read(out var traceEvent))
        {
            events.Add(traceEvent);
        }

        return events;
    }
}
