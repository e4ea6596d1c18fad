using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// The quadwords of a stream table entry with a stage 2 come in the wrong order: the first, which says which stages there are and has a guest's table of
/// contexts, and the third, with the VMID, before the fourth, where the table of another domain still is. Hardware may read the entry like that until
/// the driver's first wait is over, and keeps what it then walks under the new VMID.
/// </summary>
internal sealed class TornStream(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private const ulong TableOffset = 3 * sizeof(ulong);

    private readonly Smmu3Structures _structures = new((Smmu3Machine)((IMachineRig)machine).Machine);
    private readonly List<(ulong Address, ulong Right)> _torn = [];

    public override bool Intercept(in MaintenanceStep access)
    {
        bool isAttaching = Run is { IsBusy: true, Started: > 0, Current.Kind: CheckOperationKind.Attach };
        if (isAttaching && access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            Tear(Run.Current.Domain);
        }
        else if (_torn.Count != 0 && access is { Kind: MaintenanceKind.RegisterRead, Address: Smmu3Register.CommandConsumer })
        {
            _torn.ForEach(word => Store(word.Address, word.Right));
            _torn.Clear();
        }

        return false;
    }

    /// <summary>The driver has prepared what an entry does not look at yet; the other device has a domain.</summary>
    private void Tear(int device)
    {
        if (EntryOf(device) is { } own
            && EntryOf(1 - device) is { } other
            && _structures.Read(own) == Smmu3StreamEntry.Valid
            && _structures.Read(own + TableOffset) != 0
            && _structures.Read(other + TableOffset) is var table and not 0)
        {
            // Devices are of a kind: the other's entry says which stages this one will have, and their guests have the same contexts.
            Replace(own, _structures.Read(other));
            Replace(own + TableOffset, table);
        }
    }

    private void Replace(ulong address, ulong value)
    {
        _torn.Add((address, _structures.Read(address)));
        Store(address, value);
    }

    private void Store(ulong address, ulong value)
    {
        Machine.Scribble(address, value);
        Machine.WriteBack(address);
    }

    private ulong? EntryOf(int device) => _structures.EntryOf(Smmu3Targets.SourceOf((IMachineRig)Machine, device).StreamId)?.Address;
}
