using System.IO.Compression;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>What is in a file as a whole: a trace twice, events that do nothing, and more than anybody wants to read.</summary>
public sealed class DoubledTracesTests : IDisposable
{
    private const string Map = "modprobe-108 [001] ..... 7.590418: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x8000 size=8192";
    private const string Unmap = "modprobe-108 [001] ..... 7.590500: unmap: IOMMU: iova=0x1000 - 0x3000 size=8192 unmapped_size=8192";
    private const string Empty = "modprobe-108 [001] ..... 7.590418: unmap: IOMMU: iova=0x40000000 - 0x40000000 size=0 unmapped_size=0";

    private readonly string _path = Path.GetTempFileName();
    private string? _problem;

    public static TheoryData<string[]> Headings => new()
    {
        new[] { "# tracer: nop", "# entries-in-buffer/entries-written: 2/2   #P:2" },
        new[] { "# tracer: nop", "# latency: 0 us, #2/2, CPU#0 | (M:server VP:0, KP:0, SP:0 HP:0 #P:2)" },
        new[] { "# latency: 0 us, #2/2, CPU#0 | (M:server VP:0, KP:0, SP:0 HP:0 #P:2)" },
        new[] { "# tracer: function_graph", "# CPU  DURATION                  FUNCTION CALLS" },
        new[] { "cpus=2" },
        new[] { "version = 6", "cpus=16" },
        new[] { "   cpus=2" },
        Array.Empty<string>(),
    };

    public void Dispose() => File.Delete(_path);

    [Theory]
    [MemberData(nameof(Headings))]
    public void A_trace_twice_in_one_file_is_noticed(string[] heading)
    {
        string[] trace = [.. heading, Map, Unmap];
        Read(trace).Count.ShouldBe(2);
        string message = Should.Throw<InputException>(() => Read([.. trace, .. trace])).Message;
        message.ShouldContain(": a second trace starts here; give each a file of its own (--lenient reads what is there)");
        Read(isLenient: true, [.. trace, .. trace]).Count.ShouldBe(4);
        _problem.ShouldBe("a second trace starts here; give each a file of its own");
    }

    [Fact]
    public void A_latency_heading_promises_what_there_is()
    {
        const string heading = "# latency: 0 us, #3/10, CPU#0 | (M:server VP:0, KP:0, SP:0 HP:0 #P:2)";
        Should.Throw<InputException>(() => Read([heading, Map, Unmap])).Message.ShouldContain("has 2 of the 3 entries");
        using var reader = TraceFile.Open(Write([heading, Map, Unmap, Map.Replace("7.590418", "8", StringComparison.Ordinal)]));
        while (reader.Read(out _))
        {
            // To the end.
        }

        reader.Overwritten.ShouldBe(7);
    }

    /// <summary>Mapping the same again is what drivers do all the time, though not at the time that was.</summary>
    [Theory]
    [InlineData("7.590600")]
    [InlineData("7.590418001")]
    public void The_same_map_at_another_time_is_none(string time) => Read([Map, Unmap, Map.Replace("7.590418", time, StringComparison.Ordinal)])
        .Count.ShouldBe(3);

    /// <summary>Other events may say what a heading says.</summary>
    [Fact]
    public void An_event_is_no_heading()
    {
        const string other = "a-1 [001] ..... 7.590450: tracing_mark_write: cpus=2";
        Read([Map, other, other, Unmap]).Select(e => e.Kind)
            .ShouldBe([TraceEventKind.Map, TraceEventKind.Other, TraceEventKind.Other, TraceEventKind.Unmap]);
    }

    [Fact]
    public void Nor_is_one_by_a_clock_that_has_no_times()
    {
        string[] trace = [Map.Replace("7.590418", "1", StringComparison.Ordinal), Unmap.Replace("7.590500", "2", StringComparison.Ordinal)];
        Read([.. trace, .. trace]).Count.ShouldBe(4);
    }

