using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Inspect;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Models.Vtd;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Tests.Inspect;

/// <summary>A guest's first stage on VT-d is read through the second, and entries of scalable mode are held against their reserved bits.</summary>
public sealed class VtdNestedInspectTests : IDisposable
{
    private const ulong GuestBytes = 0x20_0000;
    private const ulong Root = 0x1000;
    private const ulong Entry = 3 | 4;
    private const ulong Written = 0x7000_5000;
    private const ulong Page = 0x8000;

    private readonly VtdMachine _machine = VtdMachine.Create(
        VtdUnit.Server57,
        new MachineSettings { TablePoolStart = 1 << 20 },
        driverOptions: new VtdDriverOptions { Mode = VtdMode.SecondStage });
    private readonly ulong _physical;
    private readonly PagingDomain _below;

    public VtdNestedInspectTests()
    {
        _physical = (_machine.DataStart + 0xffff_ffff) & ~0xffff_fffful;
        _below = (PagingDomain)_machine.CreateDomain(new DomainOptions { PageSizes = 4096 });
        _below.Map(0, _physical, GuestBytes, Protection.Read | Protection.Write);

        // Four levels of the guest, one table after the other.
        for (int level = 3; level > 0; level--)
        {
            ulong table = Root + ((ulong)(3 - level) << 12);
            Store(_physical + table + (Index(Written, level) * 8), (table + 0x1000) | Entry);
        }

        Store(LastEntry, Page | Entry);
        var guest = ((VtdDriver)_machine.Driver).CreateNestedDomain(_below, new VtdGuestTables(Root));
        guest.Attach(_machine.Driver.Devices[0]);
    }

    // Of the page in the guest's last table.
    private ulong LastEntry => _physical + Root + 0x3000 + (Index(Written, 0) * 8);

    private ushort Source => ((VtdDevice)_machine.Driver.Devices[0]).SourceId;

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void What_both_stages_map_is_what_the_model_lets_pass()
    {
        var source = Inspect().Sources.Single();
        (source.Pasid, source.State, source.Kind).ShouldBe((null, InspectState.Translated, "first stage on second stage"));
        var mapping = source.Contents!.Mappings.ShouldHaveSingleItem();
        mapping.ShouldBe(new InspectMapping(Written, _physical + Page, _physical + Page + 0xfff, IsReadable: true, IsWritable: true));
        _machine.Model!.Translate(new VtdRequest(Source, Written, VtdAccess.Write)).Range.PhysicalOf(Written).ShouldBe(mapping.First);
        Wrong().ShouldBeEmpty();
    }

    [Fact]
    public void A_guest_that_lets_its_device_write_its_own_tables_is_found()
    {
        Store(LastEntry, (Root + 0x3000) | Entry);
        Wrong().ShouldBe(["reach"]);
    }

    [Fact]
    public void Reserved_memory_is_found_where_both_stages_lead()
    {
        ulong page = _physical + Page;
        var reserved = Inspector.Run(MachineSnapshots.Of(_machine), InspectCatalog.All, [new InspectRange(page + 0xfff, page + 0x1fff, "firmware")]);
        reserved.Findings.Where(finding => finding.IsWrong).Select(finding => finding.Rule).ShouldBe([InspectRule.Reserved]);
        var beside = Inspector.Run(MachineSnapshots.Of(_machine), InspectCatalog.All, [new InspectRange(page + 0x1000, page + 0x1fff, "firmware")]);
        beside.Findings.ShouldNotContain(finding => finding.IsWrong);
    }

    [Fact]
    public void A_queue_that_a_device_may_write_is_found()
    {
        var input = MachineSnapshots.Of(_machine);
        ulong queue = (_physical + Page) | (_machine.Model!.Read64(VtdRegister.QueueAddress) & 0x807);
        var moved = input with { Registers = [.. input.Registers, new(BootRegisterKind.Written, VtdRegister.QueueAddress, 8, queue, string.Empty)] };
        var findings = Inspector.Run(moved, InspectCatalog.All, []).Findings;
        findings.Where(finding => finding.IsWrong).Select(finding => finding.Rule).Distinct().ShouldBe([InspectRule.Reach]);
    }

