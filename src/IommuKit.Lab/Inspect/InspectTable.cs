using IommuKit.Lab.Formats;

namespace IommuKit.Lab.Inspect;

/// <summary>A page table that an entry points to.</summary>
/// <param name="Format">Its format.</param>
/// <param name="Root">Physical address of its root.</param>
/// <param name="InputBits">Bits of an IOVA.</param>
/// <param name="OutputBits">Bits of a physical address.</param>
/// <param name="Under">
/// The table of a second stage, which translates what this one says: where its tables are, and where its pages are. Null if these are physical addresses.
/// </param>
internal sealed record InspectTable(FormatKind Format, ulong Root, int InputBits, int OutputBits, InspectTable? Under = null);
