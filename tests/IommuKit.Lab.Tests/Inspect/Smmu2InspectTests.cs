using IommuKit.Domains;
using IommuKit.Drivers.Smmu2;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Smmu2;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Lab.Tests.Inspect;

/// <summary>States that our driver left an SMMUv2 in are right, and what is wrong in versions broken one rule at a time is found.</summary>
public sealed class Smmu2InspectTests
{
    private const ulong Iova = 0x20_0000;
    private const int NestedBank = 5;

    private static readonly Smmu2Unit s_unit = Smmu2Unit.Full;

    public static TheoryData<Smmu2Stage, Smmu2TableFormat, int, string> Shapes => new()
    {
        { Smmu2Stage.Stage1, Smmu2TableFormat.Aarch64, 12, "stage 1" },
        { Smmu2Stage.Stage1, Smmu2TableFormat.Aarch64, 14, "stage 1" },
        { Smmu2Stage.Stage1, Smmu2TableFormat.Aarch64, 16, "stage 1" },
        { Smmu2Stage.Stage1, Smmu2TableFormat.LongDescriptors, 12, "stage 1" },
        { Smmu2Stage.Stage1, Smmu2TableFormat.ShortDescriptors, 12, "stage 1" },
        { Smmu2Stage.Stage2, Smmu2TableFormat.Aarch64, 12, "stage 2" },
        { Smmu2Stage.Stage2, Smmu2TableFormat.Aarch64, 16, "stage 2" },
        { Smmu2Stage.Stage2, Smmu2TableFormat.LongDescriptors, 12, "stage 2" },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_the_driver_configured_is_what_is_read(Smmu2Stage stage, Smmu2TableFormat format, int granuleLog2, string kind)
    {
        using var machine = Machine(stage, format, granuleLog2);
        using var domain = Mapped(machine, device: 0);
        machine.Driver.IdentityDomain.Attach(machine.Driver.Devices[2]);
        var state = Inspect(Snapshot(machine));
        state.Iommu.ShouldBe("smmu2");
        state.Sources.Select(source => source.Name).ShouldBe(["stream 0x10", "streams 0x80 mask 0xf"]);
        var source = state.Sources[0];
        (source.State, source.Kind).ShouldBe((InspectState.Translated, kind));
        source.Space!.Value.ShouldBe(stage == Smmu2Stage.Stage1 ? 4 : 1, "the first bank that can be it; VMIDs are one more");
        source.Contents!.Mappings.Sum(mapping => (long)mapping.Bytes).ShouldBe(0x2_0000);
        source.Contents.WritableBytes.ShouldBe(0x1_0000ul);
        (source.Contents.Mappings[0].Iova, source.Contents.Mappings[0].First).ShouldBe((Iova, DataOf(machine)));
        state.Sources[1].State.ShouldBe(InspectState.Bypass);
        state.Blocked.ShouldBe(1, "the device that is in no domain");
        state.Findings.ShouldAllBe(finding => !finding.IsWrong && finding.Rule == InspectRule.Bypass);
    }

    [Theory]
    [InlineData(Smmu2Global.Control0, 0x1, 0x1, "enabled")]
    [InlineData(Smmu2Global.Control0, 0x4, 0x0, "events")]
    [InlineData(Smmu2Global.FaultStatus, 0x2, 0x2, "errors")]
    public void A_global_register_that_breaks_a_rule_is_found(uint offset, ulong bits, ulong value, string rule)
    {
        using var machine = Machine();
        using var domain = Mapped(machine, device: 0);
        var input = Snapshot(machine);
        Wrong(Inspect(input)).ShouldBeEmpty();
        Wrong(Inspect(With(input, offset, (input.ValueOf(offset) & ~bits) | value))).ShouldBe([rule]);
    }

    [Theory]
    [InlineData(Smmu2Bank.SystemControl, 0x40, 0x0, "events")]
    [InlineData(Smmu2Bank.FaultStatus, 0x2, 0x2, "errors")]
    [InlineData(Smmu2Bank.FaultStatus, 0x4000_0000, 0x4000_0000, "errors")]
    [InlineData(Smmu2Bank.Table0 + 4, 0xff, 0xff, "tables")]
    public void A_register_of_a_bank_that_breaks_a_rule_is_found(uint offset, ulong bits, ulong value, string rule)
    {
        using var machine = Machine();
        using var domain = Mapped(machine, device: 0);
        var input = Snapshot(machine);
        uint place = s_unit.OffsetOf(4) + offset;
        Wrong(Inspect(With(input, place, (input.ValueOf(place) & ~bits) | value))).ShouldBe([rule]);
    }

    [Fact]
    public void What_passes_though_nobody_said_so_is_told_of()
    {
        using var machine = Machine();
        using var domain = Mapped(machine, device: 0);
        var input = Snapshot(machine);
        var unmatched = Inspect(With(input, Smmu2Global.Control0, input.ValueOf(Smmu2Global.Control0) & ~(ulong)Smmu2Global.Control.UnmatchedFaults));
        unmatched.Findings.ShouldContain(finding => finding.Rule == InspectRule.Bypass && finding.What.Contains("USFCFG", StringComparison.Ordinal));
        var off = Inspect(With(input, s_unit.OffsetOf(4), 0));
        off.Sources[0].State.ShouldBe(InspectState.Bypass);
        off.Findings.ShouldContain(finding => finding.Rule == InspectRule.Bypass);
    }

    [Fact]
    public void A_stream_that_two_registers_match_and_a_bank_that_there_is_not_are_found()
    {
        using var machine = Machine();
        using var domain = Mapped(machine, device: 0);
        var input = Snapshot(machine);
        uint first = (uint)Enumerable.Range(0, s_unit.StreamCount).First(group => (byte)input.ValueOf(Smmu2Global.StreamContext + ((uint)group * 4)) == 4) * 4;
        uint free = Smmu2Global.StreamMatch + (20 * 4);
        bool isWide = (input.ValueOf(Smmu2Global.Control0) & Smmu2Global.Control.WideStreamIds) != 0;
        var twice = With(input, free, Smmu2StreamMatch.Of(0x10, 1, isWide).Value);
        twice = With(twice, Smmu2Global.StreamContext + (20 * 4), Smmu2StreamContext.Fault.Value | Smmu2StreamContext.MatchValid);
        Wrong(Inspect(twice)).ShouldBe(["streams"]);
        ulong context = input.ValueOf(Smmu2Global.StreamContext + first);
        Wrong(Inspect(With(input, Smmu2Global.StreamContext + first, (context & ~0xfful) | 0x20))).ShouldBe(["tables"]);
    }

    [Fact]
    public void A_device_that_may_write_a_page_table_or_reserved_memory_is_found()
    {
        using var machine = Machine();
        using var domain = Mapped(machine, device: 0);
        var reserved = new InspectRange(DataOf(machine) + 0x800, DataOf(machine) + 0x8ff, "reserved memory");
        Wrong(Inspector.Run(Snapshot(machine), InspectCatalog.All, [reserved])).ShouldBe(["reserved"]);
        domain.Map(0x800_0000, ((PagingDomain)domain).RootAddress, 0x1000, Protection.Write | Protection.Read);
        Wrong(Inspect(Snapshot(machine))).ShouldBe(["reach"]);
    }

    [Fact]
    public void A_guests_stage_1_is_read_through_the_bank_of_stage_2()
    {
        const ulong ipa = 0x8000_0000;
        using var machine = Machine(Smmu2Stage.Stage2);
        using var domain = machine.CreateDomain(new DomainOptions { PageSizes = 4096 });
        ulong physical = DataOf(machine);
        domain.Map(ipa, physical, GuestTables.Bytes, Protection.Read | Protection.Write);
        domain.Attach(machine.Driver.Devices[0]);
        var guest = new GuestTables(machine.Memory, ipa, physical);
        guest.Make();
        Nest(machine, guest);
        var state = Inspect(Snapshot(machine));
        Wrong(state).ShouldBeEmpty();
        var source = state.Sources.Single();
        (source.Kind, source.Space).ShouldBe(("stage 1 on stage 2", 7));
        source.Contents!.Mappings.ShouldBe(
        [
            new InspectMapping(GuestTables.Written, physical + 0x5000, physical + 0x5fff, IsReadable: true, IsWritable: true),
            new InspectMapping(GuestTables.Read, physical + 0x6000, physical + 0x6fff, IsReadable: true, IsWritable: false),
        ]);
        foreach (var mapping in source.Contents.Mappings)
        {
            var answer = machine.Model!.Translate(new Smmu2Request(0x10, mapping.Iova, Smmu2Access.Read)).Range;
            answer.PhysicalOf(mapping.Iova).ShouldBe(mapping.First);
        }

        guest.Map(0x2_0000, guest.Root, isWritable: true);
        Wrong(Inspect(Snapshot(machine))).ShouldBe(["reach"]);
        domain.Unmap(guest.LastTable, 0x1000);
        Wrong(Inspect(Snapshot(machine))).ShouldBe(["tables"]);

        // On top of a bank that is none of stage 2.
        uint attributes = (1u << s_unit.PageShift) + (NestedBank * 4);
        Wrong(Inspect(With(Snapshot(machine), attributes, Smmu2BankAttributes.Nested(NestedBank).Value))).ShouldBe(["tables"]);
    }

    /// <summary>Puts the guest's tables into a bank of their own on top of that which the driver gave the device.</summary>
    private static void Nest(Smmu2Machine machine, GuestTables guest)
    {
        var model = machine.Model!;
        uint routing = 1u << s_unit.PageShift;
        uint bank = s_unit.OffsetOf(NestedBank);
        uint second = (uint)Enumerable.Range(0, s_unit.BankCount).First(one => (model.Read32(s_unit.OffsetOf(one)) & 1) != 0);
        model.Write32(routing + Smmu2Routing.Attributes2 + (NestedBank * 4), Smmu2Routing.Tables64);
        model.Write32(routing + Smmu2Routing.Attributes + (NestedBank * 4), Smmu2BankAttributes.Nested((int)second).Value);
        model.Write32(bank + Smmu2Bank.Control2, Smmu2Bank.WideAsids | 2 | (Smmu2Bank.SignUpstream << Smmu2Bank.SignShift));
        model.Write32(bank + Smmu2Bank.TableControl, (64 - GuestTables.InputBits) | (1u << 23));
        model.Write64(bank + Smmu2Bank.Table0, guest.Root | (7ul << Smmu2Bank.AsidShift));
        model.Write32(bank + Smmu2Bank.MemoryTypes0, 0xff);
        model.Write32(bank + Smmu2Bank.SystemControl, Smmu2Bank.Control.Enable | Smmu2Bank.Control.FaultAborts | Smmu2Bank.Control.FaultInterrupt);
        for (uint group = 0; group < s_unit.StreamCount; group++)
        {
            uint place = Smmu2Global.StreamContext + (group * 4);
            var context = new Smmu2StreamContext(model.Read32(place));
            if (context.Type == Smmu2StreamContextType.Translate && context.Bank == second)
            {
                model.Write32(place, (context.Value & ~0xffu) | NestedBank);
            }
        }
    }

    private static Smmu2Machine Machine(
        Smmu2Stage stage = Smmu2Stage.Stage1, Smmu2TableFormat format = Smmu2TableFormat.Any, int granuleLog2 = 0) =>
        Smmu2Machine.Create(s_unit, driverOptions: new Smmu2DriverOptions { Stage = stage, Format = format, GranuleLog2 = granuleLog2 });

    private static IommuDomain Mapped(Smmu2Machine machine, int device)
    {
        var domain = machine.CreateDomain(new DomainOptions());
        domain.Map(Iova, DataOf(machine), 0x1_0000, Protection.Read | Protection.Write);
        domain.Map(Iova + 0x1_0000, DataOf(machine) + 0x1_0000, 0x1_0000, Protection.Read);
        domain.Attach(machine.Driver.Devices[device]);
        return domain;
    }

    private static ulong DataOf(Smmu2Machine machine) => (machine.DataStart + 0xff_ffff) & ~0xff_fffful;

    private static InspectInput Snapshot(Smmu2Machine machine) => MachineSnapshots.Of(machine, s_unit);

    private static Inspection Inspect(InspectInput input) => Inspector.Run(input, InspectCatalog.All, []);

    private static InspectInput With(InspectInput input, uint offset, ulong value) =>
        input with { Registers = [.. input.Registers, new BootRegister(BootRegisterKind.Written, offset, 4, value, string.Empty)] };

    private static string[] Wrong(Inspection state) =>
        [.. state.Findings.Where(finding => finding.IsWrong).Select(finding => finding.Rule.Name).Distinct()];
}
