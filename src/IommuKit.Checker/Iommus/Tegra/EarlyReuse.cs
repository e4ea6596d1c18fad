using System.Runtime.InteropServices;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>
/// A table is given back when it is unlinked, or when what is owed begins to be flushed, rather than when that is done: the next owner of the memory
/// stores entries of its own in it.
/// </summary>
internal sealed class EarlyReuse(CheckRig machine, ScenarioRun run, bool isAtFlush) : Sabotage(machine, run)
{
    private const int TableEntries = 1 << TegraEntry.IndexBits;

    private readonly List<ulong> _waiting = [];

    private readonly uint[] _directory = new uint[TableEntries];

    public override bool Intercept(in MaintenanceStep access)
    {
        if (isAtFlush && _waiting.Count != 0 && Run is { IsBusy: true, Current.Kind: CheckOperationKind.Flush })
        {
            Reuse();
        }

        return false;
    }

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

            _waiting.Add(TegraEntry.Address(_directory[i]));
        }

        if (!isAtFlush)
        {
            Reuse();
        }
    }

    /// <summary>Stores as if the other domain mapped its buffer at the same places.</summary>
    private void Reuse()
    {
        foreach (ulong table in _waiting)
        {
            foreach (ulong page in Run.Configuration.Target.Layout.Pages)
            {
                ulong index = (page >> TegraEntry.PageShift) & (TableEntries - 1);
                ulong address = new CheckOperation(CheckOperationKind.Map, 1 - Run.Current.Domain, page)
                    .PhysicalAddress(Run.Configuration.Target.Layout.Table.Size);
                Machine.Scribble(table + (index * sizeof(uint)), TegraEntry.RightsMask | TegraEntry.Frame(address));
            }
        }

        _waiting.Clear();
        Machine.Checker.Check();
    }

    private void ReadDirectory(uint[] entries) =>
        Machine.ReadTable(((PagingDomain)Machine.Domains[Run.Current.Domain]).RootAddress, MemoryMarshal.AsBytes(entries.AsSpan()));
}
