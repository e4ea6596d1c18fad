using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using IommuKit.Traces.Dat;
using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>The parts that headers of trace.dat are made of, at the ends of what they may be.</summary>
public sealed class DatPartsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData(8, 8, 16, 4080, "8 8 16 4096")]
    [InlineData(8, 4, 12, 4084, "8 4 12 4096")]
    [InlineData(8, 8, 24, 1, "8 8 24 25")]
    [InlineData(8, 8, 15, 4080, null)]
    [InlineData(8, 4, 11, 4080, null)]
    [InlineData(7, 8, 16, 4080, null)]
    [InlineData(8, 2, 16, 4080, null)]
    [InlineData(8, 8, 16, 0, null)]
    public void A_page_has_its_commit_behind_the_time_and_its_data_behind_that(int commit, int commitSize, int data, int dataSize, string? expected)
    {
        byte[] text = Encoding.ASCII.GetBytes(
            $"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:{commit};\tsize:{commitSize};\tsigned:1;\n"
                + $"\tfield: char data;\toffset:{data};\tsize:{dataSize};\tsigned:1;\n");
        if (expected is null)
        {
            Should.Throw<InvalidDataException>(() => PageLayout.Parse(text));
            return;
        }

        var page = PageLayout.Parse(text);
        $"{page.CommitOffset} {page.CommitSize} {page.DataOffset} {page.Bytes}".ShouldBe(expected);
    }

    [Theory]
    [InlineData("0", "0", true)]
    [InlineData("4194304", "4194304", true)]
    [InlineData("4194305", "0", false)]
    [InlineData("0", "4194305", false)]
    [InlineData("-1", "1", false)]
    [InlineData("1", "99999999999", false)]
    public void A_field_lies_within_the_largest_event(string offset, string size, bool isRead) =>
        FieldPlace.TryParse(offset, size, out _).ShouldBe(isRead);

    [Theory]
    [InlineData("name: map\nID: 0\n", 0)]
    [InlineData("name: map\nID: 65535\n", 65535)]
    [InlineData("name: map\nID: 65536\n", -1)]
    [InlineData("name: map\nID: -1\n", -1)]
    [InlineData("name: map\n", -1)]
    [InlineData("ID: 5\n", -1)]
    [InlineData("name: \nID: 5\n", -1)]
    public void An_event_has_a_name_and_a_number_of_16_bits(string text, int id)
    {
        if (id < 0)
        {
            Should.Throw<InvalidDataException>(() => EventFormat.Parse(Encoding.ASCII.GetBytes(text)));
            return;
        }

        EventFormat.Parse(Encoding.ASCII.GetBytes(text)).Id.ShouldBe(id);
    }

    [Fact]
    public void The_first_of_two_fields_counts_and_lines_beyond_measure_do_not()
    {
        string At(int length) => "field:" + new string('u', length - 33) + " x;offset:1;size:2;signed:0;";
        At(256).Length.ShouldBe(256 - 33 + 34);
        string longest = At(255);
        longest.Length.ShouldBe(256);
        Parse("field:u8 a;offset:4;size:1;\nfield:u64 a;offset:8;size:8;").Number("a").ShouldBe(new FieldPlace(4, 1));
        Parse(longest).Fields["x"].ShouldBe(new FieldPlace(1, 2));
        Parse(At(256)).Fields.ShouldBeEmpty();

        static EventFormat Parse(string fields) => EventFormat.Parse(Encoding.ASCII.GetBytes($"name: n\nID: 1\n{fields}\n"));
    }

    [Theory]
    [InlineData(1, true, false)]
    [InlineData(2, true, false)]
    [InlineData(4, true, true)]
    [InlineData(8, true, false)]
    [InlineData(3, false, false)]
    [InlineData(16, false, false)]
    public void Numbers_have_1_2_4_or_8_bytes_and_places_of_texts_4(int size, bool isNumber, bool isText)
    {
        var format = EventFormat.Parse(Encoding.ASCII.GetBytes($"name: n\nID: 1\nfield:t x;offset:8;size:{size};\n"));
        (Record.Exception(() => format.Number("x")) is null).ShouldBe(isNumber);
        (Record.Exception(() => format.Text("x")) is null).ShouldBe(isText);
        Should.Throw<NotSupportedException>(() => format.Number("y")).Message.ShouldContain("\"y\"");
    }

    [Theory]
    [InlineData(0u, true)]
    [InlineData(63u, true)]
    [InlineData(64u, false)]
    [InlineData(uint.MaxValue, false)]
    public void A_conversion_shifts_by_less_than_64(uint shift, bool isTaken)
    {
        var writer = new DatWriter();
        var contents = new DatContents { Numbers = default };
        DatHeader.TakeOption(14, default, [.. writer.U32(7), .. writer.U32(shift), .. writer.U64(0)], contents);
        contents.Tsc.ShouldBe(isTaken ? new TscConversion(7, (int)shift) : null);
        DatHeader.TakeOption(14, default, [.. writer.U32(5), .. writer.U32(1)], contents);
        contents.Tsc.ShouldBe(new TscConversion(5, 1));
        DatHeader.TakeOption(14, default, [.. writer.U32(6), .. writer.U16(1), 0], contents);
        contents.Tsc.ShouldBe(new TscConversion(5, 1));
    }

    [Theory]
    [InlineData("local [global] counter", "global")]
    [InlineData("[local]", "local")]
    [InlineData("local", "")]
    [InlineData("local [", "")]
    [InlineData("] [x]", "x")]
    public void The_clock_is_the_one_in_brackets(string text, string clock)
    {
        var contents = new DatContents { Numbers = default };
        DatHeader.TakeOption(4, default, Encoding.ASCII.GetBytes(text), contents);
        contents.Clock.ShouldBe(clock);
    }

    [Fact]
    public void The_first_clock_counts()
    {
        var contents = new DatContents { Numbers = default };
        DatHeader.TakeOption(4, default, "[boot]"u8, contents);
        DatHeader.TakeOption(4, default, "[counter]"u8, contents);
        contents.Clock.ShouldBe("boot");
    }

    [Fact]
    public void Processors_without_data_are_left_out_and_there_are_8192_at_most()
    {
        var contents = new DatContents { Numbers = default };
        DatHeader.AddCpu(contents, 3, 100, 0, isCompressed: false);
        contents.Cpus.ShouldBeEmpty();
        for (uint cpu = 0; cpu < 8192; cpu++)
        {
            DatHeader.AddCpu(contents, cpu, 4096, 1, isCompressed: true);
        }

        contents.Cpus.Count.ShouldBe(8192);
        contents.Cpus[^1].ShouldBe(new CpuData(8191, 4096, 1, IsCompressed: true));
        Should.Throw<InvalidDataException>(() => DatHeader.AddCpu(contents, 8192, 4096, 1, isCompressed: true));
        var other = new DatContents { Numbers = default };
        Should.Throw<InvalidDataException>(() => DatHeader.AddCpu(other, 0, 1ul << 63, 1, isCompressed: false));
        Should.Throw<InvalidDataException>(() => DatHeader.AddCpu(other, 0, 1, 1ul << 63, isCompressed: false));
        DatHeader.AddCpu(other, 0, long.MaxValue, long.MaxValue, isCompressed: false);
    }

    /// <summary>Empty places cost nothing but their count; 2^20 of them are enough for every instance that there can be.</summary>
    [Fact]
    public void Places_are_counted_too()
    {
        var contents = new DatContents { Numbers = default };
        for (int place = 0; place < 1 << 20; place++)
        {
            DatHeader.AddCpu(contents, 0, 0, 0, isCompressed: false);
        }

        Should.Throw<InvalidDataException>(() => DatHeader.AddCpu(contents, 0, 0, 0, isCompressed: false));
    }

    [Theory]
    [InlineData("", 5ul, 5L)]
    [InlineData("local", 9_223_372_036_854_775_807ul, long.MaxValue)]
    [InlineData("mono", 9_223_372_036_854_775_808ul, -1L)]
    [InlineData("uptime", 5ul, -1L)]
    [InlineData("x86-tsc", 6ul, 9L)]
    [InlineData("tsc2nsec", 6ul, 9L)]
    [InlineData("counter", 6ul, -1L)]
    [InlineData("boot", 6ul, 6L)]
    public void Only_clocks_that_measure_time_give_nanoseconds(string clock, ulong time, long nanoseconds) =>
        new DatClock(clock, new TscConversion(3, 1)).Nanoseconds(time).ShouldBe(nanoseconds);

    [Fact]
    public void A_conversion_has_room_for_every_count()
    {
        new TscConversion(uint.MaxValue, 32).Nanoseconds(ulong.MaxValue).ShouldBe(0xffff_fffe_ffff_fffful);
        new TscConversion(1, 63).Nanoseconds(1ul << 63).ShouldBe(1ul);
        new DatClock("x86-tsc", null).Nanoseconds(5).ShouldBe(-1);
    }

    [Fact]
    public void A_cursor_goes_to_the_end_and_no_further()
    {
        var cursor = new DatCursor(new MemoryStream(new byte[10]), default, "it");
        cursor.Skip(2);
        cursor.Bytes(8).Length.ShouldBe(8);
        cursor.Left.ShouldBe(0);
        Should.Throw<InvalidDataException>(() => cursor.U8()).Message.ShouldBe("it has 10 bytes, and 1 bytes at 10 lies beyond");
        cursor.Seek(3);
        Should.Throw<InvalidDataException>(() => cursor.U64());
        Should.Throw<InvalidDataException>(() => cursor.Skip(8));
        Should.Throw<InvalidDataException>(() => cursor.Bytes(8));
        cursor.Skip(7);
        cursor.Seek(10);
        Should.Throw<InvalidDataException>(() => cursor.Seek(11));
        Should.Throw<InvalidDataException>(() => cursor.Seek(ulong.MaxValue));
        cursor.Seek(2);
        cursor.U64().ShouldBe(0ul);
    }

    [Theory]
    [InlineData(4096, true)]
    [InlineData(4097, false)]
    public void A_name_has_4096_letters_at_most(int letters, bool isRead)
    {
        var cursor = new DatCursor(new MemoryStream([.. Enumerable.Repeat((byte)'a', letters), 0]), default, "it");
        (Record.Exception(() => cursor.Text().Length.ShouldBe(letters)) is null).ShouldBe(isRead);
    }

    [Theory]
    [InlineData(8, 4, "abcd")]
    [InlineData(8, 3, "abc")]
    [InlineData(8, 5, "")]
    [InlineData(12, 0, "")]
    [InlineData(13, 0, "")]
    [InlineData(9, 4, "")]
    public void A_text_lies_within_its_record(int offset, int length, string text)
    {
        var writer = new DatWriter();
        byte[] data = [0, 0, 0, 0, .. writer.U32((uint)(offset | (length << 16))), .. "abcd"u8];
        Encoding.ASCII.GetString(new RecordData(data, default).Text(new FieldPlace(4, 4))).ShouldBe(text);
    }

    [Theory]
    [InlineData(11, TraceEventKind.Damaged)]
    [InlineData(12, TraceEventKind.Attach)]
    public void A_record_has_all_of_its_fields(int bytes, TraceEventKind kind)
    {
        var format = EventFormat.Parse("name: attach_device_to_domain\nID: 9\nfield:__data_loc char[] device;offset:8;size:4;\n"u8);
        var events = new InvalidationEvents([format]);
        byte[] data = [9, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0];
        events.Read(9, new RecordData(data.AsSpan(0, bytes), default), 1, 2).Kind.ShouldBe(kind);
        events.Read(8, new RecordData(data, default), 1, 2).Kind.ShouldBe(TraceEventKind.Other);
    }

    /// <summary>The kinds of tags: iotlb, devtlb, and both of a nested domain.</summary>
    [Theory]
    [InlineData(0, CacheTagFlush.None)]
    [InlineData(1, CacheTagFlush.DeviceTlb)]
    [InlineData(2, CacheTagFlush.None)]
    [InlineData(3, CacheTagFlush.DeviceTlb)]
    public void Tags_of_odd_types_are_of_devices(byte type, CacheTagFlush flush)
    {
        var events = new InvalidationEvents(
        [
            EventFormat.Parse(
                [
                    .. "name: cache_tag_flush_all\nID: 9\nfield:__data_loc char[] iommu;offset:8;size:4;\n"u8,
                    .. "field:u16 type;offset:12;size:2;\nfield:u16 domain_id;offset:14;size:2;\n"u8,
                ]),
        ]);
        byte[] data = [9, 0, 0, 0, 0, 0, 0, 0, 16, 0, 6, 0, type, 0, 5, 0, .. "dmar2\0"u8];
        events.Read(9, new RecordData(data, default), 1, 2)
            .ShouldBe(new TraceEvent(TraceEventKind.CacheTagFlush, 1, 2) { Unit = 2, DomainId = 5, Flush = flush });
    }

    /// <summary>A chunk of pages of 64 bytes: whole pages, and no more compressed bytes than incompressible pages would take.</summary>
    [Theory]
    [InlineData(64, 1089, true)]
    [InlineData(64, 1090, false)]
    [InlineData(128, 100, true)]
    [InlineData(96, 100, false)]
    [InlineData(0, 100, false)]
    public void A_chunk_has_whole_pages(int bytes, int compressed, bool isRead)
    {
        var writer = new DatWriter();
        using var zlib = new MemoryStream();
        using (var stream = new ZLibStream(zlib, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(new byte[bytes]);
        }

        byte[] chunk = zlib.ToArray();
        Array.Resize(ref chunk, compressed);
        File.WriteAllBytes(_path, [.. writer.U32(1), .. writer.U32((uint)compressed), .. writer.U32((uint)bytes), .. chunk]);
        using var file = File.OpenRead(_path);
        using var compression = new DatCompression("zlib");
        var contents = new DatContents { Numbers = default, Page = new PageLayout(8, 8, 16, 64) };
        contents.Cpus.Add(new CpuData(0, 0, file.Length, IsCompressed: true));
        var pages = new CpuPages(new DatFile(file, null), contents, contents.Cpus[0], compression);
        if (!isRead)
        {
            Should.Throw<InvalidDataException>(() => pages.TryRead(out _))
                .Message.ShouldContain($"a chunk of {bytes} bytes, {compressed} compressed");
            return;
        }

        for (int page = 0; page < bytes / 64; page++)
        {
            pages.TryRead(out var content).ShouldBeTrue();
            content.Length.ShouldBe(64);
        }

        pages.TryRead(out _).ShouldBeFalse();
    }

    [Fact]
    public void Options_of_version_7_never_go_back()
    {
        byte[] file = Version7(out int first, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(NextOf(file, first)), (ulong)first);
        Should.Throw<InputException>(() => Read(file)).Message.ShouldContain($"its options go back from {first} to {first}");
    }

    /// <summary>Formats that come later replace those before, text of a latency tracer does no harm beside events.</summary>
    [Fact]
    public void Later_options_of_version_7_count()
    {
        var writer = new DatWriter();
        byte[] file = Version7(out _, out int last);
        Read(file).ShouldBe(["Map 1000"]);
        Read(Append(file, last, 22, [])).ShouldBe(["Map 1000"]);

        // Another format of map, which no record has.
        byte[] format =
        [
            .. "name: map\nID: 7\n"u8,
            .. "field:u64 iova;offset:8;size:8;\nfield:u64 paddr;offset:16;size:8;\nfield:u64 size;offset:24;size:8;\n"u8,
        ];
        byte[] formats = [.. writer.U32(1), .. "iommu\0"u8, .. writer.U32(1), .. writer.U64((ulong)format.Length), .. format];
        byte[] section = [.. writer.U16(18), 0, 0, .. writer.U32(0), .. writer.U64((ulong)formats.Length), .. formats];
        Should.Throw<InputException>(() => Read(Append([.. file, .. section], last, 18, writer.U64((ulong)file.Length))))
            .Message.ShouldContain("no iommu:map or iommu:unmap event among its 1 events");
    }

    /// <summary>Files of the first trace-cmd with version 7 have no page size in the option BUFFER.</summary>
    [Fact]
    public void A_buffer_may_lack_the_size_of_its_pages()
    {
        var writer = new DatWriter();
        byte[] file = Version7(out int first, out int last);

        // The option's first field points to the section of the buffer; the place of its only page comes behind the last count.
        byte[] option = file[(first + 16 + 6)..];
        ulong section = BinaryPrimitives.ReadUInt64LittleEndian(option);
        byte[] place = option[(8 + 1 + "global".Length + 1 + 4 + 4)..][..20];
        byte[] copy = [.. writer.U64(section), .. "copy\0"u8, .. "\0"u8, .. writer.U32(1), .. place];
        Read(Append(file, last, 3, copy)).ShouldBe(["Map 1000", "Map 1000"]);
    }

    /// <summary>An instance of ftrace has its pages behind a mark of its own.</summary>
    [Fact]
    public void Instances_of_version_6_are_read()
    {
        var writer = OneMap();
        byte[] file = writer.Version6();
        int mark = file.AsSpan().IndexOf("flyrecord\0"u8);
        byte[] places = file[mark..][..("flyrecord\0".Length + 16)];
        byte[] option = [.. writer.U16(3), .. writer.U32(8), .. writer.U64((ulong)file.Length)];
        int end = mark + places.Length;
        byte[] with = [.. file[..(mark - 2)], .. option, .. file[(mark - 2)..end], .. file[(end + option.Length)..], .. places];
        Read(file).ShouldBe(["Map 1000"]);
        Read(with).ShouldBe(["Map 1000", "Map 1000"]);
    }

    private static DatWriter OneMap()
    {
        var writer = new DatWriter { Cpus = [[]] };
        writer.Cpus[0].Add(writer.Page(5, 0, 0, writer.Record(0, writer.MapData(0x1000, 0x8000, 4096))));
        return writer;
    }

    /// <summary>A file without compression, and where its first and its last options are.</summary>
    private static byte[] Version7(out int first, out int last)
    {
        byte[] file = OneMap().Version7("none");
        int start = file.AsSpan().IndexOf("1.0\0"u8) + 4;
        first = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(start));
        last = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(NextOf(file, first)));
        return file;
    }

    /// <summary>Where options say where the next are.</summary>
    private static int NextOf(byte[] file, int options) =>
        options + 16 + (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(options + 8)) - 8;

    private static byte[] Append(byte[] file, int last, ushort option, byte[] data)
    {
        var writer = new DatWriter();
        byte[] content = [.. writer.U16(option), .. writer.U32((uint)data.Length), .. data, .. writer.U16(0), .. writer.U32(8), .. writer.U64(0)];
        byte[] result = [.. file, .. writer.U64(0), .. writer.U64((ulong)content.Length), .. content];
        BinaryPrimitives.WriteUInt64LittleEndian(result.AsSpan(NextOf(result, last)), (ulong)file.Length);
        return result;
    }

    private List<string> Read(byte[] file)
    {
        File.WriteAllBytes(_path, file);
        using var reader = TraceFile.Open(_path);
        var events = new List<string>();
        while (reader.Read(out var traceEvent))
        {
            events.Add($"{traceEvent.Kind} {traceEvent.Iova:x}");
        }

        return events;
    }
}
