using System.IO.Compression;
using IommuKit.Specs.Vtd;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>Every form in which kernels and their tools print these events gives the same events, or is refused by its name.</summary>
public sealed class TextFormsTests : IDisposable
{
    private const long Time = 7_590_418_000;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("map: IOMMU: iova=0x00000000f8000000 - 0x00000000f8006000 paddr=0x00000000fa000000 size=24576")]
    [InlineData("map: IOMMU: iova=0x00000000f8000000 paddr=0x00000000fa000000 size=24576")]
    [InlineData("map: IOMMU: iova=0xf8000000 paddr=0xfa000000 size=24576 ffffffff844e6739 iommu_map+0x59 ([kernel.kallsyms])")]
    [InlineData("map: IOMMU: iova=0xf8000000 paddr=0xfa000000 size=24576\tffffffff844e6739 iommu_map+0x59")]
    [InlineData("map: iova=0xf8000000 (4160749568) paddr=0xfa000000 (4194304000) size=0x6000 (24576)")]
    [InlineData("map:                  iova=4160749568 paddr=4194304000 size=24576")]
    [InlineData("map: [FAILED TO PARSE] iova=0xf8000000 paddr=0xfa000000 size=0x6000")]
    public void A_map(string printed) =>
        Read(Ftrace(printed)).ShouldBe([new TraceEvent(TraceEventKind.Map, 1, Time, 0xf800_0000, 0xfa00_0000, 24_576)]);

    [Theory]
    [InlineData("unmap: IOMMU: iova=0x00000000f8000000 - 0x00000000f8006000 size=24576 unmapped_size=4096")]
    [InlineData("unmap: IOMMU: iova=0x00000000f8000000 size=24576 unmapped_size=4096")]
    [InlineData("unmap: IOMMU: iova=0xf8000000 size=24576 unmapped_size=4096 ffffffff844e6739 iommu_unmap+0x59")]
    [InlineData("unmap: iova=0xf8000000 (4160749568) size=0x6000 (24576) unmapped_size=0x1000 (4096)")]
    [InlineData("unmap:                iova=4160749568 size=24576 unmapped_size=4096")]
    [InlineData("unmap: [FAILED TO PARSE] iova=0xf8000000 size=0x6000 unmapped_size=4096")]
    public void An_unmap(string printed) =>
        Read(Map, Ftrace(printed))[1].ShouldBe(new TraceEvent(TraceEventKind.Unmap, 2, Time, 0xf800_0000, 0, 4096));

    [Theory]
    [InlineData("     CPU 0/KVM-3046    [001] d..1.     7.590418: ")]
    [InlineData("     CPU 0/KVM-3046    (  3044) [001] d..1.     7.590418: ")]
    [InlineData("CPU 0/KVM  3046 [001]     7.590418: iommu:")]
    [InlineData("CPU 0/KVM  3046 [001]     7.590418:          1   iommu:")]
    [InlineData("CPU 0/KVM  3046/3047  [001]     7.590418:     250000 iommu:")]
    [InlineData("     a: b (c) [2]-77   [000] .....     7.590418: ")]
    [InlineData("     kworker/u8:3-77   [000] .....     7.590418: ")]
    [InlineData("     7.590418 |   1)               |  /* ")]
    public void What_stands_before_the_name(string before)
    {
        string after = before.EndsWith("/* ") ? " */" : string.Empty;
        Read(before + "map: IOMMU: iova=0x1000 - 0x3000 paddr=0x8000 size=8192" + after)
            .ShouldBe([new TraceEvent(TraceEventKind.Map, 1, Time, 0x1000, 0x8000, 8192)]);
        var events = Read(
            before + "map: IOMMU: iova=0x1000 paddr=0x8000 size=8192" + after,
            before + "qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff000 0x0 0x0" + after,
            before + "cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7ff000-0x7fffff] addr 0x7ff000 pages 0x1 mask 0x0" + after,
            before + "cache_tag_flush_all: dmar0/0000:00:03.0 type iotlb did 5 pasid 0 ref 1" + after,
            before + "attach_device_to_domain: IOMMU: device=0000:00:03.0" + after);
        events.Select(e => e.Nanoseconds).ShouldAllBe(time => time == Time);
        events.Select(e => e.Kind).ShouldBe(
        [
            TraceEventKind.Map, TraceEventKind.QueueSubmit, TraceEventKind.CacheTagFlush, TraceEventKind.CacheTagFlush, TraceEventKind.Attach,
        ]);
        events[1].Descriptor.ShouldBe(new VtdInvalidationDescriptor(0x500f2, 0x7ff000, 0, 0));
        events[2].Iova.ShouldBe(0x7f_f000ul);
        events[2].Size.ShouldBe(4096ul);
        events[4].Device.ShouldBe(3u << 3);
    }

    [Fact]
    public void A_comment_of_the_function_graph_has_no_time_of_its_own() =>
        Read(" 3)               |    /* map: IOMMU: iova=0x1000 - 0x3000 paddr=0x8000 size=8192 */")
            .ShouldBe([new TraceEvent(TraceEventKind.Map, 1, -1, 0x1000, 0x8000, 8192)]);

    [Fact]
    public void Perf_adds_where_an_invalidation_was() =>
        Read(Map, Ftrace("qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff000 0x0 0x0 ffffffff844e6739 qi_submit_sync+0x59"))[1].Descriptor
            .ShouldBe(new VtdInvalidationDescriptor(0x500f2, 0x7ff000, 0, 0));

    [Theory]
    [InlineData("unmap: IOMMU: iova=0x0000000040000000 - 0x0000000040000000 size=0 unmapped_size=0")]
    [InlineData("unmap: IOMMU: iova=0x0000000040000000 size=0 unmapped_size=0")]
    [InlineData("map: IOMMU: iova=0x40000000 - 0x40000000 paddr=0x1000 size=0")]
    [InlineData("unmap: iova=0x40000000 (1073741824) size=0x0 (0) unmapped_size=0x0 (0)")]
    public void Nothing_mapped_or_unmapped_is_an_event_that_does_nothing(string printed)
    {
        Read(Map, Ftrace(printed))[1].Kind.ShouldBe(TraceEventKind.Other);
        Auditor.Run(_path).Lines.ShouldBe(2);
    }

    [Theory]
    [InlineData("unmap: IOMMU: iova=0x40000000 size=0 unmapped_size=4096")]
    [InlineData("map: IOMMU: iova=0x1000 paddr=0x1000 size=4096 4096")]
    [InlineData("map: IOMMU: iova=0x1000 paddr=0x1000 size=4096ffffffff844e6739")]
    [InlineData("map: IOMMU: iova=0x1000 paddr=0x1000")]
    [InlineData("map: iova=0x1000 (4096) paddr=0x1000 (4096)")]
    [InlineData("map: iova=0x1001 (4097) paddr=0x1000 (4096) size=0x1000 (4096)")]
    public void What_no_kernel_prints_is_refused(string printed) =>
        Should.Throw<InputException>(() => Read(Map, Ftrace(printed))).Message.ShouldContain($"{_path}:2: ");

    [Theory]
    [InlineData("     0.000 qemu/3046 iommu:map(iova: 4160749568, paddr: 4194304000, size: 24576)", "perf trace")]
    [InlineData("     0.000 ( ): qemu/3046 iommu:map(IOMMU: iova=0xf8000000 - 0xf8006000 paddr=0xfa000000 size=24576)", "perf trace")]
    [InlineData("  a-1 [000] ..... 7.590418: map_sg: dev=0000:00:03.0 [1/3] dev_addr=0xfffe0000 phys_addr=0x6c66000 size=4096", "map_single, map_sg")]
    [InlineData("  a-1 [000] ..... 7.590418: map_single: dev=0000:00:03.0 dev_addr=0xfffe0000 phys_addr=0x6c66000 size=4096", "map_single, map_sg")]
    [InlineData("  a-1 [000] ..... 7.590418: qi_submit: qw0=0x500f2 (327922) qw1=0x0 (0) qw2=0x0 (0) qw3=0x0 (0) iommu=dmar0", "option fields")]
    [InlineData("25 0 7546431143 type: 1149", "options raw, hex and bin")]
    public void Other_forms_are_refused_by_their_name(string line, string name)
    {
        string message = Should.Throw<InputException>(() => Read(line)).Message;
        message.ShouldContain(name);
        message.ShouldNotContain("both events on");
    }

    [Fact]
    public void Two_traces_in_one_file_are_noticed()
    {
        string heading = "# entries-in-buffer/entries-written: 1/1   #P:2";
        Should.Throw<InputException>(() => Read(heading, Map, heading, Map)).Message.ShouldContain($"{_path}:3: a second trace starts here");
        Should.Throw<InputException>(() => Read(heading, Map, Map)).Message
            .ShouldContain("2 events of an IOMMU under a heading that promises 1 entries");
        Read(heading, Map).Count.ShouldBe(1);
    }

    [Fact]
    public void Text_without_an_event_in_it_is_not_read_for_ever()
    {
        using (var gzip = new GZipStream(File.Create(_path), CompressionLevel.Fastest))
        {
            byte[] lines = new byte[1 << 20];
            lines.AsSpan().Fill((byte)'\n');
            for (int i = 0; i < 1024; i++)
            {
                gzip.Write(lines);
            }
        }

        long read = 0;
        Should.Throw<InputException>(() => ReadAll(onRead: bytes => read = bytes)).Message.ShouldMatch("empty lines and comments|200 times");
        read.ShouldBeLessThan(new FileInfo(_path).Length / 4);
    }

    [Fact]
    public void Many_lines_of_a_tracer_of_functions_may_stand_between_two_events()
    {
        using (var text = new StreamWriter(_path))
        {
            text.WriteLine(Map);
            for (int i = 0; i < 1_100_000; i++)
            {
                text.WriteLine(" 1)   0.123 us    |            _raw_spin_unlock_irqrestore();");
            }

            text.WriteLine(Ftrace("unmap: IOMMU: iova=0xf8000000 - 0xf8006000 size=24576 unmapped_size=24576"));
        }

        new FileInfo(_path).Length.ShouldBeGreaterThan(64 << 20);
        using var reader = TraceFile.Open(_path);
        long mappings = 0;
        while (reader.Read(out var next))
        {
            mappings += next.Kind is TraceEventKind.Map or TraceEventKind.Unmap ? 1 : 0;
        }

        mappings.ShouldBe(2);
    }

    [Fact]
    public void Gzip_that_comes_out_far_too_large_is_no_trace_dat()
    {
        using (var gzip = new GZipStream(File.Create(_path), CompressionLevel.Optimal))
        {
            gzip.Write("\x17\x08\x44tracing6\0"u8);
            byte[] zeros = new byte[1 << 20];
            for (int i = 0; i < 512; i++)
            {
                gzip.Write(zeros);
            }
        }

        long read = 0;
        Should.Throw<InputException>(() => ReadAll(onRead: bytes => read = bytes)).Message.ShouldContain("lacks the mark \"header_page\"");
        read.ShouldBeLessThan(new FileInfo(_path).Length / 2);
    }

    private static string Map => Ftrace("map: IOMMU: iova=0xf8000000 - 0xf8006000 paddr=0xfa000000 size=24576");

    private static string Ftrace(string printed) => $"        modprobe-108     [001] .....     7.590418: {printed}";

    private List<TraceEvent> Read(params string[] lines)
    {
        File.WriteAllLines(_path, lines);
        return ReadAll(onRead: null);
    }

    private List<TraceEvent> ReadAll(Action<long>? onRead)
    {
        using var reader = TraceFile.Open(_path, isLenient: false, onRead);
        var events = new List<TraceEvent>();
        while (reader.Read(out var next))
        {
            events.Add(next);
        }

        return events;
    }
}
