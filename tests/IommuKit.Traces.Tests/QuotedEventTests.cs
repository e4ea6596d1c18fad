using IommuKit.Traces.Files;


namespace IommuKit.Traces.Tests;

/// <summary>Text that looks like an event and is part of another one, or of a task's name.</summary>
public sealed class QuotedEventTests : IDisposable
{
    private const string Map = "map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096";
    private const string Unmap = "unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096";
    private const string Fields = "map: iova=0x1000 (4096) paddr=0x5000 (20480) size=0x1000 (4096)";
    private const string Flush = "qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff000 0x0 0x0";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("vt-151     [000] d.h1.     6.851953: console: ", TraceEventKind.Console)]
    [InlineData("vt-151     [000] d.h1.     6.851953: console: [    6.85] fio-129 1d..1 6851953us : ", TraceEventKind.Console)]
    [InlineData("sh-151     [000] .....     6.851953: tracing_mark_write: ", TraceEventKind.Other)]
    [InlineData("sh-151     [000] .....     6.851953: tracing_mark_write: 7.590418: ", TraceEventKind.Other)]
    [InlineData("sh-151     [000] ..... 17546403216: bprint: note: ", TraceEventKind.Other)]
    [InlineData("sh-151     0d..1 572484us!: tracing_mark_write: ", TraceEventKind.Other)]
    [InlineData("bash 108 1 ..... 00000000 00000000 [0073263f] 556.819ms (+0.803ms): print: text_write: ", TraceEventKind.Other)]
    [InlineData("fio   129 [001]     6.851953:          1   ftrace:print: ", TraceEventKind.Other)]
    [InlineData("6.851953: printk:console: ", TraceEventKind.Console)]
    [InlineData("sh-151     [000] .....     6.851953: sched_switch: prev_comm=", TraceEventKind.Other)]
    public void Text_of_another_event_is_none(string before, TraceEventKind kind)
    {
        foreach (string quoted in (string[])[Map, Unmap, Fields, Flush])
        {
            Read($"fio-129     [001] .....     1.000000: {Map}\n{before}{quoted}\n").ShouldBe([TraceEventKind.Map, kind], quoted);
        }
    }

    [Theory]
    [InlineData("9.5: map: -129     [001] .....     9.581651: ")]
    [InlineData("     9.5: map: x-129     [001] .....     9.581651: ")]
    [InlineData("1.0: console: -129     [001] .....     9.581651: ")]
    [InlineData("[001] ..... 1.0: x-12     [001] .....     9.581651: ")]
    [InlineData("IOMMU: iova=-12     [001] .....     9.581651: ")]
    [InlineData("9.5: map: 129 [001]     9.581651:          1   iommu:")]
    [InlineData("host.dat:       fio-129     [001] .....     9.581651: (+12) ")]
    public void What_a_task_calls_itself_hides_no_event(string before)
    {
        Read($"{before}{Map}\n{before}{Unmap}\n").ShouldBe([TraceEventKind.Map, TraceEventKind.Unmap]);
        Read($"{before}{Map}\n{before.Replace("iommu:", "", StringComparison.Ordinal)}{Flush}\n")
            .ShouldBe([TraceEventKind.Map, TraceEventKind.QueueSubmit]);
    }

    [Theory]
    [InlineData("fio-129     [001] .....     9.581651: mxp: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096")]
    [InlineData("fio-129     [001] .....     9.581651: map: IOMMU: iova=0x1000 - 0x2000 pad")]
    [InlineData("fio-129     [001] .....     9.581651: map: IOMMU: ivoa=0x1000 - 0x2000 paddr=0x1000 size=4096")]
    [InlineData("fio-129     [001] .....     9.581651: unmap: IOMMU: ")]
    [InlineData($"fio-129     [001] .....     9.581651: {Flush}     fio-129     [001] .....     9.581751: {Map}")]
    public void A_damaged_event_is_still_found(string line)
    {
        File.WriteAllText(_path, $"fio-129     [001] .....     1.000000: {Map}\n{line}\n");

        Should.Throw<InputException>(() => ReadFile());
    }

    private List<TraceEventKind> Read(string text)
    {
        File.WriteAllText(_path, text);
        return ReadFile();
    }

    private List<TraceEventKind> ReadFile()
    {
        var kinds = new List<TraceEventKind>();
        using var reader = TraceFile.Open(_path);
        while (reader.Read(out var traceEvent))
        {
            kinds.Add(traceEvent.Kind);
        }

        return kinds;
    }
}
