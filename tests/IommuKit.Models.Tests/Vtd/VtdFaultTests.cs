using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>VT-d specification, sections 7.2 and 7.3: records, overflow, and the fault event.</summary>
public sealed class VtdFaultTests : IDisposable
{
    private const uint Message = 0xfee0_1000;

    private readonly VtdMachine _machine = new();

    public VtdFaultTests()
    {
        _machine.Bind(_machine.NewTable()).SwitchOn();
        _machine.Model.Write32(VtdRegister.FaultEvent + VtdRegister.EventData, 0x31);
        _machine.Model.Write32(VtdRegister.FaultEvent + VtdRegister.EventAddress, Message);
        _machine.Model.Write32(VtdRegister.FaultEvent + VtdRegister.EventUpperAddress, 7);
    }

    private uint Status => _machine.Model.Read32(VtdRegister.FaultStatus);

    private uint Control => _machine.Model.Read32(VtdRegister.FaultEvent);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Records_are_filled_in_turn_and_a_full_one_is_an_overflow()
    {
        int records = _machine.Model.Unit.Capability.FaultRecords;
        for (int i = 0; i < records; i++)
        {
            Ask(0x1000ul * (uint)i);
            Status.ShouldBe(VtdRegister.FaultStatusBits.Pending);
        }

        Ask(0xf000);
        Status.ShouldBe(VtdRegister.FaultStatusBits.Pending | VtdRegister.FaultStatusBits.Overflow);
        for (int i = 0; i < records; i++)
        {
            Record(i).Address.ShouldBe(0x1000ul * (uint)i);
            Record(i).Reason.ShouldBe(VtdFaultReason.ReadNotAllowed);
        }

        // A free record is of no use while PFO is set.
        Clear(0);
        (Status >> 8).ShouldBe(1u);
        Ask(0xe000);
        Record(0).IsFault.ShouldBeFalse();
        _machine.Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.Overflow);
        Ask(0xd000);
        Record(0).Address.ShouldBe(0xd000ul);
        (Status >> 8).ShouldBe(1u);
    }

    [Fact]
    public void The_index_is_that_of_the_oldest_record()
    {
        for (int i = 0; i < 4; i++)
        {
            Ask(0x1000);
        }

        Clear(1);
        (Status >> 8).ShouldBe(0u);
        Clear(0);
        (Status >> 8).ShouldBe(2u);
        Clear(2);
        Clear(3);
        (Status & VtdRegister.FaultStatusBits.Pending).ShouldBe(0u);
        Ask(0x2000);
        (Status >> 8).ShouldBe(4u);
        Record(4).Address.ShouldBe(0x2000ul);
    }

    [Fact]
    public void The_event_is_held_back_while_it_is_masked()
    {
        Ask(0x1000);
        Control.ShouldBe(VtdRegister.EventBits.Mask | VtdRegister.EventBits.Pending);
        _machine.Messages.ShouldBeEmpty();
        _machine.Model.Write32(VtdRegister.FaultEvent, 0);
        _machine.Messages.ShouldBe([new VtdMessage(0x7_0000_0000 | Message, 0x31)]);
        Control.ShouldBe(0u);
    }

    [Fact]
    public void A_held_back_event_goes_when_software_has_seen_to_all()
    {
        Ask(0x1000);
        Ask(0x2000);
        Clear(0);
        Control.ShouldBe(VtdRegister.EventBits.Mask | VtdRegister.EventBits.Pending);
        Clear(1);
        Control.ShouldBe(VtdRegister.EventBits.Mask);
        _machine.Model.Write32(VtdRegister.FaultEvent, 0);
        _machine.Messages.ShouldBeEmpty();
    }

    [Fact]
    public void One_message_is_sent_until_everything_is_cleared()
    {
        _machine.Model.Write32(VtdRegister.FaultEvent, 0);
        Ask(0x1000);
        Ask(0x2000);
        _machine.Model.ReportWrongCompletion(9);
        _machine.Messages.Count.ShouldBe(1);
        Status.ShouldBe(VtdRegister.FaultStatusBits.Pending | VtdRegister.FaultStatusBits.CompletionError);
        (_machine.Model.Read64(VtdRegister.QueueErrorRecord) >> 48).ShouldBe(9ul);
        Clear(0);
        Clear(1);
        Ask(0x3000);
        _machine.Messages.Count.ShouldBe(1);
        Clear(2);
        _machine.Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.CompletionError);
        Status.ShouldBe(0u | (2 << 8));
        Ask(0x4000);
        _machine.Messages.Count.ShouldBe(2);
    }

    [Fact]
    public void Messages_are_told_after_the_access_has_ended()
    {
        _machine.Model.Write32(VtdRegister.FaultEvent, 0);
        using (_machine.Model.Accesses.Enter())
        {
            Ask(0x1000);
            _machine.Messages.ShouldBeEmpty();
        }

        _machine.Messages.Count.ShouldBe(1);
    }

    [Fact]
    public void A_device_can_be_kept_out_of_the_records()
    {
        ulong context = VtdMachine.Context + (VtdMachine.Device * 16ul);
        _machine.Store(context, _machine.Load(context) | 2).Invalidate(VtdMachine.Contexts(VtdGranularity.Global));
        Ask(0x1000);
        _machine.TakeRecord().ShouldBeNull();
        _machine.Store(context, 2).Invalidate(VtdMachine.Contexts(VtdGranularity.Global));
        _machine.Ask(0x1000, VtdAccess.Read).Reason.ShouldBe(VtdFaultReason.ContextNotPresent);
        _machine.TakeRecord().ShouldBeNull();
        _machine.Model.Statistics.Faults.ShouldBe(2);
    }

    [Fact]
    public void A_record_says_what_the_request_was()
    {
        _machine.Ask(0x5678_9abc, VtdAccess.Read | VtdAccess.Write);
        var record = _machine.TakeRecord()!.Value;
        record.Upper.ShouldBe(0xc000_0005_1000_0008);
        record.Lower.ShouldBe(0x5678_9000ul);
        _machine.Ask(0x1000, VtdAccess.Write, pasid: 0x12345);
        record = _machine.TakeRecord()!.Value;
        record.Upper.ShouldBe(0x8123_4531_8000_0008);
        _machine.Model.Translate(new VtdRequest(0x1234, 0x1000, VtdAccess.Read, AddressType: VtdAddressType.Translated));
        _machine.TakeRecord()!.Value.Upper.ShouldBe(0xe000_0001_0000_1234);
    }

    private void Ask(ulong address) => _machine.Ask(address, VtdAccess.Read).Outcome.ShouldBe(VtdOutcome.Fault);

    private VtdFaultRecord Record(int index)
    {
        uint offset = _machine.Model.Unit.Capability.FaultRecordOffset + ((uint)index * VtdFaultRecord.Bytes);
        return new VtdFaultRecord(_machine.Model.Read64(offset), _machine.Model.Read64(offset + 8));
    }

    private void Clear(int index) =>
        _machine.Model.Write32(_machine.Model.Unit.Capability.FaultRecordOffset + ((uint)index * VtdFaultRecord.Bytes) + 12, 1u << 31);
}
