using IommuKit.Models.Dma;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>VT-d specification, section 5.1: interrupts in both formats, the entries they lead to, and their faults.</summary>
public sealed class VtdInterruptTests : IDisposable
{
    private const ushort Source = 0xff00;

    private readonly VtdMachine _machine = new();

    public VtdInterruptTests() => SwitchOn(_machine, 0xf);

    public void Dispose() => _machine.Dispose();

    /// <summary>
    /// What QEMU was seen to make of messages while Linux ran: address, data, entry, and the message that came out. (In its trace low and high are
    /// exchanged.)
    /// </summary>
    [Theory]
    [InlineData(0xfee00030u, 0x2u, 0x300009ul, 0x4ff00ul, 0xfee00008u, 0x4030u)]
    [InlineData(0xfee00170u, 0xcu, 0x240009ul, 0x4ff00ul, 0xfee00008u, 0x4024u)]
    [InlineData(0xfee002b8u, 0x0u, 0x280009ul, 0x40008ul, 0xfee00008u, 0x4028u)]
    [InlineData(0xfee00338u, 0x0u, 0x2d0009ul, 0x40100ul, 0xfee00008u, 0x402du)]
    [InlineData(0xfee003f8u, 0x0u, 0x340009ul, 0x40018ul, 0xfee00008u, 0x4034u)]
    public void Observed_messages(uint address, uint data, ulong lower, ulong upper, uint remappedAddress, uint remappedData)
    {
        uint index = (address >> 5 & 0x7fff) + ((address & 8) != 0 ? data : 0);
        _machine.Store(VtdMachine.InterruptTable + (index * 16), lower, upper);
        _machine.Model.TryRemap(new VtdInterruptRequest((ushort)upper, address, data), out var interrupt).ShouldBeTrue();
        interrupt.MessageAddress.ShouldBe(remappedAddress);
        interrupt.MessageData.ShouldBe(remappedData);
    }

    [Fact]
    public void Fields_of_an_entry_reach_the_interrupt()
    {
        // Destination 0xab, vector 0x77, level triggered, hint, logical, lowest priority.
        Entry(5, 0x0000_ab00_0077_003d);
        Remap(5).ShouldBe(new VtdInterrupt(0x77, 1, IsLogical: true, HasRedirectionHint: true, IsLevelTriggered: true, 0xab));
    }

    [Fact]
    public void A_subhandle_is_added_and_the_handle_has_16_bits()
    {
        Entry(0x8012, 0x0001_0001);
        var request = new VtdInterruptRequest(Source, 0xfee0_0000 | (0x10 << 5) | 0x10 | 8 | 4, 2);
        request.Index.ShouldBe(0x8012u);
        _machine.Model.TryRemap(request, out var interrupt).ShouldBeTrue();
        interrupt.Vector.ShouldBe((byte)1);
    }

    [Fact]
    public void Destinations_have_32_bits_in_extended_mode()
    {
        using var machine = new VtdMachine();
        SwitchOn(machine, 0x80f);
        machine.Store(VtdMachine.InterruptTable, (0x1234_5678ul << 32) | 0x41_0001, 0);
        machine.Model.TryRemap(new VtdInterruptRequest(Source, 0xfee0_0010, 0), out var interrupt).ShouldBeTrue();
        interrupt.Destination.ShouldBe(0x1234_5678u);
        interrupt.MessageAddress.ShouldBe(0x1234_5600_fee7_8000ul);
    }

    [Theory]
    [InlineData(0ul, 0ul, VtdFaultReason.InterruptNotPresent)]
    [InlineData(0x1001ul, 0ul, VtdFaultReason.InterruptEntryReserved)]
    [InlineData(0x8001ul, 0ul, VtdFaultReason.InterruptEntryReserved)]
    [InlineData(0x0000_0001_0000_0001ul, 0ul, VtdFaultReason.InterruptEntryReserved)]
    [InlineData(1ul, 0x10_0000ul, VtdFaultReason.InterruptEntryReserved)]
    [InlineData(1ul, 0xc_0000ul, VtdFaultReason.InterruptEntryReserved)]
    [InlineData(1ul, 0x4_ff01ul, VtdFaultReason.InterruptSource)]
    [InlineData(1ul, 0x8_0005ul, VtdFaultReason.InterruptSource)]
    public void Entries_that_stop_an_interrupt(ulong lower, ulong upper, VtdFaultReason reason)
    {
        Entry(7, lower, upper);
        _machine.Model.TryRemap(Request(7), out _).ShouldBeFalse();
        var record = _machine.TakeRecord()!.Value;
        record.Reason.ShouldBe(reason);
        record.SourceId.ShouldBe(Source);
        record.InterruptIndex.ShouldBe((ushort)7);
    }