    [Theory]
    [InlineData(1, "has only one event of iommu:map and iommu:unmap, and it is of size 0")]
    [InlineData(3, "has 3 events of iommu:map and iommu:unmap, and all are of size 0")]
    public void Where_only_events_of_size_0_are_found_that_is_said(int count, string text)
    {
        string message = Should.Throw<InputException>(() => Read([.. Enumerable.Repeat(Empty, count)])).Message;
        message.ShouldStartWith($"{_path}: {text}");
        message.ShouldNotContain("both events on");
    }

    [Fact]
    public void Damage_is_not_that_a_number_is_zero() =>
        Should.Throw<InputException>(() => Read([Map, Map.Replace("0x1000 -", "0x1001 -", StringComparison.Ordinal)])).Message
            .ShouldEndWith("its numbers are missing, misaligned or contradict each other (--lenient leaves such lines out)");

    /// <summary>Reading ends there for good, and what a whole file is refused for, this one is too.</summary>
    [Fact]
    public void Nothing_but_empty_lines_ends_a_lenient_reading()
    {
        string empty = string.Concat(Enumerable.Repeat("#" + new string(' ', 32_766) + "\n\n", 2080));
        File.WriteAllText(_path, $"{empty}{Map}\n");
        Should.Throw<InputException>(() => ReadAll(isLenient: true)).Message.ShouldContain("has no iommu:map or iommu:unmap event");
        File.WriteAllText(_path, $"# entries-in-buffer/entries-written: 9/9\n{Map}\n{empty}{Unmap}\n");
        ReadAll(isLenient: true).Count.ShouldBe(1);
        _problem.ShouldStartWith("there is nothing but empty lines and comments in 64 MiB");
        using var reader = TraceFile.Open(_path, isLenient: true);
        reader.Read(out _).ShouldBeTrue();
        reader.Read(out _).ShouldBeFalse();
        reader.Read(out _).ShouldBeFalse();
        Should.Throw<InputException>(() => ReadAll(isLenient: false)).Message.ShouldContain("nothing but empty lines");
    }

    /// <summary>A lenient reading takes what comes before, and decompresses no more of it than a strict one.</summary>
    [Fact]
    public void Gzip_that_comes_out_far_too_large_ends_a_lenient_reading()
    {
        using (var writer = new StreamWriter(new GZipStream(File.Create(_path), CompressionLevel.Optimal)))
        {
            writer.Write($"{Map}\n{Unmap}\n");
            string line = new string('x', 1023) + "\n";
            for (int i = 0; i < 160 << 10; i++)
            {
                writer.Write(line);
            }
        }

        long read = 0;
        Should.Throw<InputException>(() => ReadAll(isLenient: false, count => read = count)).Message.ShouldContain("more than 200 times as large");
        read.ShouldBeLessThan(new FileInfo(_path).Length / 2);
        read = 0;
        ReadAll(isLenient: true, count => read = count).Count(e => e.Kind is TraceEventKind.Map or TraceEventKind.Unmap).ShouldBe(2);
        read.ShouldBeLessThan(new FileInfo(_path).Length / 2);
        _problem.ShouldStartWith("the gzip data come out more than 200 times as large as they are; reading stopped after line ");
    }

    private string Write(string[] lines)
    {
        File.WriteAllLines(_path, lines);
        return _path;
    }

    private List<TraceEvent> Read(string[] lines) => Read(isLenient: false, lines);

    private List<TraceEvent> Read(bool isLenient, string[] lines)
    {
        Write(lines);
        return ReadAll(isLenient);
    }

    private List<TraceEvent> ReadAll(bool isLenient, Action<long>? onRead = null)
    {
        using var reader = TraceFile.Open(_path, isLenient, onRead);
        var events = new List<TraceEvent>();
        while (reader.Read(out var next))
        {
            events.Add(next);
        }

        _problem = reader.Problem;
        return events;
    }
}
