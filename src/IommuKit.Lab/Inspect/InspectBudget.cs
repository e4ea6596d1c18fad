using IommuKit.Lab.Dump;

namespace IommuKit.Lab.Inspect;

/// <summary>
/// How much of all page tables of a state is looked at. Tables can point to one another, and many devices to the same ones, so that a page of memory
/// can have more ways through it than anybody can follow.
/// </summary>
internal sealed class InspectBudget
{
    /// <summary>The most tables, each as often as a way leads to it.</summary>
    public const int MostTables = 1 << 18;

    /// <summary>The most ranges that lie together on both sides.</summary>
    public const int MostMappings = 1 << 20;

    private long _tables = MostTables;
    private long _mappings = MostMappings;

    /// <summary>Whether something was left out.</summary>
    public bool IsSpent { get; private set; }

    /// <summary>What is left.</summary>
    public ForeignDump.Limits Left => new(_tables, _mappings);

    /// <summary>Takes what was read.</summary>
    /// <param name="tables">Tables.</param>
    /// <param name="mappings">Ranges that are mapped.</param>
    /// <param name="isCut">Whether there is more, which was left out.</param>
    public void Spend(int tables, int mappings, bool isCut)
    {
        _tables -= tables;
        _mappings -= mappings;
        IsSpent |= isCut;
    }
}
