using System.IO.Compression;
using System.Text;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

public sealed class TraceReaderTests : IDisposable
{
    private const string Map =
        "        modprobe-108     [001] .....     7.590418: map: IOMMU: iova=0x00000000fffe0000 - 0x00000000fffea000 paddr=0x0000000006c66000 size=40960\n";

    private const string Unmap =
        "          <idle>-0       [001] d.h1.     7.600000: unmap: IOMMU: iova=0x00000000fffe0000 - 0x00000000fffe1000 size=4096 unmapped_size=40960\n";

    private readonly string _path = Path.GetTempFileName();
    private string? _problem;

    public void Dispose() => File.Delete(_path);

    /// <summary>As some shells write what a command prints.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Text_in_UTF_16_is_refused_with_the_command_that_converts_it(bool isBigEndian)
    {
        var encoding = new System.Text.UnicodeEncoding(isBigEndian, byteOrderMark: true);
        File.WriteAllText(_path, " dd-1 [000] .... 1.000001: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096\n", encoding);
        using var reader = TraceFile.Open(_path);
        Should.Throw<InputException>(() => reader.Read(out _)).Message.ShouldContain("'iconv -f UTF-16 -t UTF-8'");
    }

    [Fact]
    public void Map_and_unmap_are_read_with_what_went_away()
    {
        var events = Read("# tracer: nop\n" + Map + Unmap);
        events.ShouldBe(
        [
            new TraceEvent(TraceEventKind.Map, 2, 7_590_418_000, 0xfffe_0000, 0x06c6_6000, 40_960),
            new TraceEvent(TraceEventKind.Unmap, 3, 7_600_000_000, 0xfffe_0000, 0, 40_960),
        ]);
    }

    /// <summary>Any process can choose fifteen characters that look like something else; at least one blank stands before them.</summary>
    [Fact]
    public void Names_of_processes_are_no_syntax()
    {
        const string mapping = "-25      [000] .....     7.546431: map: IOMMU: iova=0x0 - 0x1000 paddr=0x2000 size=4096\n";
        const string other = "-25      [000] .....     7.546432: attach_device_to_domain: IOMMU: device=0000:00:04.0\n";
        string[] names = ["IOMMU: iova=", "IOMMU: iova=0x0", "map:", "unmap:", "#comm", "cpus=2", "version = 6", "CPU:[9 EVENTS", "CPU:0 [9 EVENTS"];
        var events = Read(string.Concat(names.Select(name => $"{name,16}{mapping}{name,16}{other}")), isLenient: true);

        events.Select(e => e.Kind).ShouldBe(names.SelectMany(_ => (TraceEventKind[])[TraceEventKind.Map, TraceEventKind.Attach]));
    }

    [Fact]
    public void Other_lines_are_told_apart()
    {
        var events = Read(
            """
            # entries-in-buffer/entries-written: 3/3   #P:2
            cpus=2

                      init-1       [001] d..1.     2.135206: qi_submit: iotlb_inv dmar0: 0xd2 0x0 0x0 0x0
            CPU:0 [LOST 1356 EVENTS]
            CPU:1 [6215 EVENTS DROPPED]
            CPU:1 [LOST EVENTS]
            CPU:1 [LOST 18446744073709551616 EVENTS]
            ##### CPU 0 buffer started ####
             => iommu_map
            add_device_to_group: IOMMU: groupID=3 device=0000:00:04.0
                <idle>       0   1 16 00000001 00000005 [0073660a] 573.150ms (+3.068ms): qi_submit: iotlb_inv dmar0: 0xd2 0x0 0x0 0x0
            words : and others: none

            """ + Map);
        events.Select(e => (e.Kind, e.Line)).ShouldBe(
        [
            (TraceEventKind.QueueSubmit, 4), (TraceEventKind.Lost, 5), (TraceEventKind.Lost, 6), (TraceEventKind.Lost, 7),
            (TraceEventKind.Lost, 8), (TraceEventKind.Unknown, 10), (TraceEventKind.Other, 11), (TraceEventKind.QueueSubmit, 12),
            (TraceEventKind.Other, 13), (TraceEventKind.Map, 14),
        ]);
        events[1].Size.ShouldBe(1356ul);
        events[2].Size.ShouldBe(6215ul);
        events[3].Size.ShouldBe(1ul);
        events[4].Size.ShouldBe(ulong.MaxValue);
    }

