using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Short lists of runs for operations that touch several tables: one is kept for each thread, so that none has to be allocated.</summary>
internal static class RunLists
{
    /// <summary>Runs in a list.</summary>
    public const int Capacity = 16;

    [ThreadStatic]
    private static EntryRun[]? _spare;

    /// <summary>Takes a list. What is in it is of no meaning.</summary>
    public static EntryRun[] Take()
    {
        var list = _spare ?? new EntryRun[Capacity];
        _spare = null;
        return list;
    }

    /// <summary>Gives a list back.</summary>
    public static void Return(EntryRun[] list) => _spare = list;
}
