using System.Buffers.Binary;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu3;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Tests.Inspect;

/// <summary>States that real drivers left are right, and what is wrong in versions broken one rule at a time is found.</summary>
public class InspectorTests
{
    private const string SmmuBoot = "s-612-strict";

    [SharedTheory]
    [InlineData("smmuv3-linux", "s-612-strict")]
    [InlineData("smmuv3-linux", "s-612-16k")]
    [InlineData("smmuv3-linux", "s-612-pt")]
    [InlineData("smmuv3-linux", "s-612-s2")]
    [InlineData("smmuv3-linux", "s-72-16k-s2")]
    [InlineData("smmuv3-linux", "s-72-lazy")]
    [InlineData("vtd-linux", "s-612-cm39")]
    [InlineData("vtd-linux", "s-612-legacy")]
    [InlineData("vtd-linux", "s-72-ats")]
    [InlineData("vtd-linux", "s-72-legacy-pt")]
    [InlineData("vtd-linux", "s-72-sm-fs")]
    public void Nothing_is_wrong_in_what_Linux_left(string platform, string boot)
    {
        int states = 0;
        foreach (var snapshot in new RecordedBoot(RepositoryFiles.InShared("vectors", platform, boot)).Snapshots())
        {
            var state = Inspect(InputOf(snapshot));
            state.Findings.Where(finding => finding.IsWrong).Select(finding => $"{snapshot.Name}: {finding.Rule.Name}: {finding.What}").ShouldBeEmpty();
            states++;
        }

        states.ShouldBeGreaterThan(5);
    }

    /// <summary>Which streams there are, the recorder wrote beside the snapshot.</summary>
    [SharedFact]
    public void Streams_are_those_that_the_recorder_saw()
    {
        var boot = new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", SmmuBoot));
        var state = Inspect(InputOf(boot.Snapshots().First()));
        state.Iommu.ShouldBe("smmu3");
        state.Sources.Select(source => source.Name).ShouldBe(
            ["stream 0x8", "stream 0x10", "stream 0x18", "stream 0x48", "stream 0x50", "stream 0x60", "stream 0x100"]);
        state.Sources.ShouldAllBe(source => source.State == InspectState.Translated && source.Kind == "stage 1" && source.Contents != null);
        state.Sources.ShouldAllBe(source => source.Contents!.Bytes >= 4096 && source.Contents.Problems == 0 && source.Table!.InputBits == 48);
        state.Sources.ShouldAllBe(source => source.Space > 0);
    }

    [SharedFact]
    public void A_group_that_was_switched_to_identity_is_told_of_and_not_wrong()
    {
        var boot = new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", SmmuBoot));
        var state = Inspect(InputOf(boot.Snapshots().First(snapshot => snapshot.Name == "identity")));
        state.Findings.ShouldContain(finding => finding.Rule == InspectRule.Bypass && !finding.IsWrong);
        state.Sources.ShouldContain(source => source.State == InspectState.Bypass);
    }

