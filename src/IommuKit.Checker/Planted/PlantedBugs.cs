using IommuKit.Checker.Scenarios;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;

namespace IommuKit.Checker.Planted;

/// <summary>
/// Bugs that any driver can have, by what its hardware may do; those of one IOMMU are in its <see cref="CheckTarget.Bugs"/>. Together there is at
/// least one of each kind that real drivers had. docs/checker.md lists the real ones by their references.
/// </summary>
public static class PlantedBugs
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<PlantedBug> General { get; } =
    [
        Left("map-clean", "no line is cleaned on map", "M7", IsNotCoherent, CheckOperationKind.Map, IsClean),
        Left("map-table-cache", "the table cache is not invalidated on map", "M6", HasTableCacheAndMaps, CheckOperationKind.Map, IsTableCache),
        Left("map-tlb", "the TLB is not invalidated on map", "M6", IsNegativeWithMaps, CheckOperationKind.Map, IsTlb) with { IsOfRegisters = true },
        Left("unmap-clean", "no line is cleaned on unmap", "M8", IsNotCoherent, CheckOperationKind.Unmap, IsClean),
        Left("unmap-table-cache", "the table cache is not invalidated on unmap", "M1", HasTableCacheAtOnce, CheckOperationKind.Unmap, IsTableCache),
        Left("unmap-tlb", "the TLB is not invalidated on unmap", "M1", IsAtOnce, CheckOperationKind.Unmap, IsTlb) with { IsOfRegisters = true },
        Left("attach-tlb", "the TLB is not invalidated when a device is attached", "M1", StartsUnknown, CheckOperationKind.Attach, IsTlb)
            with { IsOfRegisters = true },
        Left("barrier", "nobody waits for cleans", "O2", configuration => !configuration.Target.HasCoherentWalk, null, IsBarrier),
        Left("fence", "the CPU goes on before its stores are visible", "O2", HasStoreBufferAtOnce, null, IsBarrier)
            with { Expected = [Verdict.Missing, Verdict.Order] },
        Left("wait", "nobody waits for invalidations", "O5", configuration => configuration.Target.Traits.HasPostedCommands, null, IsWait)
            with { Expected = [Verdict.NotComplete] },
        LeftOut("deferred-reuse", "an IOVA is mapped again before the queue is drained", "O5", IsDeferred, CheckOperationKind.Map, IsFlushOfAll)
            with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order], IsOfRegisters = true },
        LeftOut(
            "scatter-reuse",
            "an IOVA is mapped to a scatter list before the queue is drained",
            "O5",
            IsDeferred,
            CheckOperationKind.Scatter,
            IsFlushOfAll) with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order], ShowsInFollowUps = true, IsOfRegisters = true },

        // Of a new table, what was in its memory before is left: with some granules that is a valid entry, as after a table that went too early.
        new(
            "first-line-cleaned",
            "of a run only the first line is cleaned",
            "M5",
            [Verdict.Missing, Verdict.EarlyFree],
            configuration => !configuration.Target.HasCoherentWalk,
            (machine, run) => new ShortClean(machine, run)),
        new(
            "first-table-cache-line",
            "of a run only the first line of the table cache is invalidated",
            "M9",
            [Verdict.Missing],
            configuration => configuration.Target.HasTableCache && InvalidatesByRange(configuration),
            (machine, run) => new OnlyFirstOfRun(machine, run, ShadowCommandKind.DropTableCache)),
        new(
            "first-tlb-group",
            "of a run only the first TLB group is invalidated",
            "M9",
            [Verdict.Missing],
            configuration => HasSmallDrops(configuration) && InvalidatesByRange(configuration),
            (machine, run) => new OnlyFirstOfRun(machine, run, ShadowCommandKind.DropTranslations)) { IsOfRegisters = true },
        new(
            "tlb-before-table-cache",
            "the TLB is invalidated before the table cache",
            "O6",
            [Verdict.Order],
            HasTableCacheAtOnce,
            (machine, run) => new TlbBeforeTableCache(machine, run)),
    ];

    /// <summary>Where pointers to tables are remembered, and table memory is in the one pool of the machine.</summary>
    internal static PlantedBug EarlyTable { get; } = new(
        "early-table",
        "a table is given back before what hardware remembers of it is invalidated",
        "O5",
        [Verdict.EarlyFree],
        configuration => IsAtOnce(configuration) && configuration.Release != TableRelease.Never,
        (machine, run) => new EarlyTable(machine, run));

    /// <summary>All bugs that can be planted in a target: general ones, and its own.</summary>
    public static IEnumerable<PlantedBug> Of(CheckTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return General
            .Where(bug => !(bug.IsOfRegisters && target.HasQueue) && !target.HarmlessBugs.Contains(bug.Name, StringComparer.Ordinal))
            .Concat(target.Bugs);
    }

    /// <summary>All bugs that can be planted in a configuration.</summary>
    public static IEnumerable<PlantedBug> Of(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return Of(configuration.Target).Where(bug => bug.AppliesTo(configuration));
    }

    /// <summary>The bug of that name that can be planted in a target, or null.</summary>
    public static PlantedBug? Find(CheckTarget target, string name) =>
        Of(target).FirstOrDefault(bug => string.Equals(bug.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Accesses of some kind are left out.</summary>
    /// <param name="name">The name by which the bug can be asked for.</param>
    /// <param name="description">What the driver then does wrong.</param>
    /// <param name="reference">The real bug of this kind.</param>
    /// <param name="appliesTo">Whether it is possible in a configuration.</param>
    /// <param name="during">Operations of which kind lack the accesses; null for all that change mappings.</param>
    /// <param name="isLeftOut">Which accesses, by what they are and by what they do.</param>
    public static PlantedBug LeftOut(
        string name,
        string description,
        string reference,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<MaintenanceStep, ShadowCommands, bool> isLeftOut) =>
        new(name, description, reference, [Verdict.Missing], appliesTo, (machine, run) => new Omission(machine, run, during, isLeftOut));

    /// <summary>Accesses of some kind are replaced by others.</summary>
    /// <param name="name">The name by which the bug can be asked for.</param>
    /// <param name="description">What the driver then does wrong.</param>
    /// <param name="reference">The real bug of this kind.</param>
    /// <param name="appliesTo">Whether it is possible in a configuration.</param>
    /// <param name="isMeant">Which accesses.</param>
    /// <param name="rewrite">What they become.</param>
    public static PlantedBug Replaced(
        string name,
        string description,
        string reference,
        Func<CheckConfiguration, bool> appliesTo,
        Func<MaintenanceStep, bool> isMeant,
        Func<MaintenanceStep, MaintenanceStep> rewrite) =>
        new(name, description, reference, [Verdict.Missing], appliesTo, (machine, run) => new Rewritten(machine, run, isMeant, rewrite));

    /// <summary>Whether an access invalidates the table cache, by what its register is for.</summary>
    public static bool IsTableCache(MaintenanceStep access) =>
        access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.TableCacheInvalidation };

    /// <summary>Whether it invalidates translations, by what its register is for.</summary>
    public static bool IsTlb(MaintenanceStep access) =>
        access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.TlbInvalidation } or { Kind: MaintenanceKind.Invalidate };

    /// <summary>Whether an unmap invalidates before it returns.</summary>
    public static bool IsAtOnce(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.Policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit);
    }

    /// <summary>Whether more than a page may be invalidated in one go. A domain that owes more than it remembers drops everything.</summary>
    public static bool InvalidatesByRange(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return configuration.Policy != SyncPolicy.PerPage
            && !(configuration.Policy == SyncPolicy.Explicit && configuration.Target.ExplicitCapacity != 0);
    }

    private static PlantedBug Left(
        string name,
        string description,
        string reference,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<MaintenanceStep, bool> isLeftOut) =>
        LeftOut(name, description, reference, appliesTo, during, (access, _) => isLeftOut(access));

    private static bool IsClean(MaintenanceStep access) => access.Kind == MaintenanceKind.Clean;

    private static bool IsBarrier(MaintenanceStep access) => access.Kind == MaintenanceKind.Barrier;

    private static bool IsWait(MaintenanceStep access) => access
        is { Kind: MaintenanceKind.RegisterRead, Purpose: RegisterPurpose.Completion } or { Kind: MaintenanceKind.StatusRead };

    private static bool IsFlushOfAll(MaintenanceStep access, ShadowCommands commands)
    {
        foreach (ref readonly var command in commands.All)
        {
            // Of 32 bits of IOVA at least, which is as few as any IOMMU has.
            if (command.IsDrop && command is { First: 0, Last: >= uint.MaxValue })
            {
                return true;
            }
        }

        return false;
    }

    // A walker that remembers what is not present has the range invalidated by the map as well; without a table cache that only leaves the table that
    // may have gone.
    private static bool IsDeferred(CheckConfiguration configuration) => configuration.Policy == SyncPolicy.Deferred
        && (configuration.Target.HasTableCache || !configuration.Target.CachesInvalidEntries);

    // Under Explicit the flush is an operation of its own.
    private static bool HasSyncedMaps(CheckConfiguration configuration) => configuration.Policy != SyncPolicy.Explicit;

    private static bool IsNotCoherent(CheckConfiguration configuration) => !configuration.Target.HasCoherentWalk && HasSyncedMaps(configuration);

    private static bool HasTableCacheAndMaps(CheckConfiguration configuration) => configuration.Target.HasTableCache && HasSyncedMaps(configuration);

    private static bool HasTableCacheAtOnce(CheckConfiguration configuration) => configuration.Target.HasTableCache && IsAtOnce(configuration);

    private static bool IsNegativeWithMaps(CheckConfiguration configuration) =>
        configuration.Target.CachesInvalidEntries && HasSyncedMaps(configuration);

    private static bool HasStoreBufferAtOnce(CheckConfiguration configuration) =>
        configuration.Target.Traits.HasStoreBuffer && IsAtOnce(configuration);

    private static bool StartsUnknown(CheckConfiguration configuration) =>
        configuration.Target is { CanAttach: true, Traits.StartsUnknown: true };

    // Where a run of pages takes several invalidations.
    private static bool HasSmallDrops(CheckConfiguration configuration) =>
        configuration.Target.Traits.DropSizes is [var smallest, ..] && smallest < configuration.Target.Layout.Run.Size / 2;
}
