using System.IO.Compression;
using IommuKit.Specs.Vtd;
using IommuKit.Traces.Files;
using IommuKit.Traces.Tests.Support;

namespace IommuKit.Traces.Tests;

/// <summary>trace.dat files made here, so that every record of theirs is known.</summary>
public sealed class DatTraceReaderTests : IDisposable
{
    private const uint Missed = 1u << 31;
    private const uint Stored = 1u << 30;

    private readonly string _path = Path.GetTempFileName();
    private string? _problem;

    public static TheoryData<string, bool> Forms => new()
    {
        { "6", false }, { "6", true }, { "none", false }, { "zlib", false }, { "zstd", false }, { "zstd", true },
    };

    public void Dispose() => File.Delete(_path);

    [Theory]
    [MemberData(nameof(Forms))]
    public void Records_of_all_processors_come_by_time(string form, bool isBig)
    {
        TraceEvent[] expected =
        [
            new(TraceEventKind.Map, 1, 1000, 0x1000, 0x8000, 4096),
            new(TraceEventKind.Map, 2, 1005, 0x2000, 0x9000, 4096),
            new(TraceEventKind.QueueSubmit, 3, 1005) { Unit = 3, Descriptor = new VtdInvalidationDescriptor(0x500f2, 0x7f_f002, 0, 0) },
            new(TraceEventKind.Other, 4),
            new(TraceEventKind.Unmap, 5, 1010 + (3L << 27), 0x1000, 0, 8192),
            new(TraceEventKind.Lost, 6, Size: 77),
            new(TraceEventKind.Map, 7, (5L << 27) + 4, 0x4000, 0xa000, 8192),
            new(TraceEventKind.Lost, 8, Size: 1),
            new(TraceEventKind.Map, 9, 6L << 27, 0x7000, 0xb000, 4096),
        ];
        byte[] file = Make(Sample(isBig), form);
        File.WriteAllBytes(_path, file);
        Read().ShouldBe(expected);

        // What cannot be read at any place is copied first.
        using (var gzip = new GZipStream(File.Create(_path), CompressionLevel.Fastest))
        {
            gzip.Write(file);
        }

        Read().ShouldBe(expected);
    }

    [Theory]
    [InlineData("counter")]
    [InlineData("x86-tsc")]
    [InlineData("uptime")]
    public void Clocks_that_do_not_measure_time_give_no_times(string clock)
    {
        foreach (string form in (string[])["6", "zlib"])
        {
            File.WriteAllBytes(_path, Make(Sample(clock: clock), form));
            Read().ShouldAllBe(e => e.Nanoseconds == -1);
        }
    }

    [Fact]
    public void Other_compressions_are_refused_with_the_command_that_converts()
    {
        File.WriteAllBytes(_path, Make(Sample(), "lzma"));
        Should.Throw<InputException>(() => Read()).Message.ShouldBe(
            $"{_path}: is a trace.dat, but it is compressed with \"lzma\", which is not read; "
                + "'trace-cmd convert --file-version 6 --compression none' makes a file that is");
    }

    [Fact]
    public void Other_versions_are_refused_with_the_command_that_converts()
    {
        byte[] file = Make(Sample(), "6");
        file[10] = (byte)'8';
        File.WriteAllBytes(_path, file);
        Should.Throw<InputException>(() => Read()).Message.ShouldContain("trace-cmd convert");
    }

    [Fact]
    public void Events_that_no_kernel_records_are_refused()
    {
        var writer = Sample();
        writer.Cpus[0].Add(writer.Page(9L << 27, 0, 0, writer.Record(0, writer.MapData(0x1001, 0, 4096))));
        File.WriteAllBytes(_path, writer.Version6());
        Should.Throw<InputException>(() => Read()).Message.ShouldStartWith($"{_path}: event 10 is no map or unmap");
        Read(isLenient: true).Select(e => e.Kind).ShouldBe([.. Kinds, TraceEventKind.Damaged]);
    }

    /// <summary>Pages are read several at a time; those that are whole were lost with the one that is not.</summary>
    [Fact]
    public void A_file_that_is_cut_off_has_its_whole_pages()
    {
        var writer = Sample();
        writer.Cpus[^1].Add(writer.Page(9L << 27, 0, 0, writer.Record(0, writer.MapData(0x1000, 0, 4096))));
        File.WriteAllBytes(_path, writer.Version6()[..^1]);
        Should.Throw<InputException>(() => Read()).Message.ShouldContain("(--lenient reads what can be read)");
        var kinds = Read(isLenient: true).Select(e => e.Kind).ToList();
        kinds.Where(kind => kind != TraceEventKind.Damaged).ShouldBe(Kinds);
        kinds.Count.ShouldBe(Kinds.Length + 1);
    }

