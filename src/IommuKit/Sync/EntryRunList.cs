using System.Runtime.CompilerServices;
using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>A few runs of entries in place, without allocation.</summary>
[InlineArray(Capacity)]
internal struct EntryRunList
{
    public const int Capacity = 16;

    private EntryRun _first;
}
