using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Dump;

/// <summary>An entry that a walk reads.</summary>
/// <param name="Step">The step: where the entry is, its value, and what it ends at.</param>
/// <param name="Index">Its number in the table.</param>
/// <param name="Decoded">What hardware makes of it alone.</param>
/// <param name="Flags">Of a leaf: its bits, by the names of the architecture; empty otherwise.</param>
internal sealed record DumpStep(WalkStep Step, int Index, WalkEntry Decoded, string Flags)
{
    /// <summary>The level of the table that holds it.</summary>
    public int Level => Step.Table.Level;

    /// <summary>What devices may do by this entry and those on the way to it; nothing where the walk ends with a fault.</summary>
    public Protection Rights => Step.End == WalkEnd.Table ? Step.Next.Rights : Step.Rights;
}
