using System.Buffers.Binary;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>
/// An entry is torn: when hardware is told to read it again, the quadword with its table is still another domain's, and the right one comes before
/// the driver goes on, with nothing that tells of it.
/// </summary>
internal sealed class TornEntry(CheckRig machine, ScenarioRun run) : Sabotage(machine, run)
{
    private readonly IVtdEntries _entries = VtdDecoder.EntriesOf((VtdMachine)((IMachineRig)machine).Machine);
    private ulong _place;
    private ulong _right;

    public override bool Intercept(in MaintenanceStep access)
    {
        bool isAttaching = Run is { IsBusy: true, Started: > 0, Current.Kind: CheckOperationKind.Attach };
        if (isAttaching && _place == 0 && access is { Kind: MaintenanceKind.RegisterWrite, Address: VtdRegister.QueueTail })
        {
            Tear(Run.Current.Domain);
        }
        else if (_place != 0 && access.Kind == MaintenanceKind.StatusRead)
        {
            Store(_right);
            _place = 0;
        }

        return false;
    }

    private void Tear(int device)
    {
        if (WordOf(device) is { } own && WordOf(1 - device) is { } other && _entries.RouteOf(SourceOf(device)) is not null)
        {
            _place = own;
            _right = Read(own);
            Store(Read(other));
        }
    }

    private void Store(ulong value)
    {
        Machine.Scribble(_place, value);
        Machine.WriteBack(_place);
    }

    private ulong? WordOf(int device) => _entries.RouteOf(SourceOf(device)) is null ? null : _entries.RootWordOf(SourceOf(device));

    private VtdSource SourceOf(int device) => VtdSource.Of((IMachineRig)Machine, device);

    private ulong Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        Machine.ReadTable(address, word);
        return BinaryPrimitives.ReadUInt64LittleEndian(word);
    }
}
