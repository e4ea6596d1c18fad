using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>A small file in every form that ftrace, trace-cmd and perf print: read to the same events, or refused by its name.</summary>
public sealed class PrintFormsTests : IDisposable
{
    private const string Map = "IOMMU: iova=0x00000000f8000000 - 0x00000000f8006000 paddr=0x00000000fa000000 size=24576";
    private const string Unmap = "IOMMU: iova=0x00000000f8000000 - 0x00000000f8006000 size=24576 unmapped_size=24576";
    private const string OldMap = "IOMMU: iova=0x00000000f8000000 paddr=0x00000000fa000000 size=24576";
    private const string OldUnmap = "IOMMU: iova=0x00000000f8000000 size=24576 unmapped_size=24576";
    private const string MapFields = "iova=0xf8000000 (4160749568) paddr=0xfa000000 (4194304000) size=0x6000 (24576)";
    private const string UnmapFields = "iova=0xf8000000 (4160749568) size=0x6000 (24576) unmapped_size=0x6000 (24576)";

    private const long MapTime = 7_590_418_000;
    private const long UnmapTime = 7_590_500_000;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    /// <summary>Forms, and whether they have times of the clock, relative ones, or none.</summary>
    public static TheoryData<string, string, string> Read => new()
    {
        { "ftrace", "clock", $"""
            # tracer: nop
            #
            # entries-in-buffer/entries-written: 2/2   #P:2
            #
            #                                _-----=> irqs-off/BH-disabled
            #           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
                    modprobe-108     [001] .....     7.590418: map: {Map}
                    modprobe-108     [001] d..1.     7.590500: unmap: {Unmap}
            """ },
        { "ftrace of 4.x", "clock", $"""
            # tracer: nop
            #
            # entries-in-buffer/entries-written: 2/2   #P:2
                    modprobe-108   [001] ....     7.590418: map: {OldMap}
                    modprobe-108   [001] d.h1     7.590500: unmap: {OldUnmap}
            """ },
        { "openEuler, whose kernel has events of the same fields", "clock", $"""
                    modprobe-108     [001] ....     7.590418: map: {OldMap}
                    modprobe-108     [001] ....     7.590419: switch_dirty_log: IOMMU: iova=0x00000000f8000000 size=24576 enable=1
                    modprobe-108     [001] ....     7.590420: sync_dirty_log: IOMMU: iova=0x00000000f8000000 size=24576
                    modprobe-108     [001] ....     7.590500: unmap: {OldUnmap}
            """ },
        { "record-tgid", "clock", $"""
                    modprobe-108     (    108) [001] .....     7.590418: map: {Map}
                      <idle>-0       (-------) [001] dNZff     7.590500: unmap: {Unmap}
            """ },
        { "noirq-info", "clock", $"""
                    modprobe-108     [001]      7.590418: map: {Map}
                    modprobe-108     [001]      7.590500: unmap: {Unmap}
            """ },
        { "nocontext-info", "none", $"map: {Map}\nunmap: {Unmap}" },
        { "fields", "clock", $"""
                    modprobe-108     [001] .....     7.590418: map: {MapFields}
                    modprobe-108     [001] .....     7.590500: unmap: {UnmapFields}
            """ },
        { "latency-format", "relative", $"""
            # tracer: nop
            #
            # nop latency trace v1.1.5 on 6.1.0
            # --------------------------------------------------------------------
            # latency: 0 us, #2/2, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)
            #    -----------------
            modprobe-108       1.....  418us+: map: {Map}
            modprobe-108       1dNh1.  500us : unmap: {Unmap}
            """ },
        { "latency-format with verbose", "clock", $"""
                    modprobe     108   1 0 00000000 00000000 [0073d212] 556.819ms (+0.082ms): map: {Map}
                      <idle>       0   1 16 00000001 00000001 [0073d264] 556.901ms (+8.325ms): unmap: {Unmap}
            """ },
        { "latency-format by a counter", "none", $"modprobe-108       1.....  418: map: {Map}\nmodprobe-108       1.....  500: unmap: {Unmap}" },
        { "latency-format with verbose by a counter", "none", $"""
                    modprobe     108   1 0 00000000 00000000 [0000000000000012] 4 (+2): map: {Map}
                    modprobe     108   1 0 00000000 00000001 [0000000000000014] 6 (+2): unmap: {Unmap}
            """ },
        { "a counter", "none", $"""
                    modprobe-108     [001] .....         7123: map: {Map}
                    modprobe-108     [001] .....         7129: unmap: {Unmap}
            """ },
        { "trace_pipe", "clock", $"""
                    modprobe-108     [001] .....     7.590418: map: {Map}
            CPU:1 [LOST 7 EVENTS]
                    modprobe-108     [001] .....     7.590500: unmap: {Unmap}
            """ },
        { "stacktrace", "clock", $"""
                    modprobe-108     [001] .....     7.590418: map: {Map}
                    modprobe-108     [001] .....     7.590419: <stack trace>
             => trace_event_raw_event_map
             => iommu_map <ffffffff844e6739>
                    modprobe-108     [001] .....     7.590500: unmap: {Unmap}
            """ },
        { "function", "clock", $"""
                    modprobe-108     [001] .....     7.590417: iommu_map <-map_page
                    modprobe-108     [001] .....     7.590418: map: {Map}
                    modprobe-108     [001] .....     7.590500: unmap: {Unmap}
            """ },
        { "function_graph", "none", $"""
            # tracer: function_graph
            #
            # CPU  DURATION                  FUNCTION CALLS
            # |     |   |                     |   |   |   |
             1)               |  iommu_map() {"{"}
             1)   0.123 us    |    _raw_spin_lock();
             1)               |    /* map: {Map} */
             1) + 12.345 us   |  {"}"}
             1)               |  /* unmap: {Unmap} */
            """ },
        { "function_graph with times and processes", "clock", $"""
                7.590418 |   1)  modprob-108  |               |    /* map: {Map} */
                7.590500 |   1)   <idle>-0    |               |    /* unmap: {Unmap} */
            """ },
        { "the kernel's log, tp_printk", "clock", $"[    7.590418] map: {Map}\n[    7.590500] unmap: {Unmap}" },
        { "the kernel's log, ftrace_dump_on_oops", "relative", $"""
            [   12.345678] modprobe-108       1.....  418us : map: {Map}
            [   12.345679] modprobe-108       1.....  500us : unmap: {Unmap}
            """ },
        { "trace-cmd report", "clock", $"""
            cpus=2
                    modprobe-108   [001]     7.590418: map:                  {Map}
                    modprobe-108   [001]     7.590500: unmap:                {Unmap}
            """ },
        { "trace-cmd report -t", "clock", $"""
            version = 7
            cpus=2
                    modprobe-108   [001]     7.590418000: map:                  {Map}
                    modprobe-108   [001]     7.590500000: unmap:                {Unmap}
            """ },
        { "trace-cmd report -l", "clock", $"""
            cpus=2
            modprobe-108     1.....     7.590418: map:                  {Map}
            modprobe-108     1d.h1.     7.590500: unmap:                {Unmap}
            """ },
        { "trace-cmd report -R", "clock", """
            cpus=2
                    modprobe-108   [001]-0x0     7.590418: map:                   iova=0xf8000000 paddr=0xfa000000 size=24576
                    modprobe-108   [001]-0x0     7.590500: unmap:                 iova=0xf8000000 size=24576 unmapped_size=24576
            """ },
        { "trace-cmd report --ts-diff", "clock", $"""
            cpus=2
                    modprobe-108   [001]     7.590418:          map:                  {Map}
                    modprobe-108   [001]     7.590500: (+82)    unmap:                {Unmap}
            """ },
        { "trace-cmd report --ts-diff of merged files", "clock", $"""
            cpus=2
                    modprobe-108   [001]     7.590418: (+-3)    map:                  {Map}
                    modprobe-108   [001]     7.590500: (+82000000000) unmap:                {Unmap}
            """ },
        { "trace-cmd report --debug", "clock", $"""
            cpus=2
            CPU:1 [SUBBUFFER START] [7590418000:0x1000]
                    modprobe-108   [001]     7.590418: map:                  {Map} [0:0x10:32]
             TIME EXTEND: delta:123 length:8
                    modprobe-108   [001]     7.590500: unmap:                {Unmap} [82000:0x38:32]
            """ },
        { "trace-cmd report of a file with instances", "clock", $"""
                  cpus=2
             buf:         modprobe-108   [001]     7.590418: map:                  {Map}
                          modprobe-108   [001]     7.590500: unmap:                {Unmap}
            """ },
        { "trace-cmd report by a counter", "none", $"""
            cpus=2
                    modprobe-108   [001]         7123: map:                  {Map}
                    modprobe-108   [001]         7129: unmap:                {Unmap}
            """ },
        { "what trace-cmd cannot parse", "clock", """
            cpus=2
                    modprobe-108   [001]     7.590418: map:                  [FAILED TO PARSE] iova=0xf8000000 paddr=0xfa000000 size=0x6000
                    modprobe-108   [001]     7.590500: unmap:                [FAILED TO PARSE] iova=0xf8000000 size=0x6000 unmapped_size=0x6000
            """ },
        { "perf script", "clock", $"""
                    modprobe   108 [001]     7.590418:   iommu:map: {Map}
                    modprobe   108 [001]     7.590500: iommu:unmap: {Unmap}
            """ },
        { "perf script --ns", "clock", $"""
                    modprobe   108 [001]     7.590418000:   iommu:map: {Map}
                    modprobe   108 [001]     7.590500000: iommu:unmap: {Unmap}
            """ },
        { "perf script -F +pid,+period", "clock", $"""
                    modprobe   108/108   [001]     7.590418:          1   iommu:map: {Map}
                    modprobe   108/108   [001]     7.590500:          1 iommu:unmap: {Unmap}
            """ },
        { "perf script -F -time", "none", $"""
                    modprobe   108 [001]   iommu:map: {Map}
                    modprobe   108 [001] iommu:unmap: {Unmap}
            """ },
        { "perf script -F event,trace", "none", $"  iommu:map: {Map}\niommu:unmap: {Unmap}" },
        { "perf script -F +ip,+sym,+symoff,+dso", "clock", $"""
                    modprobe   108 [001]     7.590418:   iommu:map: {Map} ffffffff844e6739 iommu_map+0x59 ([kernel.kallsyms])
                    modprobe   108 [001]     7.590500: iommu:unmap: {Unmap}                0 [unknown] ([unknown])
            """ },
        { "perf script -F +ip", "clock", $"""
                    modprobe   108 [001]     7.590418:   iommu:map: {Map} ffffffff844e6739
                    modprobe   108 [001]     7.590500: iommu:unmap: {Unmap}                0
            """ },
        { "perf script of 32 bits", "clock", $"""
                    modprobe   108 [001]     7.590418:   iommu:map: {Map}         c04e6739 iommu_map+0x59
                    modprobe   108 [001]     7.590500: iommu:unmap: {Unmap}             1000 vector_swi
            """ },
        { "perf script -F +cgroup", "clock", $"""
                    modprobe   108 [001]     7.590418:   iommu:map: {Map} /user.slice
                    modprobe   108 [001]     7.590500: iommu:unmap: {Unmap} /
            """ },
        { "perf script with chains of callers", "clock", $"""
            modprobe   108 [001]     7.590418: iommu:map: {Map}
            {"\t"}ffffffff844e6739 iommu_map+0x59 ([kernel.kallsyms])
            {"\t"}               0 [unknown] ([unknown])

            modprobe   108 [001]     7.590500: iommu:unmap: {Unmap}
            {"\t"}ffffffff844e6739 iommu_unmap+0x59 ([kernel.kallsyms])

            """ },
    };