    [Theory]
    [InlineData(0x0_0000ul, true)]
    [InlineData(0x4_ff00ul, true)]
    [InlineData(0x5_ff04ul, true)]
    [InlineData(0x5_ff02ul, false)]
    [InlineData(0x6_ff06ul, true)]
    [InlineData(0x6_ff07ul, false)]
    [InlineData(0x7_ff07ul, true)]
    [InlineData(0x7_fe00ul, false)]
    [InlineData(0x8_f0fful, true)]
    [InlineData(0x8_f0feul, false)]
    public void Sources_are_verified(ulong upper, bool isAllowed)
    {
        Entry(7, 1, upper);
        _machine.Model.TryRemap(Request(7), out _).ShouldBe(isAllowed);
    }

    [Fact]
    public void A_fault_that_is_not_to_be_recorded_is_not()
    {
        Entry(7, 2);
        _machine.Model.TryRemap(Request(7), out _).ShouldBeFalse();
        _machine.TakeRecord().ShouldBeNull();
    }

    [Fact]
    public void Requests_that_are_wrong_in_themselves()
    {
        using var machine = new VtdMachine();
        SwitchOn(machine, 3);
        machine.Model.TryRemap(Request(16), out _).ShouldBeFalse();
        machine.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.InterruptIndex);
        machine.Model.TryRemap(new VtdInterruptRequest(Source, 0xfee0_0018, 0x1_0000), out _).ShouldBeFalse();
        machine.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.InterruptReserved);
        machine.Model.Write64(VtdRegister.InterruptTable, (1ul << 45) | 3);
        machine.Model.Write32(VtdRegister.GlobalCommand, 0x0700_0000);
        machine.Model.TryRemap(Request(1), out _).ShouldBeFalse();
        machine.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.InterruptNotReadable);
    }

    [Theory]
    [InlineData(0x0600_0000u, 0xful, false)]
    [InlineData(0x0680_0000u, 0xful, true)]
    [InlineData(0x0680_0000u, 0x80ful, false)]
    [InlineData(0x0400_0000u, 0xful, true)]
    public void Compatibility_format_passes_where_it_may(uint command, ulong table, bool passes)
    {
        using var machine = new VtdMachine();
        SwitchOn(machine, table);
        machine.Model.Write32(VtdRegister.GlobalCommand, command);
        machine.Model.TryRemap(new VtdInterruptRequest(Source, 0xfee1_200c, 0xc531), out var interrupt).ShouldBe(passes);
        if (passes)
        {
            interrupt.ShouldBe(new VtdInterrupt(0x31, 5, IsLogical: true, HasRedirectionHint: true, IsLevelTriggered: true, 0x12));
        }
        else
        {
            machine.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.InterruptCompatibility);
        }
    }

    [Theory]
    [InlineData(0x04ul, true)]
    [InlineData(0x14ul | (7ul << 32), true)]
    [InlineData(0x14ul | (6ul << 32), false)]
    [InlineData(0x14ul | (4ul << 32) | (2ul << 27), true)]
    [InlineData(0x14ul | (4ul << 32) | (1ul << 27), false)]
    public void An_entry_is_stale_until_an_invalidation_names_it(ulong descriptor, bool names)
    {
        Entry(7, 0x0031_0001);
        Remap(7).Vector.ShouldBe((byte)0x31);
        Entry(7, 0x0032_0001);
        Remap(7).Vector.ShouldBe((byte)0x31);
        _machine.Invalidate(new VtdInvalidationDescriptor(descriptor, 0, 0, 0));
        Remap(7).Vector.ShouldBe(names ? (byte)0x32 : (byte)0x31);
    }

    [Fact]
    public void A_write_to_the_addresses_of_interrupts_is_not_one_to_memory()
    {
        _machine.Bind(_machine.NewTable()).SwitchOn();
        _machine.Ask(0xfee0_0000, VtdAccess.Write).Outcome.ShouldBe(VtdOutcome.Interrupt);
        _machine.Ask(0xfeef_fffc, VtdAccess.Read).Outcome.ShouldBe(VtdOutcome.Blocked);
        _machine.Model.Translate(new DmaRequest(VtdMachine.Device, 0xfee0_0000, IsWrite: true)).IsAllowed.ShouldBeFalse();
        _machine.TakeRecord().ShouldBeNull();
        _machine.Fault(0xfef0_0000, VtdAccess.Write).ShouldBe(VtdFaultReason.WriteNotAllowed);
    }

    private static void SwitchOn(VtdMachine machine, ulong table)
    {
        machine.Model.Write64(VtdRegister.QueueAddress, VtdMachine.Queue);
        machine.Model.Write64(VtdRegister.InterruptTable, VtdMachine.InterruptTable | table);
        machine.Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.QueuedInvalidationEnable);
        machine.Model.Write32(VtdRegister.GlobalCommand, 0x0500_0000);
        machine.Model.Write32(VtdRegister.GlobalCommand, 0x0600_0000);
    }

    private static VtdInterruptRequest Request(uint index) => new(Source, 0xfee0_0010 | (index << 5), 0);

    private void Entry(uint index, ulong lower, ulong upper = 0) => _machine.Store(VtdMachine.InterruptTable + (index * 16), lower, upper);

    private VtdInterrupt Remap(uint index)
    {
        _machine.Model.TryRemap(Request(index), out var interrupt).ShouldBeTrue();
        return interrupt;
    }
}
