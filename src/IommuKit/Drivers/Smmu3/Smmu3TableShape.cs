namespace IommuKit.Drivers.Smmu3;

/// <summary>What hardware has to know of a page table.</summary>
/// <param name="Root">Where it begins.</param>
/// <param name="RootLevel">The level of its root, counted from the leaves.</param>
/// <param name="GranuleLog2">Log2 of its granule.</param>
/// <param name="InputBits">Bits of an IOVA.</param>
/// <param name="OutputBits">Bits of a physical address.</param>
internal readonly record struct Smmu3TableShape(ulong Root, int RootLevel, int GranuleLog2, int InputBits, int OutputBits)
{
    /// <summary>Bytes of the root, of which each entry has 8.</summary>
    public ulong RootBytes => 8ul << (InputBits - GranuleLog2 - (RootLevel * (GranuleLog2 - 3)));
}
