using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Planted;

/// <summary>
/// A table is given back as soon as an unmap has unlinked it, before what hardware remembers of it is invalidated: the next owner of the memory stores
/// entries of its own in it.
/// </summary>
internal sealed class EarlyTable(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    // Tables that the domain had when the operation began, with a page that each translates.
    private readonly List<(ulong Table, ulong Page)> _linked = [];

    public override void Before()
    {
        _linked.Clear();
        if (Run.Current.Kind != CheckOperationKind.Unmap)
        {
            return;
        }

        foreach (ulong page in Run.Configuration.Pages)
        {
            if (Machine.TableOf(Run.Current.Domain, page) is { } table)
            {
                _linked.Add((table, page));
            }
        }
    }

    public override bool Intercept(in MaintenanceStep access)
    {
        if (IsUnmapping && _linked.RemoveAll(Reuse) != 0)
        {
            Machine.Checker.Check();
        }

        return false;
    }

    /// <summary>Stores as if the other domain mapped its buffer at the same place, where the table is linked no more.</summary>
    private bool Reuse((ulong Table, ulong Page) one)
    {
        bool isGone = Machine.TableOf(Run.Current.Domain, one.Page) != one.Table;
        if (isGone)
        {
            ulong span = Run.Configuration.Target.Layout.Table.Size;
            var map = new CheckOperation(CheckOperationKind.Map, 1 - Run.Current.Domain, one.Page);
            Machine.ScribbleLeaf(one.Table, one.Page, map.PhysicalAddress(span));
            Machine.WriteBackTables();
        }

        return isGone;
    }
}
