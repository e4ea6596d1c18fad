using System.Text;
using IommuKit.Traces.Dat;
using IommuKit.Traces.Faults;
using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>Messages, faults and tasks in a trace.dat, as in text.</summary>
public sealed class DatMessageTests : IDisposable
{
    private const string Common = "field:int common_pid;offset:4;size:4;\nfield:unsigned char common_flags;offset:2;size:1;\n";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_fault_in_a_trace_dat_is_explained()
    {
        var writer = new DatWriter
        {
            MoreFormat = $"name: io_page_fault\nID: 77\n{Common}field:__data_loc char[] device;offset:8;size:4;\n"
                + "field:__data_loc char[] driver;offset:12;size:4;\nfield:u64 iova;offset:16;size:8;\nfield:int flags;offset:24;size:4;\n",
        };
        byte[] fault =
        [
            .. writer.U16(77), 0, 0, .. writer.U32(9), .. writer.U32(28 | (12 << 16)), .. writer.U32(28), .. writer.U64(0x11040), .. writer.U32(1),
            .. "0000:00:04.0"u8,
        ];
        writer.Cpus[0].Add(writer.Page(1_000_000, 0, 0, writer.Record(10, writer.MapData(0x10000, 0x5000, 0x2000)),
            writer.Record(10, writer.UnmapData(0x10000, 0x2000, 0x2000)), writer.Record(10, fault)));
        File.WriteAllBytes(_path, writer.Version6());
        var report = FaultCapture.Explain(null, _path);
        var explained = report.Faults.ShouldHaveSingleItem();
        explained.Cause.ShouldBe(FaultCause.UsedAfterUnmap);
        explained.SinceUnmap.ShouldBe(10);
        explained.LastMap.ShouldBe(new MappingRecord(1, 1_000_010, 0x10000, 0x2000, "pid 1", false));
        explained.Fault.Device.ShouldBe("0000:00:04.0");
        explained.Fault.Direction.ShouldBe(FaultDirection.Write);
        explained.Fault.Iova.ShouldBe(0x11040ul);
    }

    [Fact]
    public void Messages_and_tags_are_read_by_their_formats()
    {
        var writer = new DatWriter();
        var events = new MessageEvents(default,
        [
            EventFormat.Parse(Encoding.ASCII.GetBytes($"name: console\nID: 5\n{Common}field:__data_loc char[] msg;offset:8;size:4;\n")),
            EventFormat.Parse(Encoding.ASCII.GetBytes("name: cache_tag_assign\nID: 6\nfield:__data_loc char[] iommu;offset:8;size:4;\n"
                + "field:u16 type;offset:12;size:2;\nfield:u16 domain_id;offset:14;size:2;\n")),
        ],
        new SavedTasks());
        byte[] console = [5, 0, 0x18, 0, .. writer.U32(42), .. writer.U32(12 | (6 << 16)), .. "hello\n"u8];
        events.TryRead(5, new RecordData(console, default), 1, 2, out var read).ShouldBeTrue();
        read.ShouldBe(new TraceEvent(TraceEventKind.Console, 1, 2));
        Encoding.ASCII.GetString(events.TextOf(console)).ShouldBe("hello");
        Encoding.ASCII.GetString(events.TaskOf(console)).ShouldBe("pid 42");
        events.IsInInterrupt(console).ShouldBeTrue();
        events.TryRead(5, new RecordData(console.AsSpan(0, 11), default), 1, 2, out read).ShouldBeTrue();
        read.Kind.ShouldBe(TraceEventKind.Damaged);
        events.TextOf(console.AsSpan(0, 11)).IsEmpty.ShouldBeTrue();

        byte[] tag = [6, 0, 0, 0, .. writer.U32(42), .. writer.U32(16 | (5 << 16)), 0, 0, 9, 0, .. "dmar3"u8];
        events.TryRead(6, new RecordData(tag, default), 1, 2, out read).ShouldBeTrue();
        read.ShouldBe(new TraceEvent(TraceEventKind.TagAssign, 1, 2) { Unit = 3, DomainId = 9 });
        tag[12] = 1;
        events.TryRead(6, new RecordData(tag, default), 1, 2, out read).ShouldBeTrue();
        read.Kind.ShouldBe(TraceEventKind.Other);
        events.TextOf(tag).IsEmpty.ShouldBeTrue();
        events.TryRead(7, new RecordData(tag, default), 1, 2, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("6")]
    [InlineData("7")]
    public void Tasks_have_the_names_that_the_kernel_saved(string version)
    {
        var writer = new DatWriter { SavedTasks = "77 other\n1 my task-x\n\nno number\n2\n" };
        writer.Cpus[0].Add(writer.Page(1000, 0, 0, writer.Record(0, writer.MapData(0x1000, 0x8000, 4096))));
        File.WriteAllBytes(_path, version == "6" ? writer.Version6() : writer.Version7("none"));
        using var reader = TraceFile.Open(_path);

        reader.Read(out _).ShouldBeTrue();
        Encoding.ASCII.GetString(reader.Task).ShouldBe("my task-x-1");
    }

    [Fact]
    public void Of_more_names_than_any_kernel_saves_none_is_read()
    {
        var names = new SavedTasks();
        var lines = "5 five\n"u8.ToArray();
        names.Read(new DatCursor(new MemoryStream([.. BitConverter.GetBytes((ulong)lines.Length), .. lines]), default, "the file"));
        Encoding.ASCII.GetString(names.Of(5)).ShouldBe("five-5");
        Encoding.ASCII.GetString(names.Of(0)).ShouldBe("<idle>-0");
        names.Of(6).IsEmpty.ShouldBeTrue();

        var cursor = new DatCursor(new MemoryStream([.. BitConverter.GetBytes(5ul << 20), .. new byte[5 << 20], 9]), default, "the file");
        names.Read(cursor);
        cursor.U8().ShouldBe((byte)9);
        Should.Throw<InvalidDataException>(() => names.Read(new DatCursor(new MemoryStream(BitConverter.GetBytes(8ul)), default, "the file")));
    }

    [Fact]
    public void Formats_that_lack_a_field_are_left_out()
    {
        var events = new MessageEvents(default, [EventFormat.Parse("name: console\nID: 5\nfield:int other;offset:8;size:4;\n"u8)], new SavedTasks());
        events.TryRead(5, new RecordData(new byte[12], default), 1, 2, out _).ShouldBeFalse();
        events.TaskOf(new byte[12]).IsEmpty.ShouldBeTrue();
        events.IsInInterrupt(new byte[12]).ShouldBeFalse();
    }
}
