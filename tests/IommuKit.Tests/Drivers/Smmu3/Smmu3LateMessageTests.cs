using System.Buffers.Binary;
using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>Messages of CMD_SYNC that arrive after CONS has passed the command, as posted writes may.</summary>
public sealed class Smmu3LateMessageTests
{
    private const ulong Queue = 0x10_0000;

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(4, 16)]
    public void A_message_finds_its_own_command(int log2, int commands)
    {
        using var memory = new PhysicalMemory(1 << 24, isCoherent: true);
        var hardware = new LateHardware(memory, log2) { ReadsUntilMessage = 40 };
        var queue = Make(memory, hardware, log2, TimeSpan.FromMinutes(1));
        Smmu3Command[] drops = [.. Enumerable.Repeat(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests), commands)];
        for (int round = 0; round < 20; round++)
        {
            queue.PushAndWait(drops);
        }

        hardware.Overwritten.ShouldBe(0);
        hardware.Consumed.Count(code => code == Smmu3CommandCode.DropAllGuests).ShouldBe(20 * commands);
        hardware.Consumed.Count(code => code == Smmu3CommandCode.Sync).ShouldBe(20);
        hardware.Consumed.Count.ShouldBe(20 * (commands + 1));
        hardware.Delivered.ShouldBeGreaterThan(10);
    }

    /// <summary>A CMD_SYNC is over when CONS says so; only the place in the queue waits, and not for ever.</summary>
    [Fact]
    public void A_message_that_is_lost_holds_its_place_and_is_told()
    {
        using var memory = new PhysicalMemory(1 << 24, isCoherent: true);
        var hardware = new LateHardware(memory, 1) { ReadsUntilMessage = int.MaxValue };
        var queue = Make(memory, hardware, 1, TimeSpan.FromMilliseconds(200));
        queue.PushAndWait();
        queue.PushAndWait();
        Should.Throw<TimeoutException>(() => queue.PushAndWait()).Message.ShouldContain("message");
        hardware.DeliverAll();
        queue.PushAndWait();
        hardware.Overwritten.ShouldBe(0);
    }

    /// <summary>
    /// An aborted message does not come, and GERROR says so (MSI_CMDQ_ABT_ERR): its place is free again, and the queue goes on. Of another that is late,
    /// the place is not. While the error is not acknowledged further ones do not show; a queue of one command needs each.
    /// </summary>
    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(0, 2, 1)]
    [InlineData(1, 1, 3)]
    [InlineData(1, 2, 3)]
    [InlineData(1, 5, 3)]
    [InlineData(4, 7, 3)]
    public void A_message_that_is_aborted_leaves_its_place_free(int log2, int abortsEach, int handlesEach)
    {
        using var memory = new PhysicalMemory(1 << 24, isCoherent: true);
        var hardware = new LateHardware(memory, log2) { ReadsUntilMessage = 10, CompletesInOrder = true, AbortsEach = abortsEach };
        var queue = Make(memory, hardware, log2, TimeSpan.FromSeconds(5));
        for (int round = 0; round < 21; round++)
        {
            queue.PushAndWait();
            if (round % handlesEach == 0)
            {
                // As the driver's handler does.
                queue.HandleAbortedMessage();
                hardware.Write32(Smmu3Register.GlobalErrorAck, hardware.Read32(Smmu3Register.GlobalError));
            }
        }

        hardware.Overwritten.ShouldBe(0);
        hardware.Consumed.Count.ShouldBe(21);
        hardware.Aborted.ShouldBe(21 / abortsEach);
    }

    /// <summary>A command that is refused is replaced by a CMD_SYNC without a message, which nobody waits for.</summary>
    [Fact]
    public void A_refused_sync_leaves_its_place_free()
    {
        using var memory = new PhysicalMemory(1 << 24, isCoherent: true);
        var hardware = new LateHardware(memory, 1) { RefusesNext = true };
        var queue = Make(memory, hardware, 1, TimeSpan.FromMinutes(1));
        Should.Throw<IommuException>(() => queue.PushAndWait());
        for (int round = 0; round < 6; round++)
        {
            queue.PushAndWait();
        }

        hardware.Overwritten.ShouldBe(0);
    }

    private static Smmu3CommandQueue Make(PhysicalMemory memory, IMmio hardware, int log2, TimeSpan patience) => new(
        hardware,
        memory,
        new PageAllocator(memory.CpuView, 0x20_0000, 1 << 20).Memory,
        Queue,
        log2,
        Smmu3Unit.Full,
        new Smmu3DriverOptions { UsesMessages = true, Patience = patience });

    /// <summary>Hardware that consumes commands at once, and stores the messages of CMD_SYNC after some reads of CONS.</summary>
    private sealed class LateHardware(PhysicalMemory memory, int log2) : IMmio
    {
        private readonly Queue<(ulong Address, int Read)> _late = new();
        private uint _producer;
        private uint _consumer;
        private uint _error;
        private uint _acknowledged;
        private int _reads;
        private int _messages;

        public int ReadsUntilMessage { get; init; }

        public bool RefusesNext { get; set; }

        /// <summary>Whether a CMD_SYNC completes behind the messages of those before it, as it has to.</summary>
        public bool CompletesInOrder { get; init; }

        /// <summary>Each of how many messages is aborted; 0 for none.</summary>
        public int AbortsEach { get; init; }

        public int Aborted { get; private set; }

        public List<Smmu3CommandCode> Consumed { get; } = [];

        /// <summary>Messages that came over another command.</summary>
        public int Overwritten { get; private set; }

        public int Delivered { get; private set; }

        public uint Read32(uint offset)
        {
            switch (offset)
            {
                case Smmu3Register.CommandConsumer:
                    _reads++;
                    while (_late.TryPeek(out var next) && _reads - next.Read >= ReadsUntilMessage)
                    {
                        Deliver();
                    }

                    return _consumer;
                case Smmu3Register.GlobalError:
                    return _error;
                case Smmu3Register.GlobalErrorAck:
                    return _acknowledged;
                default:
                    return 0;
            }
        }

        public void Write32(uint offset, uint value)
        {
            if (offset == Smmu3Register.CommandProducer)
            {
                _producer = value;
            }
            else if (offset == Smmu3Register.GlobalErrorAck)
            {
                _acknowledged = value;
                _consumer &= Smmu3Register.QueueIndexMask;
            }

            Consume();
        }

        public ulong Read64(uint offset) => Read32(offset);

        public void Write64(uint offset, ulong value) => Write32(offset, (uint)value);

        public void DeliverAll()
        {
            while (_late.Count != 0)
            {
                Deliver();
            }
        }

        private Span<byte> At(ulong address) => memory.CpuView.Span(address, 16);

        private void Consume()
        {
            while (_producer != _consumer && ((_error ^ _acknowledged) & Smmu3Register.Errors.CommandQueue) == 0)
            {
                ulong address = Queue + ((_consumer & ((1u << log2) - 1)) * 16ul);
                var command = new Smmu3Command(
                    BinaryPrimitives.ReadUInt64LittleEndian(At(address)), BinaryPrimitives.ReadUInt64LittleEndian(At(address)[8..]));
                if (RefusesNext)
                {
                    RefusesNext = false;
                    _error ^= Smmu3Register.Errors.CommandQueue;
                    _consumer |= (uint)Smmu3CommandError.Illegal << Smmu3Register.CommandErrorShift;
                    return;
                }

                Consumed.Add(command.Code);
                if (command is { Code: Smmu3CommandCode.Sync, Signal: 1 })
                {
                    if (CompletesInOrder)
                    {
                        DeliverAll();
                    }

                    Send(command.MessageAddress);
                }

                _consumer = (_consumer + 1) & ((2u << log2) - 1);
            }
        }

        private void Send(ulong address)
        {
            if (AbortsEach == 0 || ++_messages % AbortsEach != 0)
            {
                _late.Enqueue((address, _reads));
                return;
            }

            Aborted++;
            if (((_error ^ _acknowledged) & Smmu3Register.Errors.CommandMessageAbort) == 0)
            {
                _error ^= Smmu3Register.Errors.CommandMessageAbort;
            }
        }

        private void Deliver()
        {
            var (address, _) = _late.Dequeue();
            Overwritten += (byte)BinaryPrimitives.ReadUInt64LittleEndian(At(address)) == (byte)Smmu3CommandCode.Sync ? 0 : 1;
            BinaryPrimitives.WriteUInt32LittleEndian(At(address), 0);
            Delivered++;
        }
    }
}
