using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>VT-d specification, section 11.4: what registers hold, and the handshakes of GCMD and GSTS.</summary>
public sealed class VtdRegisterTests : IDisposable
{
    private VtdMachine _machine = new();

    private VtdModel<DeviceMemory> Model => _machine.Model;

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData("client-39")]
    [InlineData("client-39-nc")]
    [InlineData("server-48")]
    [InlineData("server-57")]
    [InlineData("server-57-nc")]
    [InlineData("qemu")]
    [InlineData("qemu-cm")]
    [InlineData("qemu-fs")]
    public void After_reset_remapping_is_off_and_events_are_masked(string name)
    {
        var unit = VtdUnit.Presets.Single(preset => preset.Name == name);
        using var machine = new VtdMachine(unit);
        machine.Model.Read32(VtdRegister.Version).ShouldBe(unit.Version);
        machine.Model.Read64(VtdRegister.Capability).ShouldBe(unit.Capability.Value);
        machine.Model.Read64(VtdRegister.ExtendedCapability).ShouldBe(unit.ExtendedCapability.Value);
        foreach (uint masked in new[] { VtdRegister.FaultEvent, VtdRegister.CompletionEvent, VtdRegister.PageRequestEvent })
        {
            machine.Model.Read32(masked).ShouldBe(VtdRegister.EventBits.Mask);
        }

        for (uint offset = VtdRegister.GlobalStatus; offset < unit.RegisterBytes; offset += 4)
        {
            if (offset is not (VtdRegister.FaultEvent or VtdRegister.CompletionEvent or VtdRegister.PageRequestEvent))
            {
                machine.Model.Read32(offset).ShouldBe(0u, $"0x{offset:x}");
            }
        }

        machine.Read(0x1234_5678, VtdMachine.Device).ShouldBe(0x1234_5678ul);
    }

    [Fact]
    public void Registers_that_are_read_only_stay_as_they_are()
    {
        foreach (uint offset in new uint[]
        {
            VtdRegister.Version, VtdRegister.Capability, VtdRegister.Capability + 4, VtdRegister.ExtendedCapability,
            VtdRegister.GlobalStatus, VtdRegister.QueueHead, VtdRegister.QueueErrorRecord, 0x1000, 0xfffc, 0xffff_fffc,
        })
        {
            uint before = Model.Read32(offset);
            Model.Write32(offset, uint.MaxValue);
            Model.Read32(offset).ShouldBe(before, $"0x{offset:x}");
        }
    }

    [Theory]
    [InlineData(VtdRegister.RootTable, 0xffff_ffff_ffff_fc00)]
    [InlineData(VtdRegister.QueueAddress, 0xffff_ffff_ffff_f007)]
    [InlineData(VtdRegister.InterruptTable, 0xffff_ffff_ffff_f80f)]
    [InlineData(VtdRegister.ProtectedHighBase, 0xffff_ffff_fff0_0000)]
    [InlineData(VtdRegister.ProtectedHighLimit, 0xffff_ffff_fff0_0000)]
    public void Bits_that_are_reserved_are_not_kept(uint offset, ulong kept)
    {
        Model.Write64(offset, ulong.MaxValue);
        Model.Read64(offset).ShouldBe(kept);
        Model.Read32(offset + 4).ShouldBe((uint)(kept >> 32));
        Model.Write32(offset + 4, 0);
        Model.Read64(offset).ShouldBe((uint)kept);
    }

    [Fact]
    public void Accesses_between_registers_read_zero_and_write_nothing()
    {
        Model.Write32(VtdRegister.RootTable + 2, uint.MaxValue);
        Model.Read64(VtdRegister.RootTable).ShouldBe(0ul);
        Model.Read32(VtdRegister.Capability + 1).ShouldBe(0u);
    }

    [Fact]
    public void Each_command_shows_in_the_status_and_the_others_stay()
    {
        Model.Write64(VtdRegister.RootTable, VtdMachine.Root);
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.SetRootTable);
        Model.Read32(VtdRegister.GlobalStatus).ShouldBe(VtdRegister.GlobalBits.SetRootTable);
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        Model.Read32(VtdRegister.GlobalStatus).ShouldBe(VtdRegister.GlobalBits.SetRootTable | VtdRegister.GlobalBits.TranslationEnable);
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable | VtdRegister.GlobalBits.QueuedInvalidationEnable);
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable | VtdRegister.GlobalBits.SetInterruptTable);
        Model.Read32(VtdRegister.GlobalStatus).ShouldBe(0xc100_0000);
        Model.Write32(VtdRegister.GlobalCommand, 0);
        Model.Read32(VtdRegister.GlobalStatus).ShouldBe(0x4100_0000u);
    }

    [Fact]
    public void A_root_table_counts_from_the_command_on_and_not_from_the_register()
    {
        ulong table = _machine.NewTable();
        _machine.Bind(table).Map(table, 3, 0x1000, 0x5000_0003);
        _machine.SwitchOn();
        Model.Write64(VtdRegister.RootTable, 0x30_0000);
        _machine.Read(0x1000).ShouldBe(0x5000_0000ul);
        Model.Write32(VtdRegister.GlobalCommand, 0xc400_0000);
        _machine.Invalidate(VtdMachine.Contexts(VtdGranularity.Global), VtdMachine.Iotlb(VtdGranularity.Global));
        _machine.Fault(0x1000).ShouldBe(VtdFaultReason.RootNotPresent);
    }

    [Fact]
    public void What_a_unit_does_not_have_cannot_be_switched_on()
    {
        _machine.Dispose();
        _machine = new VtdMachine(VtdUnit.Server48 with { Name = "bare", ExtendedCapability = new(0xf << 8) });
        Model.Write32(VtdRegister.GlobalCommand, 0x0780_0000);
        Model.Read32(VtdRegister.GlobalStatus).ShouldBe(0u);
        Model.Write64(VtdRegister.QueueAddress, VtdMachine.Queue);
        Model.Write64(VtdRegister.QueueTail, 0x10);
        Model.Read64(VtdRegister.QueueAddress).ShouldBe(0ul);
        Model.Read64(VtdRegister.QueueTail).ShouldBe(0ul);
    }

    [Fact]
    public void The_write_buffer_is_flushed_where_there_is_one()
    {
        _machine.Dispose();
        _machine = new VtdMachine(VtdUnit.ClientNonCoherent);
        int flushes = 0;
        Model.WriteBufferFlushed = () =>
        {
            flushes++;
            (Model.Read32(VtdRegister.GlobalStatus) & VtdRegister.GlobalBits.WriteBufferFlush).ShouldNotBe(0u);
        };
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.WriteBufferFlush);
        flushes.ShouldBe(1);
        Model.Read32(VtdRegister.GlobalStatus).ShouldBe(0u);
    }

    [Fact]
    public void A_mode_that_is_reserved_stops_everything()
    {
        Model.Write64(VtdRegister.RootTable, VtdMachine.Root | (1ul << 10));
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.SetRootTable);
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        _machine.Fault(0x1000).ShouldBe(VtdFaultReason.TableModeReserved);
    }

    [Fact]
    public void In_abort_mode_requests_end_without_a_look_at_tables_or_a_record()
    {
        _machine.Dispose();
        _machine = new VtdMachine(VtdUnit.Server57);
        Model.Write64(VtdRegister.RootTable, VtdMachine.Root | (3ul << 10));
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.SetRootTable);
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        _machine.Ask(0x1000, VtdAccess.Read).Outcome.ShouldBe(VtdOutcome.Blocked);
        _machine.TakeRecord().ShouldBeNull();
        Model.Statistics.StructuresRead.ShouldBe(0);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(3, 3)]
    [InlineData(1, 0)]
    [InlineData(1 << 20, 2)]
    public void Impossible_caches_are_refused(int sets, int ways) => Should.Throw<ArgumentException>(
        () => new VtdMachine(VtdUnit.Server48, new VtdModelOptions { Iotlb = new(sets, ways) }));
}