    public static TheoryData<string, string, string> Refused => new()
    {
        { "raw", "echo noraw > trace_options", "108 1 7590418000 type: 1149\n108 1 7590500000 type: 1148" },
        { "hex", "echo nohex > trace_options", "0000006c 00000001 00000001c46e0000 type: 1149\n0000006c 00000001 00000001c46f0000 type: 1148" },
        { "bin", "echo nobin > trace_options", "\u0001\u0002l\0\0\0\u0001\0\0\0abcdefghtype: 1149\n" },
        { "perf trace", "perf trace", "     0.000 modprobe/108 iommu:map(iova: 4160749568, paddr: 4194304000, size: 24576)" },
        { "perf trace, by the kernel's text", "perf trace", $"     0.000 modprobe/108 iommu:unmap({Unmap})" },
        { "perf trace, the older form", "perf trace", $"     0.000 iommu:map:{Map})\n     0.082 iommu:unmap:{Unmap})" },
        { "perf trace, the older form with processes", "perf trace", $"     0.000 (         ): modprobe/108 iommu:unmap:{OldUnmap})" },
        { "a map of 3.x", "before Linux 4.0", "modprobe-108 [001] .... 7.590418: map: IOMMU: iova=0xf8006000 paddr=0xfa000000 size=0x0" },
        { "an unmap of 3.x", "kernels before Linux 4.0", "modprobe-108 [001] .... 7.590418: unmap: IOMMU: iova=0x00000000f8006000 size=0x6000" },
        { "Qualcomm's", "not Linux's own", """
                    modprobe-108   [001] ....     7.590418: map: IOMMU:apps iova=0x00000000f8000000 paddr=0x00000000fa000000 size=0x6000 prot=0x3
                    modprobe-108   [001] ....     7.590500: unmap: IOMMU:apps iova=0x00000000f8000000 size=0x6000 unmapped_size=0x6000
            """ },
        { "Android's", "not Linux's own", """
                    modprobe-108   [001] ....     7.590418: map: IOMMU: dev=15000000.smmu iova=0x00000000f8000000 paddr=0x00000000fa000000 size=24576
            """ },
        { "perf script -F trace", "-F +event", Map },
        { "perf script -F comm,tid,cpu,time,trace", "-F +event", $"        modprobe   108 [001]     7.590418: {Map}" },
        { "perf script -F comm,tid,trace", "-F +event", $"        modprobe   108 {Map}" },
        { "VT-d's own events, as trace-cmd pads them", "map_single, map_sg", """
            cpus=2
                    modprobe-108   [001]     7.590418: map_sg:               dev=0000:00:03.0 [1/3] dev_addr=0xfffe0000 phys_addr=0x6c66000 size=4096
            """ },
        { "VT-d's own events, by their fields", "map_single, map_sg", """
                    modprobe-108   [001] ....    7.590418: bounce_unmap_single: dev_name=0000:00:03.0 dev_addr=0xfffe0000 size=0x1000 (4096)
            """ },
        { "trace-cmd report of two files", "a second trace starts here", $"""
              host.dat: cpus=2
             guest.dat: cpus=2
              host.dat:         modprobe-108   [001]     7.590418: map:                  {Map}
            """ },
    };