    [Fact]
    public void A_damaged_page_costs_a_lenient_reader_that_page()
    {
        var writer = Sample();
        byte[] page = writer.Cpus[0][0];
        writer.U32(writer.Header(0, 0)).CopyTo(page, 16 + 36);
        File.WriteAllBytes(_path, writer.Version6());
        Should.Throw<InputException>(() => Read())
            .Message.ShouldContain("is damaged after event 1, in the data of processor 0: a page has no whole record at its byte 52");
        Read(isLenient: true).Select(e => e.Kind).ShouldContain(TraceEventKind.Damaged);
        _problem.ShouldNotBeNull();
    }

    [Fact]
    public void A_trace_without_mappings_is_refused()
    {
        var writer = new DatWriter();
        writer.Cpus[1].Add(writer.Page(1, 0, 0, writer.Record(0, writer.QueueData(1, 2, "dmar0"))));
        File.WriteAllBytes(_path, writer.Version7("zlib"));
        Should.Throw<InputException>(() => Read()).Message.ShouldContain("no iommu:map or iommu:unmap event among its 1 events");
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_file_that_breaks_off_never_does_worse_than_an_error(string form, bool isBig)
    {
        byte[] file = Make(Sample(isBig), form);
        for (int length = 1; length < file.Length; length += 97)
        {
            File.WriteAllBytes(_path, file[..length]);
            Should.Throw<InputException>(() => Read()).Message.ShouldStartWith(_path);
            ReadHoweverItEnds();
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Wrong_bytes_never_do_worse_than_an_error(string form, bool isBig)
    {
        byte[] good = Make(Sample(isBig), form);

        // Most of a page is empty: what is not zero is what counts.
        int[] places = [.. Enumerable.Range(0, good.Length).Where(place => good[place] != 0)];
        var random = new Random(7);
        long before = GC.GetAllocatedBytesForCurrentThread();
        const int rounds = 400;
        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = [.. good];
            for (int i = random.Next(1, 5); i > 0; i--)
            {
                bytes[places[random.Next(places.Length)]] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_path, bytes);
            ReadHoweverItEnds();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(rounds * 4_000_000L);
    }

    private static TraceEventKind[] Kinds =>
    [
        TraceEventKind.Map, TraceEventKind.Map, TraceEventKind.QueueSubmit, TraceEventKind.Other, TraceEventKind.Unmap, TraceEventKind.Lost,
        TraceEventKind.Map, TraceEventKind.Lost, TraceEventKind.Map,
    ];

    private static byte[] Make(DatWriter writer, string form) => form == "6" ? writer.Version6() : writer.Version7(form);

    /// <summary>Two processors with every kind of entry that a ring buffer has.</summary>
    private static DatWriter Sample(bool isBig = false, string clock = "global")
    {
        var writer = new DatWriter(isBig) { Clock = clock };
        writer.Cpus[0].Add(writer.Page(
            1000,
            0,
            0,
            writer.Record(0, writer.MapData(0x1000, 0x8000, 4096)),

            // The same time on two processors: the lower one comes first.
            writer.Record(5, writer.MapData(0x2000, 0x9000, 4096)),

            // Discarded: its time counts. A time extension. Padding to the end of the page.
            [.. writer.U32(writer.Header(29, 5)), .. writer.U32(8), .. writer.U32(0)],
            [.. writer.U32(writer.Header(30, 0)), .. writer.U32(3)],
            writer.Record(0, writer.UnmapData(0x1000, 4096, 8192)),
            writer.U32(writer.Header(29, 0)),
            writer.Record(0, writer.MapData(0x1001, 1, 1))));
        writer.Cpus[0].Add(writer.Page(6L << 27, Missed, 0, writer.Record(0, writer.MapData(0x7000, 0xb000, 4096))));
        byte[] other = [.. writer.U16(300), 0, 0, .. writer.U32(1)];
        writer.Cpus[1].Add(writer.Page(
            1005,
            0,
            0,
            writer.Record(0, writer.QueueData(0x500f2, 0x7f_f002, "dmar3")),

            // A record whose length follows.
            [.. writer.U32(writer.Header(0, 1)), .. writer.U32((uint)other.Length + 4), .. other]));

        // An absolute time.
        writer.Cpus[1].Add(writer.Page(
            5L << 27,
            Missed | Stored,
            77,
            [.. writer.U32(writer.Header(31, 4)), .. writer.U32(5)],
            writer.Record(0, writer.MapData(0x4000, 0xa000, 8192))));
        return writer;
    }

    private void ReadHoweverItEnds()
    {
        foreach (bool isLenient in (bool[])[false, true])
        {
            try
            {
                Read(isLenient).Count.ShouldBeLessThan(10_000);
            }
            catch (InputException e)
            {
                e.Message.ShouldStartWith(_path);
                e.Message.ShouldNotContain("\n");
            }
        }
    }

    private List<TraceEvent> Read(bool isLenient = false)
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
