using System.Text;
using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>What drivers of IOMMUs print, old and new.</summary>
public class FaultMessageTests
{
    private const FaultDirection Read = FaultDirection.Read;
    private const FaultDirection Write = FaultDirection.Write;
    private const FaultDirection Open = FaultDirection.Unknown;

    [Theory]
    [InlineData("DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0x5a454000 [fault reason 0x05] PTE Write access is not set", "0000:00:04.0", 0x5a454000ul, Write, 5u, FaultEvidence.None)]
    [InlineData("DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr 7b000000 [fault reason 06] PTE Read access is not set", "00:02.0", 0x7b000000ul, Read, 6u, FaultEvidence.None)]
    [InlineData("DMAR: [DMA Read] Request device [b3:1f.7] fault addr 7b000000 [fault reason 12] non-zero reserved fields in PTE", "b3:1f.7", 0x7b000000ul, Read, 12u, FaultEvidence.None)]
    [InlineData("DMAR: [DMA Write] Request device [00:02.0] fault addr 7b000000 [fault reason 02] Present bit in context entry is clear", "00:02.0", 0x7b000000ul, Write, 2u, FaultEvidence.Device)]
    [InlineData("DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0x1000 [fault reason 0x71] SM: Present bit in first-level paging entry is clear", "00:04.0", 0x1000ul, Write, 0x71u, FaultEvidence.Absent)]
    [InlineData("pci 0000:00:05.1: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0012 address=0xfffbc080 flags=0x0070]", "0000:00:05.1", 0xfffbc080ul, Write, 0x70u, FaultEvidence.Permission)]
    [InlineData("AMD-Vi: Event logged [IO_PAGE_FAULT device=00:14.1 domain=0x000a address=0x000000fdf9103300 flags=0x0030]", "00:14.1", 0xfdf9103300ul, Write, 0x30u, FaultEvidence.Permission)]
    [InlineData("amd_iommu_report_page_fault: AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:41:00.0 domain=0x001c address=0xb9e61200 flags=0x0000]", "0000:41:00.0", 0xb9e61200ul, Read, 0u, FaultEvidence.None)]
    [InlineData("arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0x9c4b9000, fsynr=0x7c0020, cbfrsynra=0x800, cb=7", "stream 0x800", 0x9c4b9000ul, Read, 0x402u, FaultEvidence.Absent)]
    [InlineData("arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x408, iova=0x01000000, fsynr=0x11, cb=2", "context bank 2 of 5000000.iommu", 0x1000000ul, Write, 0x408u, FaultEvidence.Permission)]
    [InlineData("virtio_iommu virtio0: page fault from EP 32 at 0x4d4fc080 [W]", "endpoint 0x20", 0x4d4fc080ul, Write, null, FaultEvidence.None)]
    [InlineData("virtio_iommu virtio0: page fault from EP 32 at 0x4d4fc080 []", "endpoint 0x20", 0x4d4fc080ul, Open, null, FaultEvidence.None)]
    [InlineData("tegra-mc 70019000.memory-controller: sdmmc4a: write @0x00000000fffc0000: EMEM address decode error (SMMU translation error [--S])", "sdmmc4a", 0xfffc0000ul, Write, null, FaultEvidence.None)]
    [InlineData("tegra-mc 70019000.memory-controller: sdmmc4a: write @0x00000000fffc0000: EMEM address decode error (SMMU translation error [R-S])", "sdmmc4a", 0xfffc0000ul, Write, null, FaultEvidence.Permission)]
    [InlineData("riscv,iommu 0000:00:01.0: Fault 15 devid: 0x20 iotval: 5a454000 iotval2: 0", "device 0x20", 0x5a454000ul, Write, 15u, FaultEvidence.None)]
    [InlineData("rk_iommu ff914000.iommu: Page fault at 0x00000000fd0c0000 of type read", "a device behind ff914000.iommu", 0xfd0c0000ul, Read, null, FaultEvidence.None)]
    [InlineData("arm-smmu-v3 9050000.smmuv3: event: F_PERMISSION client: 0000:00:06.0 sid: 0x30 ssid: 0x0 iova: 0x5b896040 ipa: 0x0", "0000:00:06.0", 0x5b896040ul, Open, 0x13u, FaultEvidence.Permission)]
    public void One_line_says_it_all(string text, string device, ulong iova, FaultDirection direction, uint? reason, FaultEvidence evidence)
    {
        // What stands in front and behind, and what else shares the line of a console, does not matter.
        foreach (string line in (string[])[text, $"[   12.345678] {text}", $"<3>[   12.345678][  T151] {text}", $"login: [   12.345678] {text}\r",
            $"[   11.0] usb 1-1: new[   12.345678] {text}[   13.000000] usb 1-1: other"])
        {
            var fault = Decode(line + "\n").Faults.ShouldHaveSingleItem();
            fault.Device.ShouldBe(device);
            fault.Iova.ShouldBe(iova);
            fault.Direction.ShouldBe(direction);
            fault.ReasonCode.ShouldBe(reason);
            fault.Evidence.ShouldBe(evidence);
            fault.Reason.ShouldNotBeEmpty();
            fault.IsHeaderOnly.ShouldBeFalse();
            fault.Nanoseconds.ShouldBe(line.Contains("12.345678") ? 12_345_678_000 : -1);
        }
    }