    [Theory]
    [MemberData(nameof(Read))]
    public void Is_read(string form, string times, string text)
    {
        File.WriteAllText(_path, text + "\n");
        var events = ReadAll(isLenient: false).FindAll(e => e.Kind is TraceEventKind.Map or TraceEventKind.Unmap);
        var (first, second) = times switch
        {
            "clock" => (MapTime, UnmapTime),
            "relative" => (418_000, 500_000),
            _ => (-1L, -1L),
        };
        events.Select(e => e with { Line = 0 }).ShouldBe(
            [
                new TraceEvent(TraceEventKind.Map, 0, first, 0xf800_0000, 0xfa00_0000, 24_576),
                new TraceEvent(TraceEventKind.Unmap, 0, second, 0xf800_0000, 0, 24_576),
            ],
            form);
    }

    /// <summary>Leniently too: then nothing of it is read.</summary>
    [Theory]
    [MemberData(nameof(Refused))]
    public void Is_refused_by_its_name(string form, string name, string text)
    {
        File.WriteAllText(_path, text + "\n");
        Should.Throw<InputException>(() => ReadAll(isLenient: false)).Message.ShouldContain(name, Case.Sensitive, form);
        if (!text.Contains("cpus=2\n guest", StringComparison.Ordinal))
        {
            string message = Should.Throw<InputException>(() => ReadAll(isLenient: true)).Message;
            message.ShouldContain(name, Case.Sensitive, form);
            message.ShouldNotContain("both events on");
        }
    }

    private List<TraceEvent> ReadAll(bool isLenient)
    {
        using var reader = TraceFile.Open(_path, isLenient);
        var events = new List<TraceEvent>();
        while (reader.Read(out var next))
        {
            events.Add(next);
        }

        return events;
    }
}
