using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>The event queue (IHI 0070, section 7.2). One thread at a time reads it.</summary>
internal sealed class Smmu3EventQueue(IMmio registers, Smmu3Blocks blocks, ulong address, int log2)
{
    /// <summary>Log2 of the most records: what one block of the allocator holds.</summary>
    public const int MaxLog2 = 13;

    private uint _consumer;

    /// <summary>Log2 of the records that it holds.</summary>
    public int SizeLog2 => log2;

    /// <summary>What EVENTQ_BASE has to be.</summary>
    public ulong Base => address | (uint)log2;

    /// <summary>Takes records out, and acknowledges that others were lost because the queue was full.</summary>
    /// <param name="records">Where to.</param>
    /// <returns>How many there were.</returns>
    public int Take(Span<Smmu3Event> records)
    {
        uint producer = registers.Read32(Smmu3Register.EventProducer);
        uint mask = (2u << log2) - 1;
        uint consumer = _consumer & mask;
        int count = 0;
        for (; count < records.Length && ((producer ^ consumer) & mask) != 0; count++)
        {
            ulong at = address + ((ulong)(consumer & (mask >> 1)) * Smmu3Event.Bytes);
            records[count] = new Smmu3Event(blocks.Load(at), blocks.Load(at + 8), blocks.Load(at + 16), blocks.Load(at + 24));
            consumer = (consumer + 1) & mask;
        }

        consumer |= producer & Smmu3Register.Overflow;
        if (consumer != _consumer)
        {
            _consumer = consumer;
            registers.Write32(Smmu3Register.EventConsumer, consumer);
        }

        return count;
    }
}