    [Theory]
    [InlineData("DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x25] Blocked a compatibility format interrupt request", FaultEvidence.NotMemory)]
    [InlineData("vfio-pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x0 flags=0x000a]", FaultEvidence.None)]
    [InlineData("vfio-pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0xfdf8000020 flags=0x0008]", FaultEvidence.NotMemory)]
    [InlineData("AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:00:14.1 pasid=0x00000 address=0xfdf8000000 flags=0x0a00]", FaultEvidence.Device)]
    [InlineData("AMD-Vi: Event logged [IOTLB_INV_TIMEOUT device=0b:00.0 address=0x38e0b8510]", FaultEvidence.Device)]
    [InlineData("arm-smmu 5000000.iommu: Blocked unknown Stream ID 0x402; boot with \"arm-smmu.disable_bypass=0\" to allow", FaultEvidence.Device)]
    [InlineData("virtio_iommu virtio0: domain fault from EP 32", FaultEvidence.Device)]
    [InlineData("tegra-mc 7000f000.memory-controller: idxsrd2: read @0x00801000: EMEM address decode error (EMEM decode error)", FaultEvidence.NotMemory)]
    [InlineData("arm-smmu-v3 9050000.smmuv3: event: C_BAD_STREAMID client: (unassigned sid) sid: 0x999 ssid: 0x0", FaultEvidence.Device)]
    [InlineData("riscv,iommu 0000:00:01.0: Fault 258 devid: 0x20 iotval: 0 iotval2: 0", FaultEvidence.Device)]
    public void Some_have_no_iova_and_say_why(string text, FaultEvidence evidence)
    {
        var fault = Decode(text).Faults.ShouldHaveSingleItem();
        fault.Iova.ShouldBeNull();
        fault.WhyNoIova.ShouldNotBeNullOrEmpty();
        fault.Evidence.ShouldBe(evidence);
        fault.Device.ShouldNotBeNull();
        var explained = FaultCapture.ExplainText(text).Faults.ShouldHaveSingleItem();
        explained.Cause.ShouldBe(evidence == FaultEvidence.Device ? FaultCause.DeviceRefused : FaultCause.Unknown);
    }

    [Fact]
    public void Address_spaces_within_a_device()
    {
        Decode("DMAR: [DMA Read PASID 0x1a] Request device [6a:01.0] fault addr 0x1000 [fault reason 0x71] SM: Present bit").Faults[0].Pasid.ShouldBe(0x1au);
        Decode("AMD-Vi: Event logged [IO_PAGE_FAULT device=6a:01.0 pasid=0x0002 address=0x1000 flags=0x0000]").Faults[0].Pasid.ShouldBe(2u);
        Decode("arm-smmu-v3 a: event: F_TRANSLATION client: x sid: 0x20 ssid: 0x3 iova: 0x1000 ipa: 0x0").Faults[0].Pasid.ShouldBe(3u);
        Decode("""
            arm-smmu-v3 a: event 0x10 received:
            arm-smmu-v3 a: 	0x0000002000003810
            arm-smmu-v3 a: 	0x0000020800000000
            arm-smmu-v3 a: 	0x000000002f89d040
            arm-smmu-v3 a: 	0x0000000000000000
            """).Faults.ShouldHaveSingleItem().ShouldSatisfyAllConditions(
            fault => fault.Pasid.ShouldBe(3u), fault => fault.Direction.ShouldBe(Read), fault => fault.Iova.ShouldBe(0x2f89d040ul));
    }

