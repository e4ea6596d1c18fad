using System.Globalization;
using System.Text;
using IommuKit.Analysis.Verdict;
using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Replay;
using IommuKit.Traces.Audit;
using IommuKit.Traces.Faults;

namespace IommuKit.Analysis.Tests.Verdict;

/// <summary>Whole traces, judged.</summary>
public sealed class JudgeTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    private const string Pair =
        """
         dd-1 [000] .... 1.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
         dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
        """;

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Commands_are_counted_and_timed()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000012: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
             x-2  [000] .... 1.000013: map: IOMMU: iova=0x9000 - 0xa000 paddr=0x5000 size=4096
             dd-1 [001] .... 1.000014: map: IOMMU: iova=0x7000 - 0x8000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000020: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
            """);

        verdict.Iommu.ShouldBe("VT-d");
        (verdict.Flushes, verdict.PageFlushes, verdict.Processors).ShouldBe((1, 1, 4));
        verdict.Span.ShouldBe(20_000);
        verdict.Times!.Sum.ShouldBe(8000);
        verdict.ShareOfTime!.Value.ShouldBe(0.1, 1e-9);
        verdict.Coverage.ShouldBe(1);
        verdict.LeftOut.ShouldBeEmpty();
        verdict.Audit.Mode.ShouldBe(InvalidationMode.Strict);
        Flushes(verdict).ShouldBe([1, 1, 1, 1]);
    }

    /// <summary>Flushes of unmaps in a row can be one; where a map follows each unmap, none can go.</summary>
    [Theory]
    [InlineData(true, "flush-once-per-burst")]
    [InlineData(false, "lazy-mode")]
    public void What_to_try_is_what_makes_most_flushes_go(bool isBurst, string advice)
    {
        const string map = " dd-1 [000] .... 1.000{0}: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096\n";
        const string unmap =
            " dd-1 [000] .... 1.000{0}: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n"
            + " dd-1 [000] .... 1.000{1}: qi_submit: iotlb_inv dmar0: 0x500f2 0x1040 0x0 0x0\n";
        var trace = new StringBuilder();
        for (int i = 0; i < 20; i++)
        {
            string iova = isBurst ? $"0x{i + 1:x}000 - 0x{i + 2:x}000" : "0x1000 - 0x2000";
            Append(map, isBurst ? i * 10 : i * 40, iova, i);
            if (!isBurst)
            {
                Append(unmap, (i * 40) + 10, iova, i);
            }
        }

        for (int i = 0; isBurst && i < 20; i++)
        {
            Append(unmap, 300 + (i * 20), $"0x{i + 1:x}000 - 0x{i + 2:x}000", i);
        }

        var verdict = Judged(trace.ToString().TrimEnd());
        verdict.Advice.Select(one => one.Id).ShouldBe([advice]);

        void Append(string text, int time, string iova, int page) => trace.AppendFormat(
            CultureInfo.InvariantCulture, text.Replace("0x1000 - 0x2000", iova), $"{time:d3}", $"{time + 1:d3}");
    }

    [Fact]
    public void The_first_function_of_the_first_bus_is_a_device_too() => Judged(
        $"""
         dd-1 [000] .... 0.900000: attach_device_to_domain: IOMMU: device=0000:00:00.0
         dd-1 [000] .... 0.900001: attach_device_to_domain: IOMMU: device=0000:00:03.0
         dd-1 [000] .... 0.900002: attach_device_to_domain: IOMMU: device=fe960000.serial
         {Pair}
        """).Devices.ShouldBe(["0000:00:00.0", "0000:00:03.0"]);

    [Theory]
    [InlineData("rtc_cmos 00:04: setting system clock to 2026-03-01T12:34:56 UTC (1772368496)", "2026-03-01")]
    [InlineData("rtc_cmos 00:04: setting system clock to 2026-02-30T12:34:56 UTC", null)]
    [InlineData("setting system clock to 2026", null)]
    [InlineData("nothing of the kind", null)]
    public void The_day_is_the_one_that_the_kernel_set_its_clock_to(string message, string? day)
    {
        var verdict = Judged(
            $"""
             swapper/0-1 [000] .... 0.500000: console: [    0.500000] {message}
             dd-1 [000] .... 1.000000: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
            """);

        verdict.Date?.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture).ShouldBe(day);
        verdict.Series.Bins.ToArray().Sum(bin => bin.Unmaps).ShouldBe(1);
    }

    [Theory]
    [InlineData("AMD-Vi: Interrupt remapping enabled", "AMD-Vi")]
    [InlineData("[    0.500000] arm-smmu-v3 arm-smmu-v3.0.auto: ias 44-bit", "SMMUv3")]
    [InlineData("arm-smmu 15000000.iommu: probing hardware configuration...", "SMMUv2")]
    [InlineData("vfio-pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT]", "AMD-Vi")]
    [InlineData("virtio_iommu virtio0: input address: 39 bits", "virtio-iommu")]
    [InlineData("somebody says DMAR: but is no driver", null)]
    [InlineData("DMAR-IR: Enabled IRQ remapping", null)]
    public void The_iommu_is_known_by_what_its_driver_prints(string message, string? iommu)
    {
        var verdict = Judged(Console(message) + Pair);

        verdict.Iommu.ShouldBe(iommu);
        Replayed().Trace.RecordedOn.ShouldBe(iommu);
    }

    [Theory]
    [InlineData("QEMU TCG CPU version 2.5+", true)]
    [InlineData("DMI: VMware, Inc. VMware Virtual Platform/440BX, BIOS 6.00", true)]
    [InlineData("Hypervisor detected: Microsoft Hyper-V", true)]
    [InlineData("DMI: Dell Inc. PowerEdge R750/0FTV4X, BIOS 1.1.2", false)]
    [InlineData("smpboot: CPU0: QEMU Virtual CPU version 2.5+ (family: 0xf, model: 0x6b, stepping: 0x1)", true)]
    [InlineData("scsi 0:0:0:0: Direct-Access     ATA      QEMU HARDDISK    2.5+ PQ: 0 ANSI: 5", true)]
    [InlineData("usb 1-1: Product: QEMU USB Tablet", false)]
    [InlineData("kvm_intel: Enlightened VMCS on nested guest", false)]
    public void A_virtual_machine_is_known_by_what_the_kernel_prints(string message, bool isVirtual) =>
        Judged(Console(message) + Pair).IsVirtual.ShouldBe(isVirtual);

    [Fact]
    public void Devices_are_those_that_were_attached_each_once()
    {
        string Attach(string device) => $" x-1 [000] .... 0.900000: attach_device_to_domain: IOMMU: device={device}\n";

        Judged(Attach("0000:01:00.0") + Attach("0000:00:04.0") + Attach("0000:01:00.0") + Attach("fb000000.gpu") + Pair).Devices
            .ShouldBe(["0000:00:04.0", "0000:01:00.0"]);
    }

    [Fact]
    public void Who_uses_memory_after_its_unmap_comes_before_all_that_keeps_it_reachable_longer()
    {
        var verdict = Judged($"{Pair}\n x-1 [000] .... 1.000020: io_page_fault: IOMMU:nvme 0000:00:04.0 iova=0x0000000000001040 flags=0x0001");

        verdict.Audit.Faults.Faults.Single().Cause.ShouldBe(FaultCause.UsedAfterUnmap);
        verdict.Advice[0].Id.ShouldBe("look-at-faults");
        verdict.Advice[0].Change.ShouldContain("line 4");
        Judged(Pair).Advice.ShouldNotContain(advice => advice.Id == "look-at-faults");
    }

    [Fact]
    public void Unmaps_without_one_map_are_named()
    {
        var verdict = Judged(" dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n");

        verdict.Audit.WhyOneSided.ShouldNotBeNull().ShouldContain("generic page tables");
        verdict.Audit.Limits.ShouldContain(limit => limit.Contains("generic page tables", StringComparison.Ordinal));
        Replayed().Trace.WhyNoMaps.ShouldNotBeNull();
        Judged(Pair).Audit.WhyOneSided.ShouldBeNull();
    }

    [Fact]
    public void Flushes_of_tags_count_where_there_are_no_commands_of_the_queue()
    {
        const string unmap = " dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096\n";
        const string tag = " dd-1 [000] .... 1.000012: cache_tag_flush_range: dmar0 0000:00:03.0[0] type iotlb did 5 [0x1000-0x1fff] addr 0x1000 pages 0x1 mask 0x0\n";
        const string queue = " dd-1 [000] .... 1.000013: qi_submit: iotlb_inv dmar0: 0x500f2 0x1040 0x0 0x0\n";
        const string end = " dd-1 [000] .... 1.000020: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096";

        var both = Judged(unmap + tag + queue + end);
        var tagOnly = Judged(unmap + tag + end);

        (both.Flushes, both.Times!.Sum).ShouldBe((1, 7000));
        (tagOnly.Flushes, tagOnly.Times!.Sum).ShouldBe((1, 8000));
    }

    [Fact]
    public void Without_commands_nothing_is_said_of_their_time()
    {
        var verdict = Judged(" dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096");

        (verdict.Flushes, verdict.Iommu, verdict.Times, verdict.ShareOfTime).ShouldBe((0, null, null, null));
        verdict.Options[0].Flushes.ShouldBeNull();
        verdict.Options[2].Flushes.ShouldBeNull();
        verdict.Options[3].Flushes.ShouldBe(1);
        verdict.Options.ShouldAllBe(option => option.SavedNanoseconds == null);
        verdict.Advice.Single().Id.ShouldBe("record-flushes");
    }

    [Fact]
    public void The_kernels_own_messages_tell_the_machine()
    {
        var verdict = Judged(
            """
             swapper/0-1 [000] .... 0.000001: console: Linux version 6.12.95-amd64 (debian@example) #1 SMP
             swapper/0-1 [000] .... 0.000002: console: DMI: QEMU Standard PC (Q35 + ICH9, 2009)
             swapper/0-1 [000] .... 0.000003: console: AMD-Vi: Using global IVHD EFR:0x0
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
            """);

        (verdict.Kernel, verdict.Machine, verdict.Iommu).ShouldBe(("6.12.95-amd64", "QEMU Standard PC (Q35 + ICH9, 2009)", "AMD-Vi"));
        verdict.Advice.Single().Id.ShouldBe("no-flush-events");
    }

    [Fact]
    public void Losses_are_not_covered()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000012: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
            CPU:0 [LOST 9 EVENTS]
             dd-1 [000] .... 1.000050: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
            """);

        verdict.Coverage.ShouldBe(0.25);
        verdict.LeftOut.ShouldBe(["9 events lost by the kernel"]);
        verdict.Times.ShouldBeNull();
        verdict.Advice.Single().Change.ShouldContain("most events were lost");
    }

    [Fact]
    public void Lost_events_are_taken_to_be_of_the_kinds_that_the_others_are()
    {
        // Three of five events are here, and the only unmap of them is followed: of five events, not of one unmap and two events.
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000012: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
            CPU:0 [LOST 2 EVENTS]
             dd-1 [000] .... 1.000050: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
            """);

        verdict.Coverage.ShouldBe(0.6);
        verdict.Advice.ShouldNotContain(advice => advice.Id == "record-again");
    }

    [Fact]
    public void A_file_that_is_cut_off_is_to_be_copied_again_and_what_it_has_is_judged()
    {
        File.WriteAllText(
            _file,
            """
            # entries-in-buffer/entries-written: 40/40   #P:4
             dd-1 [000] .... 1.000010: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000020: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000021: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
             dd-1 [000] .... 1.000030: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096

            """);
        var verdict = Judge.Run(_file, isLenient: true);

        verdict.Audit.Missing.ShouldBe(36);
        verdict.Coverage.ShouldBe(0.1);
        verdict.Advice[0].Id.ShouldBe("copy-again");
        verdict.Advice.ShouldNotContain(advice => advice.Id == "record-again");
        verdict.Advice.Count.ShouldBeGreaterThan(1);
    }

    [Fact]
    public void Commands_that_hardware_may_not_take_are_named()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000012: qi_submit: iotlb_inv dmar0: 0x500f2 0x12 0x0 0x0
             dd-1 [000] .... 1.000013: qi_submit: iotlb_inv dmar0: 0x500f2 0x13 0x0 0x0
             dd-1 [000] .... 1.000014: qi_submit: iotlb_inv dmar0: 0x500c2 0x0 0x0 0x0
            """);

        (verdict.Refused.MaskTooLarge, verdict.Refused.FirstMaskLine).ShouldBe((1, 4));
        (verdict.Refused.Reserved, verdict.Refused.FirstReservedLine).ShouldBe((1, 5));

        // They come first, as what is missing after them may be their doing, and nothing says to flush less.
        verdict.Advice.Take(2).Select(advice => advice.Id).ShouldBe(["look-at-reserved-command", "look-at-large-mask"]);
        verdict.Advice[0].Change.ShouldContain("line 5");
        verdict.Advice[1].Change.ShouldContain("line 4");
        verdict.Advice.ShouldNotContain(advice => advice.Id == "flush-once-per-burst" || advice.Id == "lazy-mode");
    }

    /// <summary>A file that lines were taken out of looks like one whose end is cut off: nothing that seems to be missing is sure.</summary>
    [Theory]
    [InlineData("# entries-in-buffer/entries-written: 5/5   #P:4", "take the whole file")]
    [InlineData("# entries-in-buffer/entries-written: 4/6   #P:4", "record again with a larger buffer")]
    public void What_seems_to_be_missing_is_not_sure_where_events_are_missing(string heading, string change)
    {
        File.WriteAllText(
            _file,
            heading + """

             dd-1 [000] .... 1.000001: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000002: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000003: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x9000 size=4096
             dd-1 [000] .... 1.000004: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0

            """);
        var verdict = Judge.Run(_file, isLenient: true);

        verdict.Audit.IsIncomplete.ShouldBeTrue();
        verdict.Audit.Findings.Single(finding => finding.Id == "reused-before-invalidation").Limit.ShouldNotBeNull().ShouldContain("missing");
        verdict.Advice.ShouldNotContain(advice => advice.Id == "look-at-missing-flushes");
        verdict.Advice.ShouldNotContain(advice => advice.Id == "flush-once-per-burst");
        verdict.Advice.Single(advice => advice.Id == "record-whole").Change.ShouldStartWith(change);
    }

    /// <summary>A line that somebody wrote over may have been the flush that seems to be missing.</summary>
    [Fact]
    public void Lines_that_are_no_events_are_not_covered()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000001: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000002: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
            garbage line
             dd-1 [000] .... 1.000004: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x9000 size=4096
             dd-1 [000] .... 1.000005: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
            """);

        verdict.Audit.UnknownLines.ShouldBe(1);
        verdict.LeftOut.ShouldContain("1 line that is no event");
        verdict.Coverage.ShouldBeLessThan(1);
        verdict.Audit.Findings.ShouldAllBe(finding => finding.Id != "reused-before-invalidation" || finding.Limit != null);
        verdict.Advice[0].Id.ShouldBe("record-whole");
    }

    /// <summary>What was first is not known where lines are out of order: nothing is accused, and nothing advised but to mend that.</summary>
    [Fact]
    public void Events_out_of_order_are_put_in_order_first()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000001: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000002: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000004: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x9000 size=4096
             dd-1 [000] .... 1.000003: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
            """);

        verdict.Audit.OutOfOrder.ShouldBe(1);
        verdict.Audit.Findings.ShouldContain(finding => finding.Id == "reused-before-invalidation" && finding.Limit != null);
        verdict.Advice[0].Id.ShouldBe("order-events");
        verdict.Advice.ShouldNotContain(advice => advice.Id == "look-at-missing-flushes" || advice.Id == "flush-once-per-burst");
    }

    /// <summary>A finding that several domains may explain is a reason not to flush less, too.</summary>
    [Fact]
    public void Flushes_that_seem_too_few_are_not_answered_with_fewer()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000001: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000002: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000003: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x9000 size=4096
             dd-1 [000] .... 1.000004: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
             dd-1 [000] .... 1.000010: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000012: qi_submit: iotlb_inv dmar0: 0x600f2 0x1000 0x0 0x0
             dd-1 [000] .... 1.000020: unmap: IOMMU: iova=0x8000 - 0x9000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000022: qi_submit: iotlb_inv dmar0: 0x600f2 0x8000 0x0 0x0
            """);

        verdict.Advice.Select(advice => advice.Id).ShouldBe(["record-apart"], ignoreOrder: true, customMessage: string.Join(',', verdict.Advice));
    }

    /// <summary>Ways that flush more and less often compare only if both are counted by the same pages.</summary>
    [Fact]
    public void Reachable_pages_are_counted_by_pages_and_not_by_flushes()
    {
        // 64 flushes of one page each, and one of 64 pages: half of the pages were reachable with 63 others.
        var lines = new List<string>();
        for (int i = 0; i < 64; i++)
        {
            string iova = $"0x{0x1000 + (i * 0x2000):x}";
            string end = $"0x{0x2000 + (i * 0x2000):x}";
            lines.Add($" dd-1 [000] .... 1.{i:00}0000: unmap: IOMMU: iova={iova} - {end} size=4096 unmapped_size=4096");
            lines.Add($" dd-1 [000] .... 1.{i:00}0001: qi_submit: iotlb_inv dmar0: 0x500f2 {iova} 0x0 0x0");
        }

        lines.Add(" dd-1 [000] .... 2.000000: unmap: IOMMU: iova=0x40000000 - 0x40040000 size=262144 unmapped_size=262144");
        lines.Add(" dd-1 [000] .... 2.000001: qi_submit: iotlb_inv dmar0: 0x500f2 0x40000006 0x0 0x0");
        var pages = Judged(string.Join('\n', lines)).Options[0].Pages.ShouldNotBeNull();

        pages.Count.ShouldBe(128);
        pages.Percentile(0.5).ShouldBe(1);
        pages.Percentile(0.51).ShouldBe(64);
    }

    [Fact]
    public void A_danger_that_nothing_else_explains_comes_first()
    {
        var verdict = Judged(
            """
             dd-1 [000] .... 1.000001: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x5000 size=4096
             dd-1 [000] .... 1.000002: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096
             dd-1 [000] .... 1.000003: map: IOMMU: iova=0x1000 - 0x2000 paddr=0x9000 size=4096
             dd-1 [000] .... 1.000004: qi_submit: iotlb_inv dmar0: 0x500f2 0x1000 0x0 0x0
            """);

        verdict.Advice[0].Id.ShouldBe("look-at-missing-flushes");
    }

    [Theory]
    [InlineData("vfio-edu", 1581, 1569, 42_083_000, 1856, 183)]
    [InlineData("vfio-edu-cm", 5580, 5556, 129_781_000, 3985, 204)]
    public void Samples_are_judged_as_another_program_does(string name, long flushes, long pages, long nanoseconds, long unmaps, long atContextChange)
    {
        // Counted and summed by a script of its own from the text.
        var verdict = Judge.Run(RepositoryFiles.InRepository("samples", $"{name}.trace.gz"));

        (verdict.Flushes, verdict.PageFlushes).ShouldBe((flushes, pages));
        verdict.Times!.Sum.ShouldBe(nanoseconds);
        verdict.Coverage.ShouldBe((unmaps - atContextChange) / (double)unmaps, 1e-9);
    }

    [SharedTheory]
    [InlineData("nvme-rand-strict-qi", 27014, 929_694_000)]
    [InlineData("boot-multi", 17953, 368_782_000)]
    public void Captures_are_judged_as_another_program_does(string name, long flushes, long nanoseconds)
    {
        var verdict = Judge.Run(Path.Combine(RepositoryFiles.Shared, "traces", name, "trace.gz"));

        (verdict.Flushes, verdict.Times!.Sum).ShouldBe((flushes, nanoseconds));
    }

    [SharedFact]
    public void Text_and_binary_of_one_capture_are_judged_alike()
    {
        string folder = Path.Combine(RepositoryFiles.Shared, "traces", "vfio-edu");
        var text = Judge.Run(Path.Combine(folder, "trace.gz"));
        var binary = Judge.Run(Path.Combine(folder, "trace.dat"));

        Flushes(binary).ShouldBe(Flushes(text));
        binary.Times!.Count.ShouldBe(text.Times!.Count);

        // The text has microseconds, the file nanoseconds.
        Math.Abs(binary.Times.Sum - text.Times.Sum).ShouldBeLessThan(text.Times.Sum / 100);
        binary.Kernel.ShouldBe("6.1.0-56-amd64");
    }

    private static IEnumerable<long?> Flushes(VerdictResult verdict) => verdict.Options.Select(option => option.Flushes);

    private VerdictResult Judged(string events)
    {
        int count = events.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Count(line => line.Contains(": ", StringComparison.Ordinal) && !line.Contains("LOST", StringComparison.Ordinal));
        File.WriteAllText(_file, $"# entries-in-buffer/entries-written: {count}/{count}   #P:4\n{events}\n");
        return Judge.Run(_file);
    }

    private static string Console(string message) => $" swapper/0-1 [000] .... 0.500000: console: {message}\n";

    private ReplayResult Replayed() =>
        Replayer.Run(_file, new ReplayOptions { Machines = [MachineCatalog.All[0]], Policies = [SyncPolicy.Gather] })[0];
}