    [Fact]
    public void The_heading_tells_what_was_overwritten()
    {
        File.WriteAllText(_path, "# entries-in-buffer/entries-written: 1/46372   #P:2\n" + Map);
        using var reader = TraceFile.Open(_path);
        while (reader.Read(out _))
        {
            // To the end.
        }

        reader.Overwritten.ShouldBe(46_371);
        reader.Line.ShouldBe(2);
    }

    [Theory]
    [InlineData("size=40960", "size=0")]
    [InlineData("size=40960", "size=-40960")]
    [InlineData("size=40960", "size=99999999999999999999999")]
    [InlineData("size=40960", "size=8192")]
    [InlineData("size=40960", "size=")]
    [InlineData("size=40960", "")]
    [InlineData("size=40960", "size=40960 more")]
    [InlineData("0x00000000fffea000", "0x00000000fffe9fff")]
    [InlineData("paddr=0x0000000006c66000", "paddr=0x0000000006c66001")]
    [InlineData("paddr=0x0000000006c66000", "paddr=")]
    [InlineData("iova=0x00000000fffe0000", "iova=fffe0000")]
    [InlineData(" map: ", " remapped ")]
    public void Events_that_no_kernel_prints_are_refused_with_their_line(string good, string bad)
    {
        string message = Should.Throw<InputException>(() => Read(Map + Map.Replace(good, bad))).Message;
        message.ShouldStartWith($"{_path}:2: ");
        message.ShouldNotContain("\n");
        message.ShouldContain("--lenient");
        Read(Map + Map.Replace(good, bad), isLenient: true).Select(e => e.Kind).ShouldBe([TraceEventKind.Map, TraceEventKind.Damaged]);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(90)]
    [InlineData(100)]
    [InlineData(120)]
    public void A_line_that_breaks_off_is_refused(int cut)
    {
        string text = Map + Unmap;
        string message = Should.Throw<InputException>(() => Read(text[..^cut])).Message;
        message.ShouldBe($"{_path}:2: the file ends in the middle of a line (--lenient reads what comes before)");
        Read(text[..^cut], isLenient: true).Select(e => e.Kind).ShouldBe([TraceEventKind.Map, TraceEventKind.Damaged]);
    }

    [Theory]
    [InlineData(Map)]
    [InlineData("          init-1       [001] d..1.     2.135206: qi_submit: iotlb_inv dmar0: 0xd2 0x0 0x0 0x0\n")]
    [InlineData("# a comment\n")]
    public void A_last_line_without_its_end_is_taken_if_it_is_whole(string last) =>
        Read(Map + last[..^1]).ShouldBe(Read(Map + last));

    [Fact]
    public void Fewer_entries_than_the_heading_promises_are_refused()
    {
        string text = "# entries-in-buffer/entries-written: 3/3   #P:2\n" + Map + Unmap;
        Should.Throw<InputException>(() => Read(text)).Message.ShouldContain("the file has 2 of the 3 entries");
        Read(text, isLenient: true).Count.ShouldBe(2);
        _problem.ShouldNotBeNull().ShouldContain("has 2 of the 3 entries");
    }

