using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>The command queue: what is legal, how errors stop it, and what CMD_SYNC promises.</summary>
public sealed class Smmu3CommandTests
{
    private const uint CommandQueueError = Smmu3Register.Errors.CommandQueue;

    /// <summary>Renode takes such for done, and QEMU has a CFGI_ALL at 7.</summary>
    [Theory]
    [InlineData(0x07)]
    [InlineData(0x18)]
    [InlineData(0x1a)]
    [InlineData(0x50)]
    [InlineData(0x5a)]
    [InlineData(0x60)]
    [InlineData(0x70)]
    [InlineData(0x73)]
    [InlineData(0x80)]
    [InlineData(0x00)]
    [InlineData(0xff)]
    public void An_unknown_command_stops_the_queue(int opcode)
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn().Submit(Smmu3Command.Sync(), new Smmu3Command((uint)opcode, 0), Smmu3Command.Sync());
        machine.CommandError.ShouldBe(Smmu3CommandError.Illegal);
        machine.Errors.ShouldBe(CommandQueueError);
        (machine.Model.Read32(Smmu3Register.CommandConsumer) & 0xf_ffff).ShouldBe(1u);
        machine.Interrupts.ShouldBe([Smmu3Interrupt.GlobalError]);

        // Another doorbell changes nothing; the acknowledgement does, with a command that is legal in its place.
        machine.Submit(Smmu3Command.Sync());
        (machine.Model.Read32(Smmu3Register.CommandConsumer) & 0xf_ffff).ShouldBe(1u);
        machine.Store(Smmu3Machine.CommandQueue + 16, Smmu3Command.Sync().Lower, 0);
        machine.Model.Write32(Smmu3Register.GlobalErrorAck, CommandQueueError);
        machine.Errors.ShouldBe(0u);
        (machine.Model.Read32(Smmu3Register.CommandConsumer) & 0xf_ffff).ShouldBe(4u);
    }

    /// <summary>SSec is bit 10 (OpenVMM: 8).</summary>
    [Fact]
    public void A_command_for_the_secure_state_is_illegal()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn().Submit(Smmu3Command.Sync() with { Lower = 0x46 | (1 << 8) });
        machine.Errors.ShouldBe(0u);
        machine.Submit(Smmu3Command.Sync() with { Lower = 0x46 | (1 << 10) });
        machine.CommandError.ShouldBe(Smmu3CommandError.Illegal);
    }

    /// <summary>QEMU accepts commands of EL2 and RESUME where there is no EL2, and nothing stalls.</summary>
    [Theory]
    [InlineData(0x20)]
    [InlineData(0x21)]
    [InlineData(0x22)]
    [InlineData(0x23)]
    [InlineData(0x40)]
    [InlineData(0x41)]
    [InlineData(0x44)]
    [InlineData(0x45)]
    public void A_command_without_its_feature_is_illegal(int opcode)
    {
        using var without = new Smmu3Machine(Smmu3Unit.Emulated);
        without.SwitchOn().Submit(new Smmu3Command((uint)opcode, 0));
        without.CommandError.ShouldBe(Smmu3CommandError.Illegal);
        using var with = new Smmu3Machine();
        with.SwitchOn().Invalidate(new Smmu3Command((uint)opcode, 0));
        with.Errors.ShouldBe(0u);
    }

    [Theory]
    [InlineData(0x28)]
    [InlineData(0x2a)]
    public void Stage_2_without_its_commands(int opcode)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Emulated with { Idr0 = Smmu3Unit.Emulated.Idr0 & ~1u });
        machine.SwitchOn().Submit(new Smmu3Command((uint)opcode, 0));
        machine.CommandError.ShouldBe(Smmu3CommandError.Illegal);
    }

    [Theory]
    [InlineData(0x05)]
    [InlineData(0x06)]
    [InlineData(0x10)]
    [InlineData(0x11)]
    [InlineData(0x12)]
    [InlineData(0x13)]
    public void Stage_1_without_its_commands(int opcode)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Emulated with { Idr0 = Smmu3Unit.Emulated.Idr0 & ~2u });
        machine.SwitchOn().Submit(new Smmu3Command((uint)opcode, 0));
        machine.CommandError.ShouldBe(Smmu3CommandError.Illegal);
    }

    [Fact]
    public void Fields_that_are_reserved_are_illegal()
    {
        foreach (var command in new[] { Smmu3Command.Sync(3), Smmu3Command.RespondToPages(1, null, 1, 3) })
        {
            using var machine = new Smmu3Machine();
            machine.SwitchOn().Submit(command);
            machine.CommandError.ShouldBe(Smmu3CommandError.Illegal);
        }
    }

    /// <summary>TG ≠ 0 with NUM, SCALE and TTL all 0; 16 KiB with TTL 1 counts as TTL 0 without DS.</summary>
    [Fact]
    public void A_range_of_nothing_is_illegal()
    {
        var narrow = Smmu3Unit.Full with { Idr5 = Smmu3Unit.Full.Idr5 & ~(1u << 7) };
        (Smmu3Unit Unit, int Granule, int Number, int Scale, int Level, bool IsLegal)[] cases =
        [
            (narrow, 1, 0, 0, 0, false), (narrow, 2, 0, 0, 1, false), (Smmu3Unit.Full, 2, 0, 0, 1, true), (narrow, 2, 1, 0, 1, true),
            (narrow, 1, 0, 0, 1, true), (narrow, 3, 0, 1, 0, true), (narrow, 0, 0, 0, 0, true),
        ];
        foreach (var (unit, granule, number, scale, level, isLegal) in cases)
        {
            using var machine = new Smmu3Machine(unit);
            machine.SwitchOn().Submit(Smmu3Command.DropAddress(
                Smmu3CommandCode.DropVa, 0, granule: granule, number: number, scale: scale, level: level));
            machine.CommandError.ShouldBe(isLegal ? Smmu3CommandError.None : Smmu3CommandError.Illegal, $"{granule} {number} {scale} {level}");
        }
    }

    [Fact]
    public void A_command_that_cannot_be_read_stops_the_queue()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write64(Smmu3Register.CommandQueue, (1ul << 40) | 4);
        machine.Model.Write32(Smmu3Register.Control0, Smmu3Register.Control.CommandQueue);
        machine.Model.Write32(Smmu3Register.CommandProducer, 1);
        machine.CommandError.ShouldBe(Smmu3CommandError.Abort);
        machine.Errors.ShouldBe(CommandQueueError);
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(2u << 24);
    }

    [Fact]
    public void A_queue_of_one_entry_and_one_that_wraps_work()
    {
        using var machine = new Smmu3Machine();
        machine.Model.Write64(Smmu3Register.CommandQueue, Smmu3Machine.CommandQueue | 0);
        machine.Model.Write32(Smmu3Register.Control0, Smmu3Register.Control.CommandQueue);
        machine.Store(Smmu3Machine.CommandQueue, 0x46, 0);
        machine.Model.Write32(Smmu3Register.CommandProducer, 1);
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(1u);
        machine.Model.Write32(Smmu3Register.CommandProducer, 0);
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(0u);
        using var wrapping = new Smmu3Machine();
        wrapping.SwitchOn();
        for (int i = 0; i < 200; i++)
        {
            wrapping.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));
        }

        wrapping.Model.Statistics.Commands.ShouldBe(400);
    }

    [Fact]
    public void While_the_queue_is_off_nothing_is_consumed()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        machine.Model.Write32(Smmu3Register.Control0, 0);
        machine.Submit(Smmu3Command.Sync());
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(0u);
        machine.Model.Write32(Smmu3Register.Control0, Smmu3Register.Control.CommandQueue);
        machine.Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(1u);
    }

    [Fact]
    public void A_sync_tells_by_message_by_wire_or_wakes_CPUs()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn().Invalidate(Smmu3Command.Sync(1, Smmu3Machine.Status, 0x1234_5678), Smmu3Command.Sync(2), Smmu3Command.Sync(1));
        machine.Load(Smmu3Machine.Status).ShouldBe(0x1234_5678ul);
        machine.Interrupts.ShouldBe([Smmu3Interrupt.SendEvent, Smmu3Interrupt.CommandSync]);

        // Where no memory is, the doorbell of an interrupt controller may be; if nothing is, it is an error.
        const ulong doorbell = 1ul << 40;
        Smmu3Message? sent = null;
        machine.Model.MessageSent = message => (sent = message) is not null;
        machine.Invalidate(Smmu3Command.Sync(1, doorbell, 7));
        sent.ShouldBe(new Smmu3Message(doorbell, 7));
        machine.Model.MessageSent = null;
        machine.Invalidate(Smmu3Command.Sync(1, doorbell, 8));
        machine.Errors.ShouldBe(Smmu3Register.Errors.CommandMessageAbort);
    }

    /// <summary>A CPU that waits for room by WFE is woken when a queue that was full has some (IHI 0070, section 4.1.2), and at no other time.</summary>
    [Theory]
    [InlineData(31, true, false)]
    [InlineData(32, true, true)]
    [InlineData(32, false, false)]
    public void A_full_queue_that_has_room_again_wakes_CPUs(int commands, bool hasSendEvent, bool wakes)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 & (hasSendEvent ? uint.MaxValue : ~(1u << 14)) });
        machine.SwitchOn().Submit([.. Enumerable.Repeat(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests), commands)]);
        machine.Interrupts.ShouldBe(wakes ? [Smmu3Interrupt.SendEvent] : []);
    }

    [Fact]
    public void A_device_that_does_not_answer_fails_the_sync()
    {
        using var machine = new Smmu3Machine();
        var told = new List<Smmu3DeviceTlbInvalidation>();
        machine.Model.DeviceTlbInvalidated = one =>
        {
            told.Add(one);
            return one.StreamId != 9;
        };
        machine.SwitchOn().Invalidate(Smmu3Command.DropDeviceTlb(8, 0x4000, 2), Smmu3Command.DropDeviceTlb(8, 0, 52, substream: 3));
        told.ShouldBe([new(8, null, false, 0x4000, 0x7fff), new(8, 3, false, 0, ulong.MaxValue)]);
        machine.Submit(Smmu3Command.DropDeviceTlb(9, 0x4000, 0), Smmu3Command.DropDeviceTlb(8, 0x4000, 0), Smmu3Command.Sync());
        told.Count.ShouldBe(4);
        machine.CommandError.ShouldBe(Smmu3CommandError.DeviceTimeout);
        (machine.Model.Read32(Smmu3Register.CommandConsumer) & 0xf_ffff).ShouldBe(5u);
        machine.Model.Write32(Smmu3Register.GlobalErrorAck, CommandQueueError);
        (machine.Model.Read32(Smmu3Register.CommandConsumer) & 0xf_ffff).ShouldBe(6u);
    }

    /// <summary>A queue whose commands ring the doorbell of the queue, and whose memory is asked for ever, still ends.</summary>
    [Fact]
    public void A_doorbell_does_bounded_work()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        int calls = 0;
        machine.Model.DeviceTlbInvalidated = _ =>
        {
            calls++;
            machine.Model.Write32(Smmu3Register.CommandProducer, (machine.Model.Read32(Smmu3Register.CommandConsumer) + 20) & 0x3f);
            return true;
        };
        for (int i = 0; i < 32; i++)
        {
            machine.Store(Smmu3Machine.CommandQueue + ((ulong)i * 16), Smmu3Command.DropDeviceTlb(8, 0, 0).Lower, 0);
        }

        machine.Model.Write32(Smmu3Register.CommandProducer, 5);
        calls.ShouldBe(64);
    }
}
