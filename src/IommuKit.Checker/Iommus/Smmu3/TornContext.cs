using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>
/// A context descriptor is torn: when hardware is told to read it again, a quadword of it still has the table of another domain, and the right one
/// comes before the driver goes on, with nothing that tells of it.
/// </summary>
internal sealed class TornContext(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private const ulong TableOffset = sizeof(ulong);

    private readonly Smmu3Structures _structures = new((Smmu3Machine)((IMachineRig)machine).Machine);
    private ulong _place;
    private ulong _right;

    public override bool Intercept(in MaintenanceStep access)
    {
        bool isAttaching = Run is { IsBusy: true, Started: > 0, Current.Kind: CheckOperationKind.Attach };
        if (isAttaching && access is { Kind: MaintenanceKind.RegisterWrite, Address: Smmu3Register.CommandProducer })
        {
            Tear(Run.Current.Domain);
        }
        else if (_place != 0 && access is { Kind: MaintenanceKind.RegisterRead, Address: Smmu3Register.CommandConsumer })
        {
            Store(_right);
            _place = 0;
        }

        return false;
    }

    private void Tear(int device)
    {
        if (ContextOf(device) is { } own && ContextOf(1 - device) is { } other)
        {
            _place = own + TableOffset;
            _right = _structures.Read(_place);
            Store(_structures.Read(other + TableOffset));
        }
    }

    private void Store(ulong value)
    {
        Machine.Scribble(_place, value);
        Machine.WriteBack(_place);
    }

    private ulong? ContextOf(int device) =>
        _structures.ContextOf(Smmu3Targets.SourceOf((IMachineRig)Machine, device))?.Address;
}
