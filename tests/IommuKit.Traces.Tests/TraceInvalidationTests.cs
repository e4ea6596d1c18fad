using IommuKit.Specs.Vtd;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests;

/// <summary>Events that tell what was invalidated, in the forms in which ftrace, trace-cmd and perf print them.</summary>
public sealed class TraceInvalidationTests : IDisposable
{
    private const string Map = "1.0: map: IOMMU: iova=0x0 - 0x1000 paddr=0x2000 size=4096\n";

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("         vfiolab-129     [001] d..1.     9.581651: qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x0", 9_581_651_000, 0)]
    [InlineData("         vfiolab-129   [001]     9.581651: qi_submit:            iotlb_inv dmar12: 0x500f2 0x7ff002 0x0 0x0", 9_581_651_000, 12)]
    [InlineData("           iolab   128/128   [000]    24.330589123:   intel_iommu:qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x0\r", 24_330_589_123, 0)]
    [InlineData("              ip-107     (    107) [001] .....            4: qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x0", -1, 0)]
    [InlineData("kworker/-25        0d... 556819us!: qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x0", 556_819_000, 0)]
    [InlineData("qi_submit: 0x2 dmar0: 0x500f2 0x7ff002 0x0 0x0", -1, 0)]
    [InlineData(" a qi_submit: 1-7 [000] 1.5: qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x0", 1_500_000_000, 0)]
    public void Queued_descriptors(string line, long time, int unit)
    {
        var events = Read(Map + line + "\n");
        events[1].ShouldBe(new TraceEvent(TraceEventKind.QueueSubmit, 2, time)
        {
            Unit = (ushort)unit,
            Descriptor = new VtdInvalidationDescriptor(0x500f2, 0x7f_f002, 0, 0),
        });
    }

    [Fact]
    public void All_four_quadwords_are_read() =>
        Read(Map + "1.0: qi_submit: page_grp_resp dmar0: 0x9 0xffffffffffffffff 0x123456789abcdef0 0x8000000000000000\n")[1].Descriptor
            .ShouldBe(new VtdInvalidationDescriptor(9, ulong.MaxValue, 0x1234_5678_9abc_def0, 0x8000_0000_0000_0000));

    [Theory]
    [InlineData("iotlb_inv dmar0: 0x500f2 0x7ff002 0x0")]
    [InlineData("iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x0 0x0")]
    [InlineData("iotlb_inv dmar0: 0x500f2 0x7ff002 0x0 0x")]
    [InlineData("iotlb_inv dmar0: 500f2 0x7ff002 0x0 0x0")]
    [InlineData("iotlb_inv dmar0: 0x500f2 0x10000000000000000 0x0 0x0")]
    [InlineData("iotlb_inv dmar: 0x500f2 0x7ff002 0x0 0x0")]
    [InlineData("iotlb_inv dmar99999: 0x500f2 0x7ff002 0x0 0x0")]
    [InlineData("iotlb_inv")]
    public void Descriptors_that_no_kernel_prints_are_refused_with_their_line(string fields)
    {
        string text = Map + "1.0: qi_submit: " + fields + "\n";
        Should.Throw<InputException>(() => Read(text))
            .Message.ShouldStartWith($"{_path}:2: is not an invalidation event that a kernel can have printed");
        Read(text, isLenient: true).Select(e => e.Kind).ShouldBe([TraceEventKind.Map, TraceEventKind.Damaged]);
    }

    [Theory]
    [InlineData("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7fd000-0x7fffff] addr 0x7fc000 pages 0x3 mask 0x2", CacheTagFlush.None, 0x7fc000, 0x4000)]
    [InlineData("cache_tag_flush_range_np: dmar0 0000:00:03.0[0] type nesting_iotlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0", CacheTagFlush.AfterMap, 0x1000, 0x1000)]
    [InlineData("cache_tag_flush_range: dmar0 0000:00:03.0[7] type devtlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0", CacheTagFlush.DeviceTlb, 0x1000, 0x1000)]
    [InlineData("cache_tag_flush_range: dmar0 a b[0] type iotlb did 5 [0x0-0xffffffffffffffff] addr 0x0 pages 0xffffffffffffffff mask 0x34", CacheTagFlush.None, 0, 0)]
    [InlineData("cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 5 [0x0-0xffffffffffffffff] addr 0x0 mask 0x34", CacheTagFlush.None, 0, 0)]
    [InlineData("cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 5 [0x1000-0x1fff] addr 0x1000 mask 0x0", CacheTagFlush.None, 0x1000, 0x1000)]
    [InlineData("cache_tag_flush_all: dmar0/0000:00:03.0 type iotlb did 5 pasid 0 ref 1", CacheTagFlush.None, 0, 0)]
    [InlineData("cache_tag_flush_all: dmar0/0000:00:03.0 type nesting_devtlb did 5 pasid 0 ref 1", CacheTagFlush.DeviceTlb, 0, 0)]
    public void Flushes_of_cache_tags(string text, CacheTagFlush flush, ulong iova, ulong size)
    {
        foreach (string prefix in (string[])["", "  kworker-5 [001] d..1. 1.5: ", "  x 5 [001] 1.5: intel_iommu:"])
        {
            long time = prefix.Length == 0 ? -1 : 1_500_000_000;
            Read(Map + prefix + text + "\n")[1].ShouldBe(new TraceEvent(TraceEventKind.CacheTagFlush, 2, time, iova, 0, size)
            {
                DomainId = 5,
                Flush = flush,
            });
        }
    }

    [Theory]
    [InlineData("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7fd000-0x7fcfff] addr 0x7fc000 pages 0x3 mask 0x2")]
    [InlineData("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7fd000-0x7fffff] addr 0x7fc000 pages 0x3 mask 0x40")]
    [InlineData("cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x7fd000-0x7fffff] addr 0x7fc000 pages 0x3")]
    [InlineData("cache_tag_flush_range_np: dmar0 0000:00:03.0[0] type iotlb did 65536 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0")]
    [InlineData("cache_tag_flush_all: dmar0/0000:00:03.0 did 5 pasid 0 ref 1")]
    [InlineData("cache_tag_flush_all: dmar0/0000:00:03.0 type iotlb")]
    public void Flushes_that_no_kernel_prints_are_damaged(string text) =>
        Read(Map + "1.0: " + text + "\n", isLenient: true).Select(e => e.Kind).ShouldBe([TraceEventKind.Map, TraceEventKind.Damaged]);

    [Theory]
    [InlineData("attach_device_to_domain: IOMMU: device=0001:80:1f.3", TraceEventKind.Attach, 0x1_80fbu)]
    [InlineData("iommu:detach_device_from_domain: IOMMU: device=0000:00:03.0", TraceEventKind.Detach, 0x18u)]
    [InlineData("attach_device_to_domain: IOMMU: device=700d0000.serial", TraceEventKind.Attach, null)]
    public void Devices_that_come_and_go(string text, TraceEventKind kind, uint? device) =>
        Read(Map + "1.5: " + text + "\n")[1].ShouldBe(new TraceEvent(kind, 2, 1_500_000_000) { Device = device });

    /// <summary>A task may call itself like an event; a function has its name in stack traces.</summary>
    [Theory]
    [InlineData(" a qi_submit: x-7 [000] 1.5: sched_switch: a ==> b")]
    [InlineData(" my_qi_submit: iotlb_inv")]
    [InlineData(" => qi_submit_sync")]
    [InlineData("x-7 [000] 1.5: qi_submit:")]
    public void Names_elsewhere_are_no_events(string line) =>
        Read(Map + line + "\n")[1].Kind.ShouldBeOneOf(TraceEventKind.Other, TraceEventKind.Unknown);

    private List<TraceEvent> Read(string text, bool isLenient = false)
    {
        File.WriteAllText(_path, text);
        using var reader = TraceFile.Open(_path, isLenient);
        var events = new List<TraceEvent>();
        while (reader.Read(out var traceEvent))
        {
            events.Add(traceEvent);
        }

        return events;
    }
}
