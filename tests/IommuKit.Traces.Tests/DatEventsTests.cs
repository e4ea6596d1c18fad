using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>Events of trace.dat that do nothing, or of which not all is read.</summary>
public sealed class DatEventsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public static TheoryData<string, bool> Forms => new() { { "6", false }, { "7", false }, { "6", true }, { "7", true } };

    public void Dispose() => File.Delete(_path);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Maps_and_unmaps_of_size_0_do_nothing(string version, bool isBig)
    {
        var writer = new DatWriter(isBig);
        writer.Cpus[0].Add(writer.Page(
            1000,
            0,
            0,
            writer.Record(0, writer.MapData(0x4000_0000, 0x8000, 0)),
            writer.Record(1, writer.UnmapData(0x4000_0000, 0, 0)),
            writer.Record(1, writer.MapData(0x1000, 0x8000, 4096))));
        Read(writer, version).ShouldBe(
        [
            new TraceEvent(TraceEventKind.Other, 1) { IsEmpty = true },
            new TraceEvent(TraceEventKind.Other, 2) { IsEmpty = true },
            new TraceEvent(TraceEventKind.Map, 3, 1002, 0x1000, 0x8000, 4096),
        ]);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Where_there_are_no_others_that_is_said(string version, bool isBig)
    {
        var writer = new DatWriter(isBig);
        writer.Cpus[0].Add(writer.Page(1000, 0, 0, writer.Record(0, writer.UnmapData(0x4000_0000, 0, 0))));
        writer.Cpus[1].Add(writer.Page(1000, 0, 0, writer.Record(0, writer.UnmapData(0x5000_0000, 0, 0))));
        Should.Throw<InputException>(() => Read(writer, version)).Message
            .ShouldStartWith($"{_path}: has 2 events of iommu:map and iommu:unmap, and all are of size 0");
    }

    [Theory]
    [InlineData(0x1000ul, 0ul, 4096ul)]
    [InlineData(0x1001ul, 4096ul, 4096ul)]
    public void Damage_is_not_that_a_number_is_zero(ulong iova, ulong size, ulong unmapped)
    {
        var writer = new DatWriter();
        writer.Cpus[0].Add(writer.Page(1000, 0, 0, writer.Record(0, writer.UnmapData(iova, size, unmapped))));
        Should.Throw<InputException>(() => Read(writer, "6")).Message
            .ShouldEndWith("its numbers are missing, misaligned or contradict each other (--lenient leaves it out)");
    }

    [Theory]
    [InlineData("map_sg")]
    [InlineData("bounce_unmap_single")]
    public void Events_that_VTd_had_until_5_10_are_named(string name)
    {
        var writer = new DatWriter { MoreFormat = $"name: {name}\nID: 1160\n" };
        byte[] own = writer.Record(0, [.. writer.U16(1160), 0, 0, .. writer.U32(1)]);
        writer.Cpus[0].Add(writer.Page(1000, 0, 0, own, writer.Record(0, writer.MapData(0x1000, 0x8000, 4096)), own));
        Read(writer, "6").Select(e => e.Kind).ShouldBe([TraceEventKind.VtdMapping, TraceEventKind.Map, TraceEventKind.VtdMapping]);
        writer.Cpus[0][0] = writer.Page(1000, 0, 0, own);
        string message = Should.Throw<InputException>(() => Read(writer, "6")).Message;
        message.ShouldContain("map_single, map_sg and unmap_sg that VT-d had until Linux 5.10");
        message.ShouldEndWith("(1 of its 1 events)");
    }

    private List<TraceEvent> Read(DatWriter writer, string version)
    {
        File.WriteAllBytes(_path, version == "6" ? writer.Version6() : writer.Version7("zlib"));
        using var reader = TraceFile.Open(_path);
        var events = new List<TraceEvent>();
        while (reader.Read(out var next))
        {
            events.Add(next);
        }

        return events;
    }
}
