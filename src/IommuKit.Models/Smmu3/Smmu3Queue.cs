using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <summary>A queue that the SMMU fills: of events, or of page requests.</summary>
internal struct Smmu3Queue
{
    public ulong Base;
    public uint Producer;
    public uint Consumer;
    public Smmu3QueueMessage Message;

    /// <summary>Log2 of its entries.</summary>
    public readonly int Log2(int most) => (int)Math.Min(Base & Smmu3Register.QueueSizeMask, (ulong)most);

    /// <summary>The index and the wrap bit in use.</summary>
    public static uint PositionMask(int log2) => (2u << log2) - 1;

    /// <summary>Whether an overflow was told, and not acknowledged yet.</summary>
    public readonly bool HasOverflow => ((Producer ^ Consumer) & Smmu3Register.Overflow) != 0;

    public readonly bool IsEmpty(int log2) => ((Producer ^ Consumer) & PositionMask(log2)) == 0;

    public readonly bool IsFull(int log2) => ((Producer ^ Consumer) & PositionMask(log2)) == 1u << log2;

    /// <summary>Where the next record goes.</summary>
    public readonly ulong NextAddress(int log2, int recordLog2)
    {
        ulong size = 1ul << Math.Max(log2 + recordLog2, 5);
        return (Base & Smmu3Register.QueueAddressMask & ~(size - 1)) + ((ulong)(Producer & ((1u << log2) - 1)) << recordLog2);
    }

    public void Advance(int log2) => Producer = (Producer & Smmu3Register.Overflow) | ((Producer + 1) & PositionMask(log2));
}
