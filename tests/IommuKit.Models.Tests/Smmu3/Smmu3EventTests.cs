using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>The event queue: what a record says, what becomes of those that there is no room for, interrupts, and GERROR.</summary>
public sealed class Smmu3EventTests
{
    /// <summary>The flags are in the fourth word (OpenVMM: in the third), and the StreamID has 32 bits, the SubstreamID 20.</summary>
    [Fact]
    public void A_record_has_every_field_in_its_place()
    {
        using var machine = new Smmu3Machine();
        machine.BindNested(0x8000_0000, machine.NewIdentitySecond()).SwitchOn();
        machine.Ask(0x1234_5678, Smmu3Access.Read | Smmu3Access.Execute | Smmu3Access.Privileged);
        var record = machine.TakeEvent().ShouldNotBeNull();

        // The root of stage 1 is beyond what stage 2 maps: a fault of stage 2, of class TT, with the address of the descriptor.
        record.W0.ShouldBe(0x10 | (8ul << 32));
        record.W1.ShouldBe((1ul << 33) | (1ul << 34) | (1ul << 35) | (1ul << 39) | (1ul << 40));
        record.W2.ShouldBe(0x1234_5678ul);
        record.W3.ShouldBe(0x8000_0000ul);
        machine.Ask(0x1234_5678, Smmu3Access.Write);
        machine.TakeEvent()!.Value.W1.ShouldBe((1ul << 39) | (1ul << 40));
    }

    [Fact]
    public void Events_that_do_not_fit_are_lost_and_that_is_told_once()
    {
        using var machine = new Smmu3Machine();
        machine.SetStream(1, 0).SwitchOn();
        for (uint i = 0; i < 32; i++)
        {
            machine.Ask(i << 12, stream: 1);
        }

        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(32u);
        machine.Interrupts.ShouldBe([Smmu3Interrupt.EventQueue]);
        machine.Ask(0x1000, stream: 1);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(32u | Smmu3Register.Overflow);
        machine.Ask(0x1000, stream: 1);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(32u | Smmu3Register.Overflow);

        // A queue that is full is no error (QEMU and qbox raise EVENTQ_ABT).
        machine.Errors.ShouldBe(0u);
        machine.Model.Statistics.LostEvents.ShouldBe(2);

        // Room for one, not acknowledged: it is stored. Acknowledged, the next overflow toggles back.
        machine.Model.Write32(Smmu3Register.EventConsumer, 1);
        machine.Ask(0x1000, stream: 1);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(33u | Smmu3Register.Overflow);
        machine.Model.Write32(Smmu3Register.EventConsumer, 1 | Smmu3Register.Overflow);
        machine.Ask(0x1000, stream: 1);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(33u);
        machine.Interrupts.Count.ShouldBe(1);
    }

    [Fact]
    public void Like_events_are_merged_if_the_stream_says_so()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root).BindFirst(root, stream: 9).SwitchOn();
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, 1ul << 19);
        machine.Ask(0x1000);
        machine.Ask(0x1ff8);
        machine.Ask(0x2000);
        machine.Ask(0x2000, Smmu3Access.Write);
        machine.Ask(0x2000, stream: 9);
        machine.Ask(0x2000, stream: 9);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(5u);

        // What software has taken, nothing is merged with.
        machine.Ask(0x2000);
        machine.Model.Write32(Smmu3Register.EventConsumer, 6);
        machine.Ask(0x2000);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(7u);
    }

    [Fact]
    public void A_queue_without_memory_is_an_error()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write64(Smmu3Register.EventQueue, (1ul << 40) | 3);
        machine.Model.Write32(Smmu3Register.InterruptControl, Smmu3Register.Interrupts.GlobalError);
        machine.Model.Write64(Smmu3Register.StreamTable, Smmu3Machine.StreamTable);
        machine.Model.Write32(Smmu3Register.StreamTableConfig, 4);
        machine.Model.Write32(Smmu3Register.Control0, 5);
        machine.Ask(0x1000).Event.ShouldBe(Smmu3EventType.BadStream);
        machine.Errors.ShouldBe(Smmu3Register.Errors.EventQueueAbort);
        machine.Interrupts.ShouldBe([Smmu3Interrupt.GlobalError]);
        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(0u);

        // An error that is not active cannot be acknowledged.
        machine.Model.Write32(Smmu3Register.GlobalErrorAck, Smmu3Register.Errors.EventQueueAbort | Smmu3Register.Errors.CommandQueue);
        machine.Errors.ShouldBe(0u);
        machine.Model.Read32(Smmu3Register.GlobalErrorAck).ShouldBe(Smmu3Register.Errors.EventQueueAbort);
        machine.Ask(0x1000);
        machine.Errors.ShouldBe(Smmu3Register.Errors.EventQueueAbort);
    }

    [Fact]
    public void Interrupts_may_be_messages()
    {
        using var machine = new Smmu3Machine();
        var model = machine.Model;
        model.Write64(Smmu3Register.EventMessage, Smmu3Machine.Status);
        model.Write32(Smmu3Register.EventMessage + 8, 0xabcd);
        model.Write64(Smmu3Register.GlobalErrorMessage, Smmu3Machine.Status + 8);
        model.Write32(Smmu3Register.GlobalErrorMessage + 8, 0xef01);
        machine.SetStream(1, 0).SwitchOn();
        machine.Ask(0x1000, stream: 1);
        machine.Submit(new Smmu3Command(0, 0));
        machine.Load(Smmu3Machine.Status).ShouldBe(0xabcdul);
        machine.Load(Smmu3Machine.Status + 8).ShouldBe(0xef01ul);
        machine.Interrupts.ShouldBeEmpty();
    }

    [Fact]
    public void A_message_that_reaches_nothing_is_an_error()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write64(Smmu3Register.EventMessage, 1ul << 40);
        machine.SetStream(1, 0).SwitchOn();
        machine.Ask(0x1000, stream: 1);
        machine.Errors.ShouldBe(Smmu3Register.Errors.EventMessageAbort);
        machine.Interrupts.ShouldBe([Smmu3Interrupt.GlobalError]);
    }
}
