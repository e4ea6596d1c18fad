using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.PageTables.Dump;

/// <summary>An entry that a walk reads.</summary>
/// <param name="Level">The level of the table that holds it.</param>
/// <param name="Index">Its number in the table.</param>
/// <param name="Address">Where it is.</param>
/// <param name="Entry">Its value.</param>
/// <param name="Decoded">What hardware makes of it.</param>
/// <param name="Rights">What devices may do by this entry and those on the way to it; nothing where the walk ends with a fault.</param>
/// <param name="Flags">Of a leaf: its bits, by the names of the architecture; empty otherwise.</param>
public sealed record DumpStep(int Level, int Index, ulong Address, ulong Entry, WalkEntry Decoded, Protection Rights, string Flags);