    [Fact]
    public void A_table_that_the_second_stage_does_not_map_is_found()
    {
        _below.Unmap(Root + 0x2000, 0x1000);
        Wrong().ShouldBe(["tables"]);
    }

    /// <summary>The quadword of the entry, and a bit that the specification reserves in it. Hardware faults on the same.</summary>
    [Theory]
    [InlineData(0, 5)]
    [InlineData(0, 10)]
    [InlineData(1, 16)]
    [InlineData(1, 30)]
    [InlineData(2, 8)]
    [InlineData(3, 0)]
    [InlineData(7, 63)]
    public void Reserved_bits_of_a_PASID_entry_are_found(int word, int bit)
    {
        Flip(PasidEntry, word, bit);
        Wrong().ShouldBe(["tables"]);
        Inspect().Sources.Single().State.ShouldBe(InspectState.Illegal);
        Reason().ShouldBe(VtdFaultReason.PasidReserved);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(0, 8)]
    [InlineData(1, 21)]
    [InlineData(2, 0)]
    [InlineData(3, 63)]
    public void Reserved_bits_of_a_context_entry_are_found(int word, int bit)
    {
        Flip(ContextEntry, word, bit);
        Wrong().ShouldBe(["tables"]);
        Inspect().Sources.Single().State.ShouldBe(InspectState.Illegal);
        Reason().ShouldBe(VtdFaultReason.ScalableContextReserved);
    }

    [Fact]
    public void Reserved_bits_of_a_PASID_directory_are_found()
    {
        Flip(Load(ContextEntry) & ~0xffful, 0, 5);
        Wrong().ShouldBe(["tables"]);
        Reason().ShouldBe(VtdFaultReason.PasidDirectoryReserved);
    }

    /// <summary>AW and FSPM have values that stand for nothing.</summary>
    [Theory]
    [InlineData(0, 4)]
    [InlineData(2, 3)]
    public void Fields_that_stand_for_nothing_are_found(int word, int bit)
    {
        Flip(PasidEntry, word, bit);
        Wrong().ShouldBe(["tables"]);
        Reason().ShouldBe(VtdFaultReason.PasidInvalid);
    }

    private ulong ContextEntry
    {
        get
        {
            ulong root = _machine.Model!.Read64(VtdRegister.RootTable) & VtdRootEntry.AddressMask;
            ulong table = Load(root + ((ulong)(Source >> 8) * VtdRootEntry.Bytes) + (ulong)(Source >> 4 & 8)) & VtdRootEntry.AddressMask;
            return table + ((Source & 0x7ful) * VtdScalableContextEntry.Bytes);
        }
    }

    private ulong PasidEntry => Load(Load(ContextEntry) & ~0xffful) & ~0xffful;

    private static ulong Index(ulong address, int level) => address >> (12 + (9 * level)) & 0x1ff;

    private ulong Load(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(_machine.Memory.CpuView.Span(address, sizeof(ulong)));

    private void Store(ulong address, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(_machine.Memory.CpuView.Span(address, sizeof(ulong)), value);

    private void Flip(ulong entry, int word, int bit) => Store(entry + ((ulong)word * 8), Load(entry + ((ulong)word * 8)) ^ (1ul << bit));

    private VtdFaultReason Reason() => _machine.Model!.Translate(new VtdRequest(Source, Written, VtdAccess.Write)).Reason;

    private string[] Wrong() =>
        [.. Inspect().Findings.Where(finding => finding.IsWrong).Select(finding => finding.Rule.Name).Distinct()];

    private Inspection Inspect() => Inspector.Run(MachineSnapshots.Of(_machine), InspectCatalog.All, []);
}
