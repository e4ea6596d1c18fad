using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// A block is gone, its translation still owed an invalidation, and a table takes its place without one: the entry changes from block to table under
/// hardware that may hold the block.
/// </summary>
internal sealed class LiveBlock(CheckRig machine, ScenarioRun run)
    : EditedCommands(machine, run, CheckOperationKind.Map, (command, _) => Smmu3Bugs.IsOfTlb(command) ? Nothing : command)
{
    private ulong _unmapped;

    protected override bool IsMeant => base.IsMeant && _unmapped != 0 && Run.Current.Size < _unmapped;

    public override void Before()
    {
        // What the unmap takes away is one block, where one is mapped there.
        bool isBlock = Run.Current.Kind == CheckOperationKind.Unmap && Run.Current.Size == Run.Configuration.Target.Layout.Table.Size;
        _unmapped = isBlock ? Run.Current.Size : _unmapped;
    }
}
