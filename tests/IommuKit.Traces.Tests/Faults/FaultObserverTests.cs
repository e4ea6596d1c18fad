using System.Globalization;
using System.Text;
using IommuKit.Traces.Faults;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>Small traces and logs, each with one thing in it that an explanation has to see, or must not guess.</summary>
public class FaultObserverTests : FaultScript
{
    [Fact]
    public void Used_after_unmap_says_when_by_whom_and_how_much()
    {
        Map(0x10000, 4, "driver-7");
        Unmap(0x10000, 4, "driver-7");
        Wait(3);
        Console(Message("00:04.0", 0x12040));
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.UsedAfterUnmap);
        fault.LastMap.ShouldBe(new MappingRecord(1, 1_001_000_000, 0x10000, 0x4000, "driver-7", false));
        fault.LastUnmap.ShouldBe(new MappingRecord(2, 1_002_000_000, 0x10000, 0x4000, "driver-7", false));
        fault.SinceUnmap.ShouldBe(4_000_000);
        fault.SinceMap.ShouldBe(5_000_000);
        fault.TraceLine.ShouldBe(3);
        fault.LogLine.ShouldBeNull();
        fault.Doubts.ShouldHaveSingleItem().ShouldEndWith("may be another device's");
    }

    [Fact]
    public void What_lies_next_to_it()
    {
        Map(0x10000, 1);
        Map(0x12000, 1);
        Console(Message("00:04.0", 0x11fff));
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.PastTheEnd);
        (fault.Below!.Line, fault.Above!.Line).ShouldBe((1, 2));
    }

    [Fact]
    public void Mapped_at_the_time_is_not_guessed_further()
    {
        Map(0x10000, 1);
        Console(Message("00:04.0", 0x10000));
        Explain().ShouldHaveSingleItem().Cause.ShouldBe(FaultCause.NoPermission);
    }

    [Fact]
    public void An_entry_that_the_hardware_found_for_what_was_unmapped_is_doubted()
    {
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Console("arm-smmu-v3 a: event: F_PERMISSION client: 0000:00:04.0 sid: 0x20 ssid: 0x0 iova: 0x10000 ipa: 0x0");
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.NoPermission);
        fault.Doubts.ShouldContain(doubt => doubt.StartsWith("the hardware found an entry, but in the trace the page was unmapped"));
    }

    [Theory]
    [InlineData("F_TRANSLATION", FaultCause.UsedAfterUnmap)]
    [InlineData("F_PERMISSION", FaultCause.NoPermission)]
    public void Where_one_of_two_maps_is_gone_the_hardware_says_which(string name, FaultCause cause)
    {
        Map(0x10000, 1);
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Console($"arm-smmu-v3 a: event: {name} client: 0000:00:04.0 sid: 0x20 ssid: 0x0 iova: 0x10000 ipa: 0x0");
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(cause);
        fault.Doubts.ShouldContain(doubt => doubt.Contains("mapped more often than unmapped"));
    }

    [Fact]
    public void What_happens_while_a_message_is_printed_comes_after_the_fault()
    {
        Map(0x10000, 1);
        Map(0x20000, 1);
        Unmap(0x20000, 1);
        Console("DMAR: DRHD: handling fault status reg 2");
        Unmap(0x10000, 1);
        Console(Message("00:04.0", 0x10000));
        Console("DMAR: DRHD: handling fault status reg 2");
        Map(0x20000, 1);
        Console(Message("00:04.0", 0x20000));
        var faults = Explain();
        faults.Select(fault => (fault.TraceLine, fault.Cause, fault.LastMap!.Line, fault.LastUnmap?.Line)).ShouldBe(
            [(4, FaultCause.NoPermission, 1, null), (7, FaultCause.UsedAfterUnmap, 2, 3)]);
    }

    [Fact]
    public void Before_the_first_mapping_nothing_is_known()
    {
        Console(Message("00:04.0", 0x10000));
        Map(0x10000, 1);
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.Unknown);
        fault.Doubts.ShouldBe(["it was before the trace's first map or unmap"]);
    }

    [Fact]
    public void An_unmap_of_what_was_mapped_before_the_trace_is_enough()
    {
        Unmap(0x10000, 1);
        Console(Message("00:04.0", 0x10000));
        var fault = Explain().ShouldHaveSingleItem();
        (fault.Cause, fault.LastMap, fault.LastUnmap!.Line).ShouldBe((FaultCause.UsedAfterUnmap, null, 1));
    }

    [Fact]
    public void Never_mapped_after_lost_events_is_doubted()
    {
        Map(0x10000, 1);
        TraceText.Append("CPU:0 [LOST 12 EVENTS]\n");
        Console(Message("00:04.0", 0x90000));
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.NeverMapped);
        fault.IsInDoubt.ShouldBeTrue();
        fault.Doubts.ShouldContain("events are missing: it may have been mapped there");
    }

    [Theory]
    [InlineData("F_TRANSLATION", FaultCause.NeverMapped)]
    [InlineData("F_PERMISSION", FaultCause.NoPermission)]
    public void What_the_hardware_found_tells_whose_mapping_it_is(string name, FaultCause cause)
    {
        Map(0x10000, 1);
        Console($"arm-smmu-v3 a: event: {name} client: 0000:00:04.0 sid: 0x20 ssid: 0x0 iova: 0x10000 ipa: 0x0");
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(cause);
        fault.Doubts.Any(doubt => doubt.Contains("another domain's")).ShouldBe(cause == FaultCause.NeverMapped);
    }

    [Fact]
    public void Of_two_domains_with_one_iova_the_one_that_gave_it_back_tells()
    {
        Map(0x10000, 1);
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Console(Message("00:04.0", 0x10000));
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.UsedAfterUnmap);
        fault.Doubts.ShouldContain(doubt => doubt.Contains("several domains have the same IOVA"));
        fault.IsDomainKnown.ShouldBeFalse();
    }

    [Theory]
    [InlineData(5, FaultCause.UsedAfterUnmap)]
    [InlineData(6, FaultCause.NeverMapped)]
    public void Domains_of_vtd_tell_whose_unmap_it_was(int domain, FaultCause cause)
    {
        Line($"cache_tag_assign: dmar0/dmar0 type iotlb did {domain} pasid 0 ref 1");
        Line("attach_device_to_domain: IOMMU: device=0000:00:04.0");
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        Line("cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 5 [0x10000-0x10fff] addr 0x10000 pages 0x1 mask 0x0");
        Console(Message("00:04.0", 0x10000));
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(cause);
        fault.IsDomainKnown.ShouldBe(domain == 5);
    }

    [Fact]
    public void A_tag_is_that_of_the_attachment_just_behind_it()
    {
        Line("cache_tag_assign: dmar0/dmar0 type iotlb did 6 pasid 0 ref 1");
        Map(0x10000, 1);
        Line("attach_device_to_domain: IOMMU: device=0000:00:04.0");
        Unmap(0x10000, 1);
        Line("cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 5 [0x10000-0x10fff] addr 0x10000 pages 0x1 mask 0x0");
        Console(Message("00:04.0", 0x10000));
        Explain().ShouldHaveSingleItem().Cause.ShouldBe(FaultCause.UsedAfterUnmap);
    }

    [Theory]
    [InlineData("vmm-9", "vmm-9", FaultCause.NeverMapped)]
    [InlineData("vmm-9", "a-1", FaultCause.UsedAfterUnmap)]
    [InlineData("a-1", "a-1", FaultCause.UsedAfterUnmap)]
    public void What_a_task_maps_for_devices_that_it_has_moved_is_not_of_another_device(string mapper, string unmapper, FaultCause cause)
    {
        foreach (string device in (string[])["0000:00:04.0", "0000:00:05.0"])
        {
            Line($"attach_device_to_domain: IOMMU: device={device}");
        }

        Line("attach_device_to_domain: IOMMU: device=0000:00:05.0", "vmm-9");
        Map(0x10000, 1, mapper);
        Unmap(0x10000, 1, unmapper);
        Console(Message("00:04.0", 0x10000));
        Console(Message("00:05.0", 0x10000));
        var faults = Explain();
        faults.Select(fault => fault.Cause).ShouldBe([cause, FaultCause.UsedAfterUnmap]);
        faults[0].Doubts.Any(doubt => doubt.Contains("moved 0000:00:05.0 into a domain of its own")).ShouldBe(cause == FaultCause.NeverMapped);
    }

    [Theory]
    [InlineData(5, FaultCause.NoPermission)]
    [InlineData(6, FaultCause.NeverMapped)]
    public void So_do_those_of_an_unmap_after_the_fault(int domain, FaultCause cause)
    {
        Line($"cache_tag_assign: dmar0/dmar0 type iotlb did {domain} pasid 0 ref 1");
        Line("attach_device_to_domain: IOMMU: device=0000:00:04.0");
        Map(0x10000, 1);
        Console(Message("00:04.0", 0x10000));
        Unmap(0x10000, 1);
        Line("cache_tag_flush_range: dmar0 dmar0[0] type iotlb did 5 [0x10000-0x10fff] addr 0x10000 pages 0x1 mask 0x0");
        Explain().ShouldHaveSingleItem().Cause.ShouldBe(cause);
    }

    [Fact]
    public void Events_of_faults_and_their_messages_are_one()
    {
        Map(0x10000, 1);
        Line("io_page_fault: IOMMU:vfio-pci 0000:00:04.0 iova=0x0000000000020040 flags=0x0001");
        Line("io_page_fault: IOMMU:gpu 5000000.gpu iova=0x0000000000030040 flags=0x0000");
        Console("vfio-pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x20040 flags=0x0020]");
        var faults = Explain();
        faults.Select(fault => (fault.TraceLine, fault.Fault.Reporter, fault.Fault.Device, fault.Fault.Direction)).ShouldBe(
        [
            (2, FaultReporter.AmdVi, "0000:00:04.0", FaultDirection.Write),
            (3, FaultReporter.TraceEvent, "5000000.gpu", FaultDirection.Read),
        ]);
    }

    [Fact]
    public void An_event_of_a_fault_has_a_requester_where_its_device_is_on_PCI()
    {
        Map(0x10000, 1);
        Line("io_page_fault: IOMMU:vfio-pci 0000:00:04.0 iova=0x0000000000020040 flags=0x0001");
        Line("io_page_fault: IOMMU:vfio-pci 0000:00:00.1 iova=0x0000000000030040 flags=0x0001");
        Line("io_page_fault: IOMMU:gpu 5000000.gpu iova=0x0000000000040040 flags=0x0000");
        Explain().Select(fault => fault.Fault.Requester).ShouldBe([0x20u, 1u, null]);
    }

    [Fact]
    public void Messages_alike_in_a_row_are_one_fault()
    {
        Map(0x10000, 1);
        for (ulong iova = 0x20000; iova < 0x20028; iova += 4)
        {
            Console(Message("00:04.0", iova));
        }

        Console(Message("00:04.0", 0x21000));
        Explain().Select(fault => (fault.Messages, fault.Fault.Iova, fault.LastIova)).ShouldBe([(10, 0x20000ul, 0x20024ul), (1, 0x21000ul, 0x21000ul)]);
    }

    [Fact]
    public void A_fault_in_the_log_only_is_placed_by_the_clocks_of_the_others()
    {
        Map(0x10000, 1);
        Map(0x30000, 1);
        Both(Message("00:04.0", 0x20000), logOffset: -0.5);
        Unmap(0x10000, 1);
        LogText.Append(CultureInfo.InvariantCulture, $"[{Time() - 0.5:0.000000}] {Message("00:04.0", 0x10000)}\n");
        Wait(1);
        Map(0x10000, 1);
        Both(Message("00:04.0", 0x40000), logOffset: -0.5);
        var faults = Explain();
        faults.Select(fault => (fault.LogLine, fault.TraceLine, fault.Cause)).ShouldBe(
            [(1, 3, FaultCause.NeverMapped), (2, null, FaultCause.UsedAfterUnmap), (3, 6, FaultCause.NeverMapped)]);
        faults[1].LastUnmap!.Line.ShouldBe(4);
        faults[1].SinceUnmap.ShouldBe(0);
    }

    [Fact]
    public void Without_faults_in_both_the_clocks_are_not_guessed()
    {
        Map(0x10000, 1);
        Map(0x50000, 1);
        Wait(100);
        Unmap(0x10000, 1);
        Wait(5000);
        LogText.Append(CultureInfo.InvariantCulture, $"[    1.050000] {Message("00:04.0", 0x10000)}\n");
        LogText.Append(CultureInfo.InvariantCulture, $"[    1.050000] {Message("00:04.0", 0x70000)}\n");
        LogText.Append(CultureInfo.InvariantCulture, $"[    4.500000] {Message("00:04.0", 0x50000)}\n");
        LogText.Append(CultureInfo.InvariantCulture, $"{Message("00:04.0", 0x50000)}\n");
        LogText.Append(CultureInfo.InvariantCulture, $"[  100.000000] {Message("00:04.0", 0x50000)}\n");
        Map(0x60000, 1);
        var faults = Explain();
        faults.Select(fault => fault.Cause).ShouldBe(
            [FaultCause.Unknown, FaultCause.NeverMapped, FaultCause.NoPermission, FaultCause.Unknown, FaultCause.Unknown]);
        faults[0].Doubts.ShouldHaveSingleItem().ShouldStartWith("by how much the clocks of log and trace differ cannot be told");
        faults[3].Doubts.ShouldHaveSingleItem().ShouldStartWith("its message has no time");
        faults[4].Doubts.ShouldHaveSingleItem().ShouldBe("it was after the trace ends");
    }

    [Fact]
    public void Clocks_that_differ_by_two_seconds_are_followed_and_by_more_are_not()
    {
        Wait(3999);
        Map(0x60000, 1);
        Wait(5000);
        Map(0x50000, 1);
        Wait(5000);
        Map(0x70000, 1);
        string[] times = ["2.999999", "3.000000", "17.002000", "17.002001"];
        foreach (string time in times)
        {
            LogText.Append(CultureInfo.InvariantCulture, $"[{time,12}] {Message("00:04.0", 0x50000)}\n");
        }

        var doubts = Explain().Select(fault => string.Join(' ', fault.Doubts)).ToList();
        doubts.Count.ShouldBe(times.Length);
        doubts[0].ShouldBe("it was before the trace begins");
        doubts[1].ShouldNotContain("it was before the trace begins");
        doubts[2].ShouldNotContain("the trace ends");
        doubts[3].ShouldBe("it was after the trace ends");
    }

    [Fact]
    public void One_transfer_is_one_fault_though_only_its_first_messages_were_printed()
    {
        Map(0x10000, 1);
        string message = "vfio-pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x70040 flags=0x0020]";
        Line("io_page_fault: IOMMU:vfio-pci 0000:00:04.0 iova=0x0000000000070040 flags=0x0001");
        Both(message, -0.02);
        Line("io_page_fault: IOMMU:vfio-pci 0000:00:04.0 iova=0x0000000000070044 flags=0x0001");
        Line("io_page_fault: IOMMU:vfio-pci 0000:00:04.0 iova=0x0000000000070048 flags=0x0001");
        LogText.Append("[    9.000000] amd_iommu_report_page_fault: 2 callbacks suppressed\n");
        var report = FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString());
        var fault = report.Faults.ShouldHaveSingleItem();
        (fault.Messages, fault.LastIova).ShouldBe((3, 0x70048ul));
        (report.SuppressedCalls, report.AreSuppressedInTrace).ShouldBe((2, true));
        report.Limits.ShouldContain(limit => limit.Contains("They show in the trace as events"));
    }

    [Fact]
    public void What_the_kernel_left_out_is_missing_where_the_trace_has_no_events()
    {
        Map(0x10000, 1);
        Both(Message("00:04.0", 0x70040), -0.02);
        LogText.Append("[    9.000000] dmar_fault: 2 callbacks suppressed\n");
        var report = FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString());
        (report.SuppressedCalls, report.AreSuppressedInTrace).ShouldBe((2, false));
        report.Limits.ShouldContain(limit => limit.Contains("Those faults are in no list"));
    }

    [Fact]
    public void What_happened_outside_the_trace_is_not_called_never_mapped()
    {
        Map(0x10000, 1);
        Unmap(0x10000, 1);
        LogText.Append(CultureInfo.InvariantCulture, $"[   60.000000] {Message("00:04.0", 0x70000)}\n");
        var fault = Explain().ShouldHaveSingleItem();
        fault.Cause.ShouldBe(FaultCause.Unknown);
        fault.Doubts.ShouldBe(["it was after the trace ends"]);
    }

    [Theory]
    [InlineData("# A heading\nand text about QEMU\n", false)]
    [InlineData("hub 1-0: a message without its time\n", false)]
    [InlineData("[    1.500000] usb 1-1: Product: QEMU USB Tablet\n", true)]
    [InlineData("Nov 26 02:15:52 host kernel: hello\n", true)]
    [InlineData("", true)]
    public void A_file_without_a_line_of_a_kernel_is_no_log(string text, bool isLog)
    {
        using var content = new MemoryStream(Encoding.ASCII.GetBytes(text));
        if (isLog)
        {
            KernelLogReader.Read(content, "log", "log").Machine.IsVirtual.ShouldBeFalse();
        }
        else
        {
            Should.Throw<InputException>(() => KernelLogReader.Read(content, "log", "log")).Message
                .ShouldContain("has no line that looks like a kernel's");
        }
    }

    [Fact]
    public void A_record_that_an_emulator_lost_is_no_interrupt()
    {
        Map(0x10000, 1);
        Console("pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x0 flags=0x000a]");
        var fault = Explain().ShouldHaveSingleItem();
        (fault.Cause, fault.Fault.Iova, fault.Fault.Evidence).ShouldBe((FaultCause.Unknown, null, FaultEvidence.None));
        fault.Doubts.ShouldHaveSingleItem().ShouldContain("the real address is lost");
    }

    [Fact]
    public void A_flood_of_events_is_counted_and_bounded()
    {
        Map(0x10000, 1);
        for (int fault = 0; fault < 40_010; fault++)
        {
            TraceText.Append("a-1 [000] ..... 1.5: io_page_fault: IOMMU:x 0000:00:04.0 iova=0x0000000000020040 flags=0x0001\n");
        }

        var report = FaultCapture.ExplainText(string.Empty, TraceText.ToString());
        report.NotKept.ShouldBe(10);
        report.Messages.ShouldBe(40_010);
        report.Faults.ShouldHaveSingleItem().Messages.ShouldBe(40_000);
        report.Limits.ShouldContain(limit => limit.StartsWith("There are too many faults: 10 "));
    }

    /// <summary>Damage, cuts and repetitions: whatever a trace holds, it is followed to its end.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void No_trace_is_too_damaged_to_be_followed(int seed)
    {
        var random = new Random(seed);
        string path = Path.GetTempFileName();
        int faults = 0;
        try
        {
            foreach (string name in (string[])["vtd", "amdvi", "smmuv3"])
            {
                string folder = RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", name);
                var log = KernelLogReader.Read(Path.Combine(folder, "dmesg.txt"));
                byte[] whole = File.ReadAllBytes(Path.Combine(folder, "trace.txt"));
                for (int round = 0; round < 100; round++)
                {
                    byte[] text = [.. whole];
                    for (int change = random.Next(60); change >= 0; change--)
                    {
                        int at = random.Next(text.Length);
                        int from = random.Next(text.Length);
                        int length = Math.Min(random.Next(200), text.Length - Math.Max(at, from));
                        if (random.Next(2) == 0)
                        {
                            text[at] = (byte)random.Next(256);
                        }
                        else
                        {
                            text.AsSpan(from, length).ToArray().CopyTo(text.AsSpan(at));
                        }
                    }

                    File.WriteAllBytes(path, text);
                    var observer = new FaultObserver(log, new MappingHistory(maxPieces: 4));
                    using var reader = TraceFile.Open(path, isLenient: true);
                    try
                    {
                        while (reader.Read(out var traceEvent))
                        {
                            observer.Do(traceEvent, reader);
                        }
                    }
                    catch (InputException e)
                    {
                        // No mapping is left.
                        e.Message.ShouldStartWith($"{path}: has no iommu:map or iommu:unmap event");
                    }

                    var report = observer.Finish(reader.Overwritten);
                    (report.Faults.Count(fault => fault.LogLine != null) + report.LeftOut).ShouldBeInRange(1, log.Faults.Count);
                    report.Faults.Sum(fault => fault.Messages).ShouldBe(report.Messages);
                    report.Faults.ShouldAllBe(fault => fault.LastMap == null || fault.TraceLine == null || fault.LastMap.Line < fault.TraceLine);
                    faults += report.Faults.Count;
                }
            }
        }
        finally
        {
            File.Delete(path);
        }

        faults.ShouldBeGreaterThan(300);
    }

    [Theory]
    [InlineData("          <idle>-0       [000] d.h2.     1.5: ", "<idle>-0", true)]
    [InlineData("     kworker/0:1H-44      [000] d..1.     1.5: ", "kworker/0:1H-44", false)]
    [InlineData("     a [b]-44      [003] ..s1.     1.5: ", "a [b]-44", true)]
    [InlineData("     proc-44    (     41) [003] .....     1.5: ", "proc-44", false)]
    [InlineData("proc    44 [003]     1.5: iommu:", "proc    44", false)]
    [InlineData("", null, false)]
    public void Tasks_are_named_as_the_trace_does(string before, string? task, bool isInInterrupt)
    {
        TraceText.Append(before).Append("map: IOMMU: iova=0x10000 - 0x11000 paddr=0x1000 size=4096\n");
        TraceText.Append("io_page_fault: IOMMU:x 0000:00:04.0 iova=0x0000000000010040 flags=0x0001\n");
        Explain().ShouldHaveSingleItem().LastMap.ShouldBe(
            new MappingRecord(1, before.Length == 0 ? -1 : 1_500_000_000, 0x10000, 0x1000, task, isInInterrupt));
    }
}
