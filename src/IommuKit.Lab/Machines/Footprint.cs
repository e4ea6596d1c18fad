namespace IommuKit.Lab.Machines;

/// <summary>What an operation does to page tables, in the shape that a bound needs.</summary>
/// <param name="Iova">First IOVA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="UsesSections">Whether what can be is mapped with the next larger page size, the rest with the smallest.</param>
/// <param name="Change">What happens to the tables that the range lies in.</param>
public readonly record struct Footprint(ulong Iova, ulong Size, bool UsesSections, TableChange Change);
