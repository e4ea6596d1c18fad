using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Dump;

/// <summary>Neighbouring leaves of one table that map neighbouring memory in the same way.</summary>
/// <param name="Level">The level of the table.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="LastIova">Last IOVA.</param>
/// <param name="Entry">The first entry.</param>
/// <param name="PhysicalAddress">What the first IOVA is mapped to.</param>
/// <param name="PageLog2">Log2 of the size of the pages.</param>
/// <param name="Protection">What devices may do.</param>
/// <param name="Flags">The bits of the first entry, by the names of the architecture.</param>
internal sealed record DumpRange(
    int Level, ulong Iova, ulong LastIova, ulong Entry, ulong PhysicalAddress, int PageLog2, Protection Protection, string Flags)
    : DumpItem(Level, Iova, LastIova, Entry)
{
    /// <summary>Bytes mapped.</summary>
    public ulong Bytes => LastIova - Iova + 1;

    /// <summary>Pages; entries of a page that is not all there count as one too.</summary>
    public ulong Pages => (Bytes + (1ul << PageLog2) - 1) >> PageLog2;

    /// <summary>What the last IOVA is mapped to.</summary>
    public ulong LastPhysicalAddress => PhysicalAddress + (Bytes - 1);
}
