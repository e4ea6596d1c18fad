namespace IommuKit.Models.Smmu2;

/// <summary>The tables of one stage, as registers of a bank describe them. Levels are counted as Arm does: 3 is that of pages.</summary>
/// <param name="Format">What descriptors are like.</param>
/// <param name="Root">The first table.</param>
/// <param name="Granule">Log2 of the bytes of a page.</param>
/// <param name="InputBits">Bits of an address that the tables translate.</param>
/// <param name="StartLevel">The level of the first table.</param>
/// <param name="OutputBits">Bits of an output address.</param>
/// <param name="MemoryTypes">MAIR, or PRRR and NMRR.</param>
/// <param name="Flags">The rest.</param>
internal readonly record struct Smmu2Stage(
    Smmu2TableFormat Format,
    ulong Root,
    int Granule,
    int InputBits,
    int StartLevel,
    int OutputBits,
    ulong MemoryTypes,
    Smmu2StageFlags Flags)
{
    public const int LastLevel = 3;

    /// <summary>Bits of the widest address in 64-bit descriptors, and in those of AArch32.</summary>
    public const int MostAddressBits = 48;
    public const int MostLongBits = 40;

    /// <summary>Log2 of what an entry of a directory of short tables maps.</summary>
    public const int SectionShift = 20;

    /// <summary>Everything faults.</summary>
    public static Smmu2Stage None(Smmu2TableFormat format) =>
        new(format, 0, 12, 32, format == Smmu2TableFormat.Aarch64 ? 0 : 1, 32, 0, Smmu2StageFlags.Disabled);

    /// <summary>The level that a fault is at which no table was read for.</summary>
    public int FirstLevel => Format == Smmu2TableFormat.Aarch64 ? 0 : 1;

    public bool Has(Smmu2StageFlags flag) => (Flags & flag) != 0;

    /// <summary>Log2 of the bytes that an entry of a level maps, of long tables.</summary>
    public int ShiftOf(int level) => Granule + ((LastLevel - level) * (Granule - 3));

    /// <summary>Where the entry of a long table is that translates an address.</summary>
    public ulong OffsetOf(ulong address, int level)
    {
        int bits = level == StartLevel ? InputBits - ShiftOf(level) : Granule - 3;
        return ((address >> ShiftOf(level)) & ((1ul << bits) - 1)) << 3;
    }

    /// <summary>Whether an entry without bit 1 is a block, at a level above the last.</summary>
    public bool HasBlocks(int level) => level == 2 || (level == 1 && Granule == 12);
}
