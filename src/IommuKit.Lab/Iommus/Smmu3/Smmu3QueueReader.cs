using System.Runtime.InteropServices;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>Counts the commands of an SMMU's queue when its end moves.</summary>
/// <param name="memory">Memory as the CPU sees it.</param>
public sealed class Smmu3QueueReader(HostMemory memory) : IQueueReader
{
    private bool _hasQueue;
    private QueueFollower _queue;
    private uint _producer;

    /// <inheritdoc/>
    public CommandTally Commands { get; } = new(Smmu3CommandKinds.All);

    /// <summary>Follows the queue that CMDQ_BASE says.</summary>
    /// <param name="register">The value of CMDQ_BASE.</param>
    /// <param name="producer">CMDQ_PROD by now, which counts in entries and has a wrap bit.</param>
    public static QueueFollower Follow(ulong register, uint producer) => new(
        register & Smmu3Register.QueueAddressMask,
        Smmu3Command.Bytes,
        1u << (int)(register & Smmu3Register.QueueSizeMask),
        hasWrapBit: true,
        producer);

    /// <inheritdoc/>
    public void Written(uint offset, ulong value, Meter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        switch (offset)
        {
            case Smmu3Register.CommandQueue:
                _hasQueue = value != 0;
                _queue = Follow(value, 0);
                _producer = 0;
                break;
            case Smmu3Register.CommandProducer when _hasQueue:
                Count((uint)value, meter);
                break;
        }
    }

    /// <inheritdoc/>
    public uint? WhenDone(uint offset) => offset == Smmu3Register.CommandConsumer ? Volatile.Read(ref _producer) : null;

    private void Count(uint producer, Meter meter)
    {
        Volatile.Write(ref _producer, producer);
        int translations = 0;
        int waits = 0;
        int others = 0;
        while (_queue.TryNext(producer, out ulong address))
        {
            var words = MemoryMarshal.Cast<byte, ulong>(memory.Span(address, Smmu3Command.Bytes));
            var command = new Smmu3Command(words[0], words[1]);
            if (command.Code == Smmu3CommandCode.Sync)
            {
                waits++;
                continue;
            }

            int slot = Smmu3CommandKinds.SlotOf(command);
            Commands.Count(slot, Smmu3CommandKinds.PagesOf(command));
            if (Smmu3CommandKinds.ByCode[slot].Purpose == OperationPurpose.Tlb)
            {
                translations++;
            }
            else
            {
                others++;
            }
        }

        Commands.Count((int)Smmu3CommandCode.Sync, pages: 0, waits);
        meter.CountCommands(translations, waits, others);
    }
}
