using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// The pointer to a new table of the second level is visible before the table: when hardware is told that there is one, it finds what was in that memory
/// before, and the right entry comes before the driver goes on, with nothing that tells of it.
/// </summary>
internal sealed class EarlyPointer(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly Smmu3Structures _structures = new((Smmu3Machine)((IMachineRig)machine).Machine);
    private readonly List<(ulong Address, ulong Right)> _torn = [];
    private readonly HashSet<ulong> _known = [];

    public override bool Intercept(in MaintenanceStep access)
    {
        bool isAttaching = Run is { IsBusy: true, Current.Kind: CheckOperationKind.Attach };
        if (isAttaching && access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            Tear(Smmu3Targets.SourceOf((IMachineRig)Machine, Run.Current.Domain).StreamId);
        }
        else if (_torn.Count != 0 && access is { Kind: MaintenanceKind.RegisterRead, Address: Smmu3Register.CommandConsumer })
        {
            _torn.ForEach(word => Store(word.Address, word.Right));
            _torn.Clear();
        }

        return false;
    }

    /// <summary>A table that is there for the first time has nothing in it yet.</summary>
    private void Tear(uint stream)
    {
        if (_structures.PointerOf(stream) is { } pointer
            && _structures.EntryOf(stream) is { } entry
            && _known.Add(pointer.Address))
        {
            _torn.Add((entry.Address, _structures.Read(entry.Address)));
            Store(entry.Address, 0);
        }
    }

    private void Store(ulong address, ulong value)
    {
        Machine.Scribble(address, value);
        Machine.WriteBack(address);
    }
}