    [SharedTheory]
    [InlineData(Smmu3Register.Control0, 0x0c, "enabled")]
    [InlineData(Smmu3Register.Control0, 0x05, "commands")]
    [InlineData(Smmu3Register.Control0, 0x09, "events")]
    [InlineData(Smmu3Register.StreamTable, 0, "tables")]
    [InlineData(Smmu3Register.CommandQueue, 0, "tables")]
    [InlineData(Smmu3Register.EventQueue, 0, "tables")]
    [InlineData(Smmu3Register.GlobalError, 1, "errors")]
    [InlineData(Smmu3Register.CommandConsumer, 0x0100_03e9, "errors")]
    [InlineData(Smmu3Register.EventProducer, 0x8000_0000, "errors")]
    public void A_register_that_breaks_a_rule_of_the_SMMUv3_is_found(uint offset, ulong value, string rule)
    {
        var input = InputOf(new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", SmmuBoot)).Snapshots().First());
        Wrong(Inspect(With(input, offset, value))).ShouldBe([rule]);
    }

    [SharedFact]
    public void A_device_that_may_write_the_stream_table_or_reserved_memory_is_found()
    {
        var input = InputOf(new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", SmmuBoot)).Snapshots().First());
        var whole = Inspect(input);
        var (_, first, last, _, _) = whole.Sources.SelectMany(source => source.Contents!.Writable).First();
        Wrong(Inspector.Run(input, InspectCatalog.All, [new InspectRange(last, last + 0x1000, "reserved memory")])).ShouldBe(["reserved"]);
        Wrong(Inspector.Run(input, InspectCatalog.All, [new InspectRange(last + 1, last + 1, "reserved memory")])).Except(["reserved"]).ShouldBeEmpty();

        // The event queue lies where a device's buffer is.
        Wrong(Inspect(With(input, Smmu3Register.EventQueue, (first & ~0x1ffful) | 8))).ShouldBe(["reach"]);
    }

    [SharedFact]
    public void A_page_table_that_leads_to_garbage_is_found()
    {
        var snapshot = new RecordedBoot(RepositoryFiles.InShared("vectors", "smmuv3-linux", SmmuBoot)).Snapshots().First();
        var input = InputOf(snapshot);
        var table = Inspect(input).Sources[0].Table!;
        var broken = snapshot.Memory.Layer();
        byte[] entry = new byte[8];

        // A block at level 0, which there is none of.
        BinaryPrimitives.WriteUInt64LittleEndian(entry, 0x401);
        broken.TryWrite(table.Root + 8, entry);
        Wrong(Inspect(input with { Memory = broken })).ShouldBe(["tables"]);
    }

    [Theory]
    [InlineData(VtdRegister.GlobalStatus, 0x4700_0000, "enabled")]
    [InlineData(VtdRegister.GlobalStatus, 0xc300_0000, "commands")]
    [InlineData(VtdRegister.FaultEvent, 0x8000_0000, "events")]
    [InlineData(VtdRegister.RootTable, 0, "tables")]
    [InlineData(VtdRegister.QueueAddress, 0, "tables")]
    [InlineData(VtdRegister.FaultStatus, 0x10, "errors")]
    public void A_register_that_breaks_a_rule_of_VT_d_is_found(uint offset, ulong value, string rule)
    {
        var input = InputOf(new RecordedBoot(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt")).Snapshots().First());
        Wrong(Inspect(input)).ShouldBeEmpty();
        Wrong(Inspect(With(input, offset, value))).ShouldBe([rule]);
    }

    [Fact]
    public void A_device_of_VT_d_that_passes_is_told_of_and_not_wrong()
    {
        var input = InputOf(new RecordedBoot(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt")).Snapshots().First());
        var state = Inspect(input);
        state.Findings.ShouldContain(finding => finding.Rule == InspectRule.Bypass && !finding.IsWrong);
        state.Sources.ShouldContain(source => source.State == InspectState.Bypass);
    }

    [Fact]
    public void Devices_of_VT_d_are_named_by_bus_device_and_function()
    {
        string boots = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots");
        var legacy = Inspect(InputOf(new RecordedBoot(Path.Combine(boots, "s-72-legacy-pt")).Snapshots().First()));
        legacy.Sources.ShouldContain(source => source.Name == "00:01.0" && source.State == InspectState.Bypass);
        legacy.Findings.ShouldContain(finding => finding.Rule == InspectRule.Bypass && !finding.IsWrong);
        var scalable = Inspect(InputOf(new RecordedBoot(Path.Combine(boots, "s-72-sm-fs")).Snapshots().First()));
        scalable.Sources.ShouldContain(source => source.Kind == "first stage" && source.Contents!.Bytes != 0);
    }

    [Theory]
    [InlineData("the PASID directory of")]
    [InlineData("a PASID table of")]
    public void A_PASID_table_where_no_memory_is_is_found(string which)
    {
        string boots = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots");
        var input = InputOf(new RecordedBoot(Path.Combine(boots, "s-72-sm-fs")).Snapshots().First());
        var builder = new InspectBuilder(input.Memory);
        Lab.Iommus.Vtd.VtdInspect.Instance.Read(input, builder);
        var hole = builder.Structures.First(structure => structure.What.StartsWith(which, StringComparison.Ordinal));
        var state = Inspect(input with { Memory = new MemoryWithHole(input.Memory, hole.First, hole.Last) });
        state.Findings.ShouldContain(finding => finding.IsWrong && finding.Rule == InspectRule.Tables && finding.What.Contains(which, StringComparison.Ordinal));
    }

    /// <summary>Once it has overflowed, the SMMU answers page requests itself until software has acknowledged that.</summary>
    [Fact]
    public void A_queue_of_page_requests_that_has_overflowed_is_found()
    {
        using var machine = Smmu3Machine.Create(Smmu3Unit.Full);
        var input = With(MachineSnapshots.Of(machine), Smmu3Register.PageRequestProducer, Smmu3Register.Overflow | 3);
        Wrong(Inspect(input)).ShouldBe(["errors"]);
        Wrong(Inspect(With(input, Smmu3Register.PageRequestConsumer, Smmu3Register.Overflow | 3))).ShouldBeEmpty();

        // Without page requests these registers say nothing.
        using var without = Smmu3Machine.Create(Smmu3Unit.Emulated);
        Wrong(Inspect(With(MachineSnapshots.Of(without), Smmu3Register.PageRequestProducer, Smmu3Register.Overflow))).ShouldBeEmpty();
    }

    /// <summary>The last page of each queue is missing; a queue that is off may be anywhere.</summary>
    [Theory]
    [InlineData("the command queue", Smmu3Register.Control.CommandQueue)]
    [InlineData("the event queue", Smmu3Register.Control.EventQueue)]
    [InlineData("the queue of page requests", Smmu3Register.Control.PageRequestQueue)]
    public void A_queue_of_the_SMMUv3_where_no_memory_is_is_found(string which, uint control)
    {
        using var machine = Smmu3Machine.Create(Smmu3Unit.Full);
        uint on = machine.Model!.Read32(Smmu3Register.Control0);
        var input = With(
            With(MachineSnapshots.Of(machine), Smmu3Register.PageRequestQueue, machine.DataStart | 9),
            Smmu3Register.Control0,
            on | Smmu3Register.Control.PageRequestQueue);
        Wrong(Inspect(input)).ShouldBeEmpty();
        var builder = new InspectBuilder(input.Memory);
        Smmu3Inspect.Instance.Read(input, builder);
        ulong last = builder.Structures.Single(structure => structure.What == which).Last;
        var hole = input with { Memory = new MemoryWithHole(input.Memory, last & ~0xffful, last) };
        Inspect(hole).Findings.Single(finding => finding.IsWrong).What.ShouldBe($"there is no memory at 0x{last & ~0xffful:x}, where {which} is");
        Inspect(With(hole, Smmu3Register.Control0, (on | Smmu3Register.Control.PageRequestQueue) & ~control)).Findings
            .ShouldNotContain(finding => finding.What.Contains("no memory", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("the invalidation queue", VtdRegister.QueueAddress)]
    [InlineData("the interrupt table", VtdRegister.InterruptTable)]
    public void A_queue_or_table_of_VT_d_where_no_memory_is_is_found(string which, uint register)
    {
        var input = InputOf(new RecordedBoot(RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt")).Snapshots().First());
        ulong first = input.ValueOf(register) & ~0xffful;
        first.ShouldNotBe(0ul);
        Inspect(input with { Memory = new MemoryWithHole(input.Memory, first, first) }).Findings.Single(finding => finding.IsWrong).What
            .ShouldBe($"there is no memory at 0x{first:x}, where {which} is");
    }

    /// <summary>Everything is aborted then, which may be meant so, or the address of something else.</summary>
    [Fact]
    public void A_stream_table_without_a_valid_entry_is_told_of()
    {
        const string note = "no entry of the stream table is valid: whatever a device sends is aborted";
        using var machine = Smmu3Machine.Create(Smmu3Unit.Full);
        var input = MachineSnapshots.Of(machine);
        Inspect(input).Findings.ShouldNotContain(finding => finding.What == note);
        foreach (ulong config in new ulong[] { 6, 6 | (6 << 6) | (1 << 16) })
        {
            // Nothing was ever written to data.
            var empty = With(With(input, Smmu3Register.StreamTable, machine.DataStart), Smmu3Register.StreamTableConfig, config);
            Inspect(empty).Findings.Single().ShouldBe(new InspectFinding(InspectRule.Tables, IsWrong: false, note));
        }

        // A table of which a part is missing is wrong, and nothing is said of the rest.
        var cut = With(With(input, Smmu3Register.StreamTable, machine.DataStart), Smmu3Register.StreamTableConfig, 10);
        cut = cut with { Memory = new MemoryWithHole(cut.Memory, machine.DataStart + 0x1000, ulong.MaxValue) };
        Inspect(cut).Findings.ShouldNotContain(finding => finding.What == note);
    }

    [Fact]
    public void Registers_of_nothing_that_is_known_are_refused() =>
        Should.Throw<IommuKit.Traces.InputException>(() => Inspect(new InspectInput("odd", [], new BootMemory()))).Message.ShouldContain("no IOMMU that is known");

    private static Inspection Inspect(InspectInput input) => Inspector.Run(input, InspectCatalog.All, []);

    /// <summary>
    /// Tables of many devices can be the same one, with a million entries in which nothing is: a megabyte of memory that would take hours, and more
    /// memory than there is for what to say of it. What was not looked at is said, and is wrong.
    /// </summary>
    [Fact]
    public void Entries_without_end_are_cut()
    {
        // 65,536 streams of stage 1, each with 2^20 context descriptors, none of them valid.
        (string Name, (uint Offset, int Size, ulong Value)[] Registers, Func<ulong, ulong> Memory) smmu = (
            "smmu3",
            [(0, 4, 0xd441019), (4, 4, 0x2730010), (0xc, 4, 0x1414), (0x14, 4, 0x74), (0x80, 8, 0x1000_0000), (0x88, 4, 16), (0x20, 4, 0xd)],
            address => address is < 0x1000_0000 or >= 0x1040_0000 ? 0 : (address & 63) == 0 ? (20ul << 59) | 0x1_0000_0000 | (5 << 1) | 1 : 0);

        // 65,536 functions, each with 16,384 directory entries that lead to a PASID table in which nothing is.
        (string, (uint, int, ulong)[], Func<ulong, ulong>) vtd = (
            "vtd",
            [(8, 8, 0xd2008c222f0686), (0x10, 8, 0xf00f5a), (0x1c, 4, 0xc4000000), (0x20, 8, 0x1000 | 0x400)],
            address => address switch
            {
                >= 0x1000 and < 0x2000 => 0x2000 | 1,
                >= 0x2000 and < 0x3000 when (address & 31) == 0 => 0x10_0000 | (7 << 9) | 1,
                >= 0x10_0000 and < 0x12_0000 => 0x20_0000 | 1,
                _ => 0,
            });
        foreach (var (name, registers, memory) in ((string, (uint Offset, int Size, ulong Value)[], Func<ulong, ulong>)[])[smmu, vtd])
        {
            var state = Inspect(new InspectInput(
                name,
                [.. registers.Select(one => new BootRegister(BootRegisterKind.Written, one.Offset, one.Size, one.Value, string.Empty))],
                new MadeUpMemory(memory)));
            state.Iommu.ShouldBe(name);
            state.IsCut.ShouldBeTrue(name);
            state.Findings.ShouldContain(finding => finding.IsWrong && finding.What.Contains("if there are more, they were not", StringComparison.Ordinal), name);
        }
    }

    private static InspectInput InputOf(BootSnapshot snapshot) => new(snapshot.Name, snapshot.Registers, snapshot.Memory);

    private static InspectInput With(InspectInput input, uint offset, ulong value) =>
        input with { Registers = [.. input.Registers, new BootRegister(BootRegisterKind.Written, offset, 8, value, string.Empty)] };

    private static string[] Wrong(Inspection state) =>
        [.. state.Findings.Where(finding => finding.IsWrong).Select(finding => finding.Rule.Name).Distinct()];

    private sealed class MadeUpMemory(Func<ulong, ulong> word) : IMemoryAccessor
    {
        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination, word(physicalAddress));
            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;
    }

    private sealed class MemoryWithHole(IMemoryAccessor memory, ulong first, ulong last) : IMemoryAccessor
    {
        public bool TryRead(ulong physicalAddress, Span<byte> destination) =>
            (physicalAddress < first || physicalAddress > last) && memory.TryRead(physicalAddress, destination);

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;
    }
}
