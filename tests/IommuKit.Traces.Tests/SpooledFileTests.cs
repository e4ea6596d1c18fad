using System.IO.Compression;
using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>A trace.dat that has to be copied is judged by its header first, and no more of it is copied than its header promises.</summary>
public sealed class SpooledFileTests : IDisposable
{
    private const int Rest = 8 << 20;
    private const long ReadAtOnce = 1 << 20;

    private readonly string _path = Path.GetTempFileName();
    private long _read;

    public void Dispose() => File.Delete(_path);

    public static TheoryData<string, byte[], string> Damaged => new()
    {
        { "a version", [.. "\x17\x08\x44tracing9\0"u8, 0, 8, 0, 0x10, 0, 0], "version 9" },
        { "a mark", [.. Start("6"), .. "header_pagX\0"u8], "lacks the mark \"header_page\"" },
        { "a long text", [.. Start("6"), .. new byte[16]], "lacks the mark" },
        { "symbols", [.. Version6To("symbols"), 0xff, 0xff, 0xff, 0xff], "its header has more than 64 MiB" },
        {
            "a mark after the formats",
            [.. Version6To("symbols"), .. new byte[4 + 4 + 8], 1, 0, 0, 0, .. "optionz  \0"u8],
            "lacks the mark \"flyrecord\""
        },
        { "a compression", [.. Start("7"), .. "lzma\0"u8, .. "1\0"u8, .. new byte[8]], "\"lzma\"" },
        { "options far away", [.. Start("7"), .. "none\01\0"u8, 0, 0, 0, 0, 0, 1, 0, 0], "give it as a plain file" },
        { "options beyond all", [.. Start("7"), .. "none\01\0"u8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "give it as a plain file" },
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public void What_is_damaged_at_its_start_is_refused_at_once(string what, byte[] start, string problem)
    {
        what.ShouldNotBeEmpty();
        WriteGzip(start, Rest);
        Should.Throw<InputException>(() => Read()).Message.ShouldContain(problem);
        _read.ShouldBeLessThan(ReadAtOnce);
        Should.Throw<InputException>(() => Read(isLenient: true)).Message.ShouldContain(problem);
        _read.ShouldBeLessThan(ReadAtOnce);
    }

    /// <summary>A lenient reading makes do with what there is, as of a plain file.</summary>
    [Theory]
    [InlineData(1ul << 40)]
    [InlineData((ulong)long.MaxValue)]
    public void A_header_that_promises_too_much_is_refused_at_once(ulong bytes)
    {
        WriteGzip(Promising(bytes), 64 * DatWriter.PageBytes);
        Should.Throw<InputException>(() => Read()).Message.ShouldContain($"its header promises {bytes} bytes, more than 64 GiB");
        _read.ShouldBeLessThan(ReadAtOnce);
        Should.Throw<InputException>(() => Read(isLenient: true)).Message.ShouldContain("is damaged after event 0");
    }

    /// <summary>The two forms whose options do not tell where their instances end, and the one that does.</summary>
    [Theory]
    [InlineData("6")]
    [InlineData("zstd")]
    public void What_follows_the_last_event_does_no_harm(string form)
    {
        var writer = new DatWriter();
        writer.Cpus[1].Add(writer.Page(1000, 0, 0, writer.Record(0, writer.MapData(0x1000, 0x8000, 4096))));
        WriteGzip(form == "6" ? writer.Version6() : writer.Version7(form), 1 << 20);
        Read().ShouldBe([new TraceEvent(TraceEventKind.Map, 1, 1000, 0x1000, 0x8000, 4096)]);
    }

    /// <summary>Pages of zeros under a whole header come out larger than any trace: no disk is to be filled with them.</summary>
    [Fact]
    public void A_trace_dat_may_come_out_fifty_times_as_large_as_its_file()
    {
        var random = new Random(7);
        var writer = new DatWriter();
        for (int pages = (144 << 20) / DatWriter.PageBytes; pages != 0; pages--)
        {
            byte[] page = new byte[DatWriter.PageBytes];
            random.NextBytes(page.AsSpan(0, 24));
            writer.Cpus[0].Add(page);
        }

        using (var gzip = new GZipStream(File.Create(_path), CompressionLevel.Optimal))
        {
            gzip.Write(writer.Version6());
        }

        Should.Throw<InputException>(() => Read()).Message.ShouldContain("more than 50 times as large as it is");
        _read.ShouldBeLessThan(new FileInfo(_path).Length / 2);
    }

    private static byte[] Start(string version) =>
        [0x17, 0x08, 0x44, .. "tracing"u8, (byte)version[0], 0, 0, 8, 0, 0x10, 0, 0];

    /// <summary>The header of version 6 to some place behind the formats.</summary>
    private static byte[] Version6To(string what)
    {
        byte[] file = new DatWriter { Cpus = [[]] }.Version6();
        int options = file.AsSpan().IndexOf("options  \0"u8);
        return what == "symbols" ? file[..(options - 4 - 8 - 4 - 4)] : file;
    }

    /// <summary>A header that says that its one processor has so many bytes.</summary>
    private static byte[] Promising(ulong bytes)
    {
        byte[] file = new DatWriter { Cpus = [[]] }.Version6();
        int place = file.AsSpan().IndexOf("flyrecord\0"u8) + "flyrecord\0"u8.Length;
        BitConverter.GetBytes(0ul).CopyTo(file, place);
        BitConverter.GetBytes(bytes).CopyTo(file, place + 8);
        return file[..(place + 16)];
    }

    /// <summary>Writes a file whose rest hardly shrinks, so that its size says nothing against it.</summary>
    private void WriteGzip(byte[] start, int rest)
    {
        byte[] noise = new byte[rest];
        new Random(7).NextBytes(noise);
        using var gzip = new GZipStream(File.Create(_path), CompressionLevel.Fastest);
        gzip.Write(start);
        gzip.Write(noise);
    }

    private List<TraceEvent> Read(bool isLenient = false)
    {
        _read = 0;
        using var reader = TraceFile.Open(_path, isLenient, bytes => _read = Math.Max(_read, bytes));
        var events = new List<TraceEvent>();
        while (reader.Read(out var traceEvent))
        {
            events.Add(traceEvent);
        }

        return events;
    }
}
