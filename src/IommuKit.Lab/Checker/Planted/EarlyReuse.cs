using System.Runtime.InteropServices;
using IommuKit.Lab.Checker.Machines;
using IommuKit.Lab.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Checker.Planted;

/// <summary>
/// A table is given back when it is unlinked rather than when that is flushed: whoever gets the memory next stores entries of its own in it.
/// </summary>
internal sealed class EarlyReuse(CheckedMachine machine, ScenarioRun run, RangeLayout layout) : Sabotage(machine, run)
{
    private const int TableEntries = 1 << TegraEntry.IndexBits;

    private readonly uint[] _directory = new uint[TableEntries];

    public override bool Intercept(in MaintenanceStep access) => false;

    public override void Before() => ReadDirectory(_directory);

    public override void After()
    {
        if (Run.Current.Kind != CheckOperationKind.Unmap)
        {
            return;
        }

        var now = new uint[TableEntries];
        ReadDirectory(now);
        for (int i = 0; i < TableEntries; i++)
        {
            if (_directory[i] == 0 || now[i] != 0)
            {
                continue;
            }

            // As if the other domain mapped its buffer at the same places.
            ulong table = TegraEntry.Address(_directory[i]);
            foreach (ulong page in layout.Pages)
            {
                ulong index = (page >> TegraEntry.PageShift) & (TableEntries - 1);
                ulong address = new CheckOperation(CheckOperationKind.Map, 1 - Run.Current.Domain, page).PhysicalAddress;
                Machine.Scribble(table + (index * sizeof(uint)), TegraEntry.RightsMask | TegraEntry.Frame(address));
            }
        }

        Machine.Checker.Check();
    }

    private void ReadDirectory(uint[] entries) =>
        Machine.ReadTable(Machine.Domains[Run.Current.Domain].RootAddress, MemoryMarshal.AsBytes(entries.AsSpan()));
}
