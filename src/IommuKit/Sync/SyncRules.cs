using IommuKit.PageTables;

namespace IommuKit.Sync;

/// <summary>Which maintenance each kind of store needs: the traits of the hardware, as a policy applies them.</summary>
internal sealed class SyncRules
{
    /// <summary>Makes the rules for hardware with these traits.</summary>
    /// <param name="traits">The hardware.</param>
    /// <param name="hasDirection">
    /// Whether the flush knows if it follows a map or an unmap. If not, it must do for both what either needs.
    /// </param>
    public SyncRules(IommuTraits traits, bool hasDirection)
    {
        TableCacheLine = traits.TableCacheLine;
        var clean = traits.HasCoherentWalk ? Maintenance.None : Maintenance.Clean;
        var invalidate = Maintenance.Tlb | (TableCacheLine == 0 ? Maintenance.None : Maintenance.TableCache);
        OnUnmap = clean | invalidate;
        OnMap = traits.CachesInvalidEntries || !hasDirection ? OnUnmap : clean;
    }

    /// <summary>What entries need that became valid.</summary>
    public Maintenance OnMap { get; }

    /// <summary>What entries need that stopped being valid.</summary>
    public Maintenance OnUnmap { get; }

    /// <summary>Bytes in a line of the table cache, or 0.</summary>
    public int TableCacheLine { get; }

    /// <summary>What a run needs.</summary>
    public Maintenance For(in EntryRun run) =>
        run.IsDetached ? OnUnmap & Maintenance.TableCache
        : run.RemovesAccess ? OnUnmap
        : OnMap;
}
