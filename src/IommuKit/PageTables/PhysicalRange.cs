namespace IommuKit.PageTables;

/// <summary>A piece of physical memory, for example one entry of a scatter list.</summary>
/// <param name="Address">Where it starts.</param>
/// <param name="Length">Its size in bytes.</param>
public readonly record struct PhysicalRange(ulong Address, ulong Length);
