namespace IommuKit.Lab.Dump;

/// <summary>A range of physical memory, and where in a file it is.</summary>
/// <param name="Address">The first physical address.</param>
/// <param name="Length">Bytes that the file has of it.</param>
/// <param name="Offset">Where in the file.</param>
/// <param name="File">Which file: its place in the list.</param>
internal readonly record struct MemoryPiece(ulong Address, ulong Length, ulong Offset, int File);
