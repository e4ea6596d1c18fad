using IommuKit.Specs.Memory;

namespace IommuKit.Lab.Inspect;

/// <summary>The page tables of a state, each read once.</summary>
/// <param name="memory">Memory.</param>
internal sealed class InspectTables(IMemoryAccessor memory)
{
    private readonly InspectBudget _budget = new();
    private readonly Dictionary<InspectTable, (InspectedTable? Contents, string? Why)> _known = [];

    /// <summary>Whether there is more in them than was looked at.</summary>
    public bool IsCut => _budget.IsSpent;

    /// <summary>What a table maps; null, and why, if it cannot be read.</summary>
    /// <param name="table">The table.</param>
    /// <param name="why">Why not.</param>
    public InspectedTable? Read(InspectTable table, out string? why)
    {
        if (!_known.TryGetValue(table, out var known))
        {
            known.Contents = ReadNew(table, out known.Why);
            _known.Add(table, known);
        }

        why = known.Why;
        return known.Contents;
    }

    /// <summary>Memory at the addresses that a second stage translates; null if that cannot be read.</summary>
    public StagedMemory? Through(InspectTable under) => Read(under, out _) is { } contents ? new StagedMemory(memory, contents) : null;

    private InspectedTable? ReadNew(InspectTable table, out string? why)
    {
        if (table.Under is not { } under)
        {
            return InspectedTable.Read(table, memory, _budget, out why);
        }

        if (Read(under, out string? whyNot) is not { } second)
        {
            why = $"its second stage at 0x{under.Root:x}: {whyNot}";
            return null;
        }

        return InspectedTable.Read(table, new StagedMemory(memory, second), _budget, out why)?.Behind(second, _budget);
    }
}
