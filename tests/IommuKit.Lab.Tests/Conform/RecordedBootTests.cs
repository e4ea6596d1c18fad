using IommuKit.Lab.Conform;
using IommuKit.Lab.Tests.Vtd;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Conform;

public sealed class RecordedBootTests
{
    [Fact]
    public void Snapshots_go_on_in_the_same_memory_and_have_registers_and_probes_of_their_own()
    {
        using var folder = new BootFolder();
        folder.Write("pages.txt", "# a boot\nT one\nI 8 8 1234567890 CAP\nM ffe 01020304\nT two\nW 18 4 ff\nM 1000 ee\nT three\n");
        folder.Write(
            "translations.txt",
            "T one\nX sid=8 iova=1000 write -> ok pa=2000 perm=rw shift=12\nT two\nX sid=ff iova=3000 read -> fault 6 record=00aa\n"
                + "X sid=1 iova=fee00000 write -> irq\nX sid=1 iova=1 write -> ok pa=1 WALKER=('fault')\n");
        var seen = new List<string>();
        foreach (var snapshot in new RecordedBoot(folder.Path).Snapshots())
        {
            byte[] bytes = new byte[4];
            snapshot.Memory.TryRead(0xffe, bytes).ShouldBeTrue();
            seen.Add($"{snapshot.Name} {Convert.ToHexString(bytes)} {snapshot.Registers.Count}");
            switch (snapshot.Name)
            {
                case "one":
                    snapshot.Registers.ShouldBe([new BootRegister(BootRegisterKind.Capability, 8, 8, 0x12_3456_7890, "CAP")]);
                    snapshot.ValueOf(8).ShouldBe(0x12_3456_7890ul);
                    snapshot.ValueOf(9).ShouldBeNull();
                    snapshot.Probes.ShouldBe(
                    [
                        new BootProbe(
                            8,
                            0x1000,
                            IsWrite: true,
                            new ProbeAnswer(ProbeOutcome.Passed, 0x2000, "rw", 12),
                            IsDisputed: false,
                            2,
                            "X sid=8 iova=1000 write -> ok pa=2000 perm=rw shift=12"),
                    ]);
                    break;
                case "two":
                    snapshot.Probes.Select(probe => probe.Answer).ShouldBe(
                    [
                        new ProbeAnswer(ProbeOutcome.Fault, FaultKind: "6", FaultRecord: "00aa"),
                        new ProbeAnswer(ProbeOutcome.Interrupt),
                        new ProbeAnswer(ProbeOutcome.Passed, 1),
                    ]);
                    snapshot.Probes.Select(probe => probe.IsDisputed).ShouldBe([false, false, true]);
                    break;
                default:
                    snapshot.Probes.ShouldBeEmpty();
                    break;
            }
        }

        seen.ShouldBe(["one 01020304 1", "two 0102EE04 1", "three 0102EE04 0"]);
    }

    [Fact]
    public void What_a_unit_stores_does_not_reach_the_recorded_memory()
    {
        var memory = new BootMemory();
        memory.TryWrite(0x1ffc, [1, 2, 3, 4, 5, 6, 7, 8]);
        var layer = memory.Layer();
        layer.TryWrite(0x1ffe, [9, 9, 9]);
        byte[] bytes = new byte[8];
        layer.TryRead(0x1ffc, bytes);
        bytes.ShouldBe([1, 2, 9, 9, 9, 6, 7, 8]);
        memory.TryRead(0x1ffc, bytes);
        bytes.ShouldBe([1, 2, 3, 4, 5, 6, 7, 8]);
        memory.TryRead(ulong.MaxValue - 3, bytes);
        bytes.ShouldBe([0, 0, 0, 0, 0, 0, 0, 0]);
    }

