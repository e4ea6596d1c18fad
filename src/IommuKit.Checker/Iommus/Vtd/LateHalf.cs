using System.Buffers.Binary;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>
/// The halves of an entry become visible in the wrong order: the one that says that it is present before the other, which still is as another domain
/// left it. Hardware that walks in between remembers both, and is told nothing, as what was absent is not remembered.
/// </summary>
internal sealed class LateHalf(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly IVtdEntries _entries = VtdDecoder.EntriesOf((VtdMachine)((IMachineRig)machine).Machine);
    private bool _isPresent;

    public override bool Intercept(in MaintenanceStep access)
    {
        if (Run is not { IsBusy: true, Started: > 0, Current.Kind: CheckOperationKind.Attach })
        {
            _isPresent = false;
            return false;
        }

        // The driver has stored all of the entry, and it is about to be seen.
        int device = Run.Current.Domain;
        bool wasPresent = _isPresent;
        _isPresent = _entries.RouteOf(SourceOf(device)) is not null;
        if (_isPresent
            && !wasPresent
            && _entries.LateWordOf(SourceOf(device)) is { } own
            && _entries.RouteOf(SourceOf(1 - device)) is not null
            && _entries.LateWordOf(SourceOf(1 - device)) is { } other)
        {
            ulong right = Read(own);
            Store(own, Read(other));
            Machine.Issue(new MaintenanceStep(MaintenanceKind.Barrier, 0, 0, default));
            Run.Pause();
            Store(own, right);
        }

        return false;
    }

    private void Store(ulong place, ulong value)
    {
        Machine.Scribble(place, value);
        Machine.WriteBack(place);
    }

    private VtdSource SourceOf(int device) => VtdSource.Of((IMachineRig)Machine, device);

    private ulong Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        Machine.ReadTable(address, word);
        return BinaryPrimitives.ReadUInt64LittleEndian(word);
    }
}
