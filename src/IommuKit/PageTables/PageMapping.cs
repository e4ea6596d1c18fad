using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>What an IOVA is mapped to.</summary>
/// <param name="PhysicalAddress">The byte that the IOVA names.</param>
/// <param name="PageLog2">Log2 of the size of the page around it.</param>
/// <param name="Protection">What devices may do there.</param>
public readonly record struct PageMapping(ulong PhysicalAddress, int PageLog2, Protection Protection);