    [Theory]
    [InlineData("M 10 0", "", "pages.txt:2")]
    [InlineData("M xx 00", "", "pages.txt:2")]
    [InlineData("W 10 3 0", "", "pages.txt:2")]
    [InlineData("W 100000000 4 0", "", "pages.txt:2")]
    [InlineData("Q", "", "pages.txt:2")]
    [InlineData("", "X sid=1 iova=1 write -> ok", "translations.txt:2")]
    [InlineData("", "X sid=1 iova=1 write -> ok pa=", "translations.txt:2")]
    [InlineData("", "X sid=1 iova=1 write -> ok pa=1 shift=x", "translations.txt:2")]
    [InlineData("", "X sid=1 iova=1 execute -> irq", "translations.txt:2")]
    [InlineData("", "X sid=100000000 iova=1 write -> irq", "translations.txt:2")]
    [InlineData("", "X sid=1 iova=1 write -> fault", "translations.txt:2")]
    [InlineData("", "X sid=1", "translations.txt:2")]
    [InlineData("", "Y", "translations.txt:2")]
    public void A_line_that_is_not_understood_is_named(string page, string translation, string place)
    {
        using var folder = new BootFolder();
        folder.Write("pages.txt", $"T one\n{page}\n").Write("translations.txt", $"T one\n{translation}\n");
        var refusal = Should.Throw<InputException>(() => new RecordedBoot(folder.Path).Snapshots().ToList());
        refusal.Message.ShouldContain(place);
    }

    [Fact]
    public void A_folder_without_a_boot_is_refused()
    {
        using var folder = new BootFolder();
        File.Delete(Path.Combine(folder.Path, "pages.txt"));
        Should.Throw<InputException>(() => new RecordedBoot(folder.Path)).Message.ShouldContain("pages.txt");
        File.WriteAllText(Path.Combine(folder.Path, "pages.txt.gz"), "no gzip");
        Should.Throw<InputException>(() => new RecordedBoot(folder.Path).Snapshots().ToList());
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("== groups\ngroup 0 type=DMA devices=0000:00:00.0\n", 0)]
    [InlineData("== groups\ngroup 0 type=DMA devices=0000:00:00.0\ngroup 1 type=DMA-FQ devices=0000:00:01.0\n", 1)]
    public void How_many_groups_a_kernel_defers_for_is_known_from_their_types(string? meta, int? deferred)
    {
        using var folder = new BootFolder();
        if (meta is not null)
        {
            folder.Write("meta.txt", meta);
        }

        new RecordedBoot(folder.Path).DeferredGroups.ShouldBe(deferred);
    }

    [SharedFact]
    public void A_kernel_that_drops_whole_domains_without_a_queue_is_found_out()
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", "vtd-linux", "s-612-legacy"), withEvents: true);
        string events = File.ReadAllText(Path.Combine(folder.Path, "oracle.txt"));
        int pages = events.Split("\n  iotlb gran=3 ").Length - 1;
        pages.ShouldBeGreaterThan(10);
        folder.Write("oracle.txt", events.Replace("iotlb gran=3 ", "iotlb gran=2 ", StringComparison.Ordinal));
        ConformRunner.Run(new RecordedBoot(folder.Path), [Lab.Iommus.Vtd.VtdConform.Instance]).Unknown.ShouldBeGreaterThan(pages / 2);
    }

    [Theory]
    [InlineData("80", true, true)]
    [InlineData("80", false, false)]
    [InlineData("00", true, false)]
    public void A_fault_that_leaves_no_event_is_known_only_where_the_recording_says_so_and_of_stage_2(string stage, bool isDisputed, bool isKnown)
    {
        using var folder = new BootFolder(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt"));
        var probe = new BootProbe(0x20, 1ul << 48, true, new(ProbeOutcome.Fault, FaultKind: "NONE"), isDisputed, 1, "X");
        string record = $"100000002000000000000000{stage}020000{new string('0', 32)}";
        var seen = new ProbeAnswer(ProbeOutcome.Fault, FaultKind: "F_TRANSLATION", FaultRecord: record);
        var known = Lab.Iommus.Smmu3.Smmu3Conform.Instance.KnownDeviation(new RecordedBoot(folder.Path).Snapshots().First(), probe, seen);
        (known is not null).ShouldBe(isKnown);
    }

    [Fact]
    public void A_boot_of_an_unknown_IOMMU_or_without_snapshots_is_refused()
    {
        using var folder = new BootFolder();
        Should.Throw<InputException>(() => ConformRunner.Run(new RecordedBoot(folder.Path), [Lab.Iommus.Vtd.VtdConform.Instance]));
        folder.Write("pages.txt", "T one\nI 0 4 1 IDR0\n");
        Should.Throw<InputException>(() => ConformRunner.Run(new RecordedBoot(folder.Path), [Lab.Iommus.Vtd.VtdConform.Instance]));
    }
}