    [Fact]
    public void A_gzip_is_read_like_its_text_and_may_have_several_members()
    {
        File.WriteAllBytes(_path, [.. Gzip(Map), .. Gzip(Unmap)]);
        ReadFile().Select(e => e.Kind).ShouldBe([TraceEventKind.Map, TraceEventKind.Unmap]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(100)]
    public void A_gzip_that_breaks_off_is_refused_wherever_it_breaks(int cut)
    {
        byte[] gzip = Gzip(string.Concat(Enumerable.Range(0, 2000).Select(i => Map.Replace("7.590418", $"7.{i:000000}"))));
        File.WriteAllBytes(_path, gzip[..^cut]);
        string message = Should.Throw<InputException>(() => ReadFile()).Message;
        message.ShouldContain("breaks off");
        message.ShouldStartWith(_path);
        ReadFile(isLenient: true).Count.ShouldBeGreaterThan(100);
    }

    [Fact]
    public void A_gzip_with_a_wrong_byte_is_refused()
    {
        byte[] gzip = Gzip(string.Concat(Enumerable.Range(0, 100).Select(_ => Map)));
        gzip[^6] ^= 1;
        File.WriteAllBytes(_path, gzip);
        Should.Throw<InputException>(() => ReadFile()).Message.ShouldContain("damaged");
    }

    /// <summary>The checksum comes last: until then there is nothing wrong with the text.</summary>
    [Theory]
    [InlineData(100)]
    [InlineData(5000)]
    public void A_gzip_with_a_wrong_checksum_gives_all_its_lines_first(int lines)
    {
        byte[] gzip = Gzip(string.Concat(Enumerable.Repeat(Map, lines)));
        gzip[^6] ^= 1;
        File.WriteAllBytes(_path, gzip);
        using (var reader = TraceFile.Open(_path))
        {
            for (int line = 0; line < lines; line++)
            {
                reader.Read(out _).ShouldBeTrue();
            }

            Should.Throw<InputException>(() => reader.Read(out _)).Message.ShouldStartWith($"{_path}:{lines + 1}: the gzip data");
        }

        ReadFile(isLenient: true).Count.ShouldBe(lines);
        _problem.ShouldBe($"the gzip data breaks off or is damaged after line {lines}");
    }

    [Fact]
    public void A_line_that_a_damaged_gzip_spoils_is_not_blamed_on_the_trace()
    {
        // Stored, not compressed: a wrong byte stays one wrong byte, and only the checksum tells.
        byte[] gzip = Gzip(string.Concat(Enumerable.Repeat(Map, 100)), CompressionLevel.NoCompression);
        int iova = gzip.AsSpan().LastIndexOf("iova=0x"u8);
        gzip[iova + 6] = (byte)'y';
        File.WriteAllBytes(_path, gzip);
        Should.Throw<InputException>(() => ReadFile()).Message.ShouldStartWith($"{_path}:100: the gzip data is damaged");
        File.WriteAllBytes(_path, Gzip(Map.Replace("0x", "0y")));
        Should.Throw<InputException>(() => ReadFile()).Message.ShouldContain("is not a map or unmap event");
    }

    [Theory]
    [InlineData("PERFILE2........", "is gzip; what it holds is a binary perf.data; print it with 'perf script' first")]
    [InlineData("\x17\x08\x44tracing...", "is a trace.dat that breaks off or is damaged")]
    public void Other_files_in_gzip_are_refused_with_what_they_are(string content, string reason)
    {
        File.WriteAllBytes(_path, Gzip(content));
        Should.Throw<InputException>(() => ReadFile()).Message.ShouldContain(reason);
        Should.Throw<InputException>(() => ReadFile(isLenient: true)).Message.ShouldContain(reason);
    }

    [Theory]
    [InlineData("25 0 7546431143 type: 1149\n")]
    [InlineData("00000019 00000000 00000001c1cd66a7 type: 1149\n\n")]
    public void Traces_without_fields_are_refused_with_the_option_to_change(string line) =>
        Should.Throw<InputException>(() => Read(line + line)).Message.ShouldContain("echo noraw > trace_options");

    [Theory]
    [InlineData("\x17\x08\x44tracing...", "is a trace.dat that breaks off or is damaged")]
    [InlineData("PERFILE2........", "perf script")]
    [InlineData("BZh91AY", "bzip2")]
    [InlineData("PK\x03\x04....", "zip archive")]
    [InlineData("", "is empty")]
    [InlineData("\n\n", "no iommu:map")]
    [InlineData("hello\nworld\n", "no iommu:map")]
    [InlineData("abc\0def\n", "binary")]
    [InlineData("abc\u0001def\n", "binary")]
    [InlineData("\u0002: map: IOMMU: iova=0x1\n", "binary")]
    public void Other_files_are_refused_with_what_they_are(string content, string reason)
    {
        File.WriteAllBytes(_path, Encoding.Latin1.GetBytes(content));
        Should.Throw<InputException>(() => ReadFile()).Message.ShouldContain(reason);
    }

    [Fact]
    public void A_line_without_end_is_refused_in_constant_memory()
    {
        byte[] line = [.. Enumerable.Repeat((byte)'x', 10_000_000)];
        File.WriteAllBytes(_path, line);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Should.Throw<InputException>(() => ReadFile()).Message.ShouldContain("longer than 65536 bytes");
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(2_000_000);

        // To be lenient is to count it and go on with the next.
        byte[] map = Encoding.ASCII.GetBytes(Map);
        File.WriteAllBytes(_path, [.. map, .. line, (byte)'\n', .. map, .. line]);
        before = GC.GetAllocatedBytesForCurrentThread();
        ReadFile(isLenient: true).Select(e => (e.Kind, e.Line)).ShouldBe(
        [
            (TraceEventKind.Map, 1), (TraceEventKind.Damaged, 2), (TraceEventKind.Map, 3), (TraceEventKind.Damaged, 4),
        ]);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(2_000_000);
    }

    [Fact]
    public void Missing_files_and_folders_are_named()
    {
        Should.Throw<InputException>(() => TraceFile.Open("/nowhere/trace")).Message.ShouldBe("/nowhere/trace: there is no such file");
        Should.Throw<InputException>(() => TraceFile.Open(Path.GetTempPath())).Message.ShouldContain("is a directory");
    }

    [Fact]
    public void Lines_are_found_across_the_ends_of_the_buffer()
    {
        string text = string.Concat(Enumerable.Range(0, 20_000).Select(i => Map.Replace("108 ", $"{i} ")));
        var events = Read(text);
        events.Count.ShouldBe(20_000);
        events[^1].ShouldBe(new TraceEvent(TraceEventKind.Map, 20_000, 7_590_418_000, 0xfffe_0000, 0x06c6_6000, 40_960));
    }

    [Fact]
    public void Random_bytes_never_do_worse_than_an_error()
    {
        var random = new Random(1);
        byte[] good = Encoding.ASCII.GetBytes(Map + Unmap + Map);
        for (int round = 0; round < 2000; round++)
        {
            byte[] bytes = [.. good];
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_path, bytes);
            try
            {
                ReadFile().Count.ShouldBeGreaterThan(0);
            }
            catch (InputException e)
            {
                e.Message.ShouldStartWith(_path);
            }
        }
    }

    private static byte[] Gzip(string text, CompressionLevel level = CompressionLevel.Optimal)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, level))
        {
            gzip.Write(Encoding.Latin1.GetBytes(text));
        }

        return result.ToArray();
    }

    private List<TraceEvent> Read(string text, bool isLenient = false)
    {
        File.WriteAllText(_path, text);
        return ReadFile(isLenient);
    }

    private List<TraceEvent> ReadFile(bool isLenient = false)
    {
        using var reader = TraceFile.Open(_path, isLenient);
        var events = new List<TraceEvent>();
        while (reader.Read(out var traceEvent))
        {
            events.Add(traceEvent);
        }

        _problem = reader.Problem;
        return events;
    }
}