    [Fact]
    public void Old_kernels_print_the_reason_on_a_line_of_its_own()
    {
        var fault = Decode("""
            [ 1692.021403] dmar: DRHD: handling fault status reg 2
            [ 1692.021403] dmar: DMAR:[DMA Read] Request device [00:02.0] fault addr 1a45aa9000
            [ 1692.021403] DMAR:[fault reason 12] non-zero reserved fields in PTE
            """).Faults.ShouldHaveSingleItem();
        fault.Iova.ShouldBe(0x1a45aa9000ul);
        fault.ReasonCode.ShouldBe(12u);
        fault.Line.ShouldBe(1);
        fault.Direction.ShouldBe(Read);
    }

    [Fact]
    public void A_heading_alone_is_a_fault_of_which_nothing_is_known()
    {
        var log = Decode("""
            DMAR: DRHD: handling fault status reg 2
            DMAR: DRHD: handling fault status reg 2
            DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0x1000 [fault reason 0x05] PTE Write access is not set
            DMAR: [DMA Write NO_PASID] Request device [00:04.0] fault addr 0x2000 [fault reason 0x05] PTE Write access is not set
            arm-smmu-v3 a: event 0x10 received:
            dmar_fault: 65 callbacks suppressed
            net_ratelimit: 12 callbacks suppressed
            DMAR: DRHD: handling fault status reg 2
            """);
        log.Faults.Select(fault => (fault.Line, fault.IsHeaderOnly, fault.Iova)).ShouldBe(
            [(1, true, null), (2, false, 0x1000ul), (4, false, 0x2000ul), (5, true, null), (8, true, null)]);
        log.Suppressed.ShouldBe([new SuppressedMessages(6, "dmar_fault", 65)]);
    }

    [Fact]
    public void Two_smmus_may_print_at_a_time()
    {
        var log = Decode("""
            arm-smmu-v3 a: event 0x10 received:
            arm-smmu-v3 b: event 0x13 received:
            arm-smmu-v3 a: 	0x0000002000000010
            arm-smmu-v3 b: 	0x0000003000000013
            arm-smmu-v3 a: 	0x0000020000000000
            arm-smmu-v3 a: 	0x0000000000001000
            arm-smmu-v3 b: 	0x0000020800000000
            arm-smmu-v3 b: 	0x0000000000002000
            arm-smmu-v3 b: 	0x0000000000000000
            arm-smmu-v3 a: 	0x0000000000000000
            arm-smmu-v3 b: event: F_PERMISSION client: 0000:00:06.0 sid: 0x30 ssid: 0x0 iova: 0x2000 ipa: 0x0
            arm-smmu-v3 a: event: F_TRANSLATION client: 0000:00:04.0 sid: 0x20 ssid: 0x0 iova: 0x1000 ipa: 0x0
            """);
        log.Faults.Select(fault => (fault.Device, fault.Iova, fault.Direction, fault.Evidence)).ShouldBe(
            [("0000:00:04.0", 0x1000ul, Write, FaultEvidence.Absent), ("0000:00:06.0", 0x2000ul, Read, FaultEvidence.Permission)]);
    }

    [Fact]
    public void An_smmuv2_says_the_stream_in_a_second_line()
    {
        var log = Decode("""
            arm-smmu 15000000.iommu: Unhandled context fault: fsr=0x402, iova=0xfd7ff000, fsynr=0x540003, cb=10
            arm-smmu 15000000.iommu: FSR    = 00000402 [Format=2 TF], SID=0x19c3
            arm-smmu 5000000.iommu: Unexpected global fault, this could be serious
            arm-smmu 5000000.iommu: 	GFSR 0x80000002, GFSYNR0 0x00000002, GFSYNR1 0x00000402, GFSYNR2 0x00000000
            """);
        log.Faults.Select(fault => (fault.Device, fault.ReasonCode)).ShouldBe([("stream 0x19c3", 0x402u), ("stream 0x402", 0x80000002u)]);
    }

    [Theory]
    [InlineData("[    6.158522] ", LogClock.Boot, 6_158_522_000)]
    [InlineData("<3>[    6.158522] ", LogClock.Boot, 6_158_522_000)]
    [InlineData("Nov 26 02:15:52 testvm kernel: [    6.158522] ", LogClock.Boot, 6_158_522_000)]
    [InlineData("[Thu Nov 26 02:15:52 2026] ", LogClock.Wall, 1_795_659_352_000_000_000)]
    [InlineData("[Fri Nov  6 02:15:52 2026] ", LogClock.Wall, 1_793_931_352_000_000_000)]
    [InlineData("2026-11-26T02:15:52.250000+00:00 testvm kernel: ", LogClock.Wall, 1_795_659_352_250_000_000)]
    [InlineData("Feb 30 02:15:52 testvm kernel: ", LogClock.None, -1)]
    [InlineData("", LogClock.None, -1)]
    [InlineData("[99999999999.1] ", LogClock.None, -1)]
    public void Times(string before, LogClock clock, long nanoseconds)
    {
        var fault = Decode(before + "virtio_iommu virtio0: page fault from EP 32 at 0x1000 [W]").Faults.ShouldHaveSingleItem();
        fault.Clock.ShouldBe(clock);
        fault.Nanoseconds.ShouldBe(nanoseconds);
    }

