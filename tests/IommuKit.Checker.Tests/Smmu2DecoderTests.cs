using IommuKit.Checker.Iommus.Smmu2;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Checker.Tests;

/// <summary>Registers of an SMMUv2 as the checker reads them: what the architecture says, by hand.</summary>
public sealed class Smmu2DecoderTests
{
    private static readonly Smmu2Unit s_unit = Smmu2Unit.Mmu500;
    private readonly Smmu2Decoder _decoder = new(s_unit, [0, 7]);
    private readonly ShadowCommands _commands = new();

    [Fact]
    public void A_bank_of_stage_1_is_an_address_space_by_its_ASID()
    {
        SetUpFirst(bank: 5, asid: 3);
        Write(Smmu2Global.StreamContext + 28, 5);
        Write(Smmu2Global.StreamContext + 4, 5);
        Taken().ShouldBe(
        [
            new(ShadowCommandKind.SetRoot, 3, 0x1234_5000, 0),
            new(ShadowCommandKind.SetRoute, 1, 3, 0),
        ]);
        Write(Smmu2Global.StreamContext + 28, Smmu2StreamContext.Fault.Value);
        Write(Of(5, Smmu2Bank.SystemControl), 0);
        Taken().ShouldBe(
        [
            new(ShadowCommandKind.SetRoute, 1, ShadowCommand.Nothing, 0),
            new(ShadowCommandKind.SetRoot, 3, ShadowCommand.Nothing, 0),
        ]);
    }

    [Fact]
    public void Invalidations_drop_what_they_name_and_tables_unless_of_leaves()
    {
        SetUpFirst(bank: 5, asid: 3);
        _commands.Clear();
        Write(Of(5, Smmu2Bank.DropVa), 0x1_2345 | (6ul << 48));
        Write(Of(5, Smmu2Bank.DropVaLeaf), 0x1_2345 | (3ul << 48));
        Write(Of(5, Smmu2Bank.DropVaAllAsidsLeaf), 0x1_2345);
        Write(Of(5, Smmu2Bank.DropAsid), 3);
        Write(Of(5, Smmu2Bank.DropIpa), 0x1_2345);
        Write(Smmu2Global.DropVmid, 4);
        Write(Smmu2Global.DropAllGuests, 0);
        Taken().ShouldBe(
        [
            new(ShadowCommandKind.DropTranslationsAndTables, 6, 0x1234_5000, 0x1234_5fff),
            new(ShadowCommandKind.DropTranslations, 3, 0x1234_5000, 0x1234_5fff),
            new(ShadowCommandKind.DropTranslations, ShadowCommand.Every, 0x1234_5000, 0x1234_5fff),
            new(ShadowCommandKind.DropTranslationsAndTables, 3, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropTranslationsAndTables, 4, 0, ulong.MaxValue),
            new(ShadowCommandKind.DropTranslationsAndTables, ShadowCommand.Every, 0, ulong.MaxValue),
        ]);
    }

    [Fact]
    public void A_bank_of_stage_2_is_one_by_its_VMID_and_short_tables_have_32_bits()
    {
        Write(Routing(Smmu2Routing.Attributes2, 2), 1);
        Write(Routing(Smmu2Routing.Attributes, 2), Smmu2BankAttributes.Stage2(9).Value);
        Write(Of(2, Smmu2Bank.Table0), 0x8000);
        Write(Of(2, Smmu2Bank.SystemControl), 1);
        Write(Of(2, Smmu2Bank.DropIpaLeaf), 0x77);
        Write(Of(2, Smmu2Bank.DropVa), 0x77);
        Write(Routing(Smmu2Routing.Attributes, 3), Smmu2BankAttributes.Stage1.Value);
        Write(Of(3, Smmu2Bank.ContextId), 5);
        Write(Of(3, Smmu2Bank.Table0), 0xc000);
        Write(Of(3, Smmu2Bank.SystemControl), 1);
        Write(Of(3, Smmu2Bank.DropVa), 0x9876_5005);
        Taken().ShouldBe(
        [
            new(ShadowCommandKind.SetRoot, 9, 0x8000, 0),
            new(ShadowCommandKind.DropTranslations, 9, 0x7_7000, 0x7_7fff),
            new(ShadowCommandKind.SetRoot, 5, 0xc000, 0),
            new(ShadowCommandKind.DropTranslationsAndTables, 5, 0x9876_5000, 0x9876_5fff),
        ]);
    }

    [Fact]
    public void A_sync_is_done_when_software_sees_it_and_not_without_one()
    {
        Read(Of(5, Smmu2Bank.SyncStatus));
        Read(Smmu2Global.SyncStatus);
        Write(Of(5, Smmu2Bank.Sync), 0);
        Read(Of(6, Smmu2Bank.SyncStatus));
        Taken().ShouldBeEmpty();
        Read(Of(5, Smmu2Bank.SyncStatus));
        Write(Smmu2Global.Sync, 0);
        Read(Smmu2Global.SyncStatus);
        Read(Smmu2Global.SyncStatus);
        Taken().Select(command => command.Kind).ShouldBe([ShadowCommandKind.Complete, ShadowCommandKind.Complete]);
    }

    private static uint Of(int bank, uint register) => s_unit.OffsetOf(bank) + register;

    private static uint Routing(uint register, int bank) => 0x1000 + register + ((uint)bank * 4);

    private void SetUpFirst(int bank, ushort asid)
    {
        Write(Routing(Smmu2Routing.Attributes2, bank), 1);
        Write(Routing(Smmu2Routing.Attributes, bank), Smmu2BankAttributes.Stage1.Value);
        Write(Of(bank, Smmu2Bank.Table0), 0x1234_5000 | ((ulong)asid << 48));
        Write(Of(bank, Smmu2Bank.SystemControl), 1);
    }

    private void Write(uint offset, ulong value) => Decode(MaintenanceKind.RegisterWrite, offset, value);

    private void Read(uint offset) => Decode(MaintenanceKind.RegisterRead, offset, 0);

    private void Decode(MaintenanceKind kind, uint offset, ulong value) =>
        _decoder.Decode(new MaintenanceStep(kind, offset, value, RegisterPurpose.Configuration), _commands);

    private ShadowCommand[] Taken()
    {
        ShadowCommand[] taken = [.. _commands.All];
        _commands.Clear();
        return taken;
    }
}