    [Fact]
    public void Lines_are_bounded_and_counted()
    {
        const string fault = "virtio_iommu virtio0: page fault from EP 32 at 0x1000 [W]";
        var log = Decode($"{fault}{new string('x', 1 << 20)}\n{new string(' ', 1 << 20)}{fault}\n{fault}\r{fault}\r\n{fault}");
        log.Lines.ShouldBe(4);
        log.LongLines.ShouldBe(2);
        log.Faults.Select(found => found.Line).ShouldBe([1, 3, 3, 4]);
        log.Faults[0].Message.Length.ShouldBeLessThan(400);
    }

    [Fact]
    public void There_is_an_end_to_what_is_kept()
    {
        var log = Decode(string.Concat(Enumerable.Repeat("virtio_iommu virtio0: page fault from EP 32 at 0x1000 [W]\n", 20_005)));
        log.Faults.Count.ShouldBe(20_000);
        log.MoreFaults.ShouldBe(5);
    }

    [Fact]
    public void Other_files_are_refused_by_name()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [0xff, 0xfe, 0x44, 0x00]);
            Should.Throw<InputException>(() => KernelLogReader.Read(path)).Message.ShouldBe(
                $"{path}: is text in UTF-16, not UTF-8; convert it first ('iconv -f UTF-16 -t UTF-8')");
            File.WriteAllBytes(path, [.. "\x17\x08\x44tracing6\0"u8]);
            Should.Throw<InputException>(() => KernelLogReader.Read(path)).Message.ShouldContain("is a trace.dat, not a kernel log");
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Damage, cuts, mixtures and noise: whatever a log holds, it is read to its end, and what comes of it can be printed.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void No_log_is_too_damaged_to_be_read(int seed)
    {
        var random = new Random(seed);
        byte[][] whole = [.. ((string[])["vtd", "amdvi", "smmuv3"]).Select(name =>
            File.ReadAllBytes(RepositoryFiles.InRepository("tests", "IommuKit.Traces.Tests", "Faults", "Data", name, "dmesg.txt")))];
        int found = 0;
        for (int round = 0; round < 300; round++)
        {
            byte[] text = [.. whole[random.Next(whole.Length)]];
            for (int change = random.Next(200); change >= 0; change--)
            {
                int at = random.Next(text.Length);
                switch (random.Next(4))
                {
                    case 0:
                        text[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        text[at] = (byte)"\n\r\t \0\x1b[]:0xf"[random.Next(12)];
                        break;
                    case 2:
                        byte[] other = whole[random.Next(whole.Length)];
                        int from = random.Next(other.Length);
                        int length = Math.Min(random.Next(300), Math.Min(other.Length - from, text.Length - at));
                        other.AsSpan(from, length).CopyTo(text.AsSpan(at));
                        break;
                    default:
                        text = [.. text.AsSpan(0, at), .. text.AsSpan(Math.Min(at + random.Next(50), text.Length))];
                        text = text.Length == 0 ? [0] : text;
                        break;
                }
            }

            KernelLog log;
            try
            {
                log = KernelLogReader.Read(new MemoryStream(text), "log", "log");
            }
            catch (InputException e) when (e.Message.Contains("no line that looks like a kernel's"))
            {
                // Hardly anything was left of it.
                text.Count(letter => letter == '\n').ShouldBeLessThan(10);
                continue;
            }

            log.Lines.ShouldBe(text.Count(letter => letter == '\n') + (text[^1] == '\n' ? 0 : 1));
            log.Faults.ShouldAllBe(fault => fault.Line >= 1 && fault.Line <= log.Lines && fault.Message.Length <= 300);
            var report = new FaultObserver(log).Finish();
            report.Messages.ShouldBe(log.Faults.Count);
            found += log.Faults.Count;
        }

        found.ShouldBeGreaterThan(300);
    }

    private static KernelLog Decode(string text) => KernelLogReader.Read(new MemoryStream(Encoding.Latin1.GetBytes(text)), "log", "log");
}
