using IommuKit.Domains;

namespace IommuKit.Checker.Scenarios;

/// <summary>
/// Scenarios that are longer than all of their length could be, of kinds in which drivers go wrong: an IOVA that gets a new mapping while something
/// is owed to its last one, and a device that comes back to memory that others have used.
/// </summary>
internal static class FollowUps
{
    private const int Other = 1;

    /// <summary>One operation after the other.</summary>
    /// <param name="configuration">What is checked.</param>
    /// <param name="bug">The planted bug, or null.</param>
    public static IEnumerable<CheckCase> Sequences(CheckConfiguration configuration, PlantedBug? bug = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var sequences = Scatters(configuration);
        if (Owes(configuration))
        {
            sequences = sequences.Concat(Reuses(configuration)).Concat(ReusesAfterPart(configuration)).Concat(PartsOfNewTables(configuration));
        }

        if (configuration.Target.CanAttach)
        {
            sequences = sequences.Concat(Returns(configuration)).Concat(Renewals(configuration)).Concat(Departures(configuration));
        }

        return sequences.Select(operations => new CheckCase(configuration, bug, operations));
    }

    /// <summary>The last operation but one is interrupted by the last.</summary>
    /// <param name="configuration">What is checked.</param>
    /// <param name="bug">The planted bug, or null.</param>
    public static IEnumerable<CheckCase> Interruptions(CheckConfiguration configuration, PlantedBug? bug = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var sequences = Owes(configuration) ? InterruptedFlushes(configuration) : [];
        if (configuration.Target.CanAttach)
        {
            sequences = sequences.Concat(InterruptedAttaches(configuration)).Concat(InterruptedByAttaches(configuration));
        }

        return sequences.SelectMany(operations => Interleavings.Of(configuration, bug, operations));
    }

    private static bool Owes(CheckConfiguration configuration) => configuration.Policy is SyncPolicy.Deferred or SyncPolicy.Explicit;

    /// <summary>Scatter lists come and go.</summary>
    private static IEnumerable<CheckOperation[]> Scatters(CheckConfiguration configuration) =>
        from range in configuration.Target.Layout.Maps
        from unmap in configuration.Target.Layout.Unmaps
        where Overlap(range, unmap)
        select (CheckOperation[])[On(CheckOperationKind.Scatter, range), On(CheckOperationKind.Unmap, unmap)];

    /// <summary>A range is unmapped, and part of it or more is mapped again at once, in both ways.</summary>
    private static IEnumerable<CheckOperation[]> Reuses(CheckConfiguration configuration) =>
        from range in configuration.Target.Layout.Maps
        from unmap in configuration.Target.Layout.Unmaps
        where Overlap(range, unmap)
        from again in configuration.Target.Layout.Maps
        where Overlap(unmap, again)
        from kind in (CheckOperationKind[])[CheckOperationKind.Map, CheckOperationKind.Scatter]
        select (CheckOperation[])[On(CheckOperationKind.Map, range), On(CheckOperationKind.Unmap, unmap), On(kind, again, buffer: 2)];

    /// <summary>Two ranges are unmapped, one of them is flushed, and the other is mapped again.</summary>
    private static IEnumerable<CheckOperation[]> ReusesAfterPart(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;
        return
            from part in ((ulong Iova, ulong Size)[])[layout.Run, layout.Crossing]
            from again in layout.Maps
            from kind in (CheckOperationKind[])[CheckOperationKind.Map, CheckOperationKind.Scatter]
            select (CheckOperation[])
            [
                On(CheckOperationKind.Map, layout.Run),
                On(CheckOperationKind.Map, layout.Crossing, buffer: 1),
                On(CheckOperationKind.Unmap, layout.Run),
                On(CheckOperationKind.Unmap, layout.Crossing),
                On(CheckOperationKind.Flush, part),
                On(kind, again, buffer: 2),
            ];
    }

    /// <summary>A table goes and is in use again at once, for other pages; a part of what it translates is flushed before the rest.</summary>
    private static IEnumerable<CheckOperation[]> PartsOfNewTables(CheckConfiguration configuration) =>
        from range in configuration.Target.Layout.Maps
        from next in configuration.Target.Layout.Maps
        from part in configuration.Target.Layout.Maps
        where part != next
        select (CheckOperation[])
        [
            On(CheckOperationKind.Map, range),
            On(CheckOperationKind.Unmap, range),
            On(CheckOperationKind.Map, next, buffer: 1),
            On(CheckOperationKind.Flush, part),
        ];

    /// <summary>
    /// While the device of one domain is away, the other domain uses memory and gives it back, and the first takes it for its tables.
    /// </summary>
    private static IEnumerable<CheckOperation[]> Returns(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;
        return
            from other in layout.Maps
            from own in layout.Maps
            from isMappedBefore in (bool[])[true, false]
            let map = On(CheckOperationKind.Map, own, buffer: 1)
            let detach = new CheckOperation(CheckOperationKind.Detach, 0)
            select (CheckOperation[])
            [
                On(CheckOperationKind.Map, other, Other),
                detach,
                On(CheckOperationKind.Unmap, layout.Table, Other),
                On(CheckOperationKind.Unmap, other, Other),
                .. isMappedBefore ? (CheckOperation[])[map] : [],
                new CheckOperation(CheckOperationKind.Attach, 0),
                .. isMappedBefore ? (CheckOperation[])[] : [map],
                On(CheckOperationKind.Unmap, own),
            ];
    }

    /// <summary>
    /// A new domain has its root where the other domain had a table until just now, of which the table cache may hold every line. It is attached
    /// empty or with a mapping.
    /// </summary>
    private static IEnumerable<CheckOperation[]> Renewals(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;
        return
            from other in layout.Maps
            from unmap in ((ulong Iova, ulong Size)[])[other, layout.Table]
            from own in layout.Maps
            from isMappedBefore in (bool[])[true, false]
            let map = On(CheckOperationKind.Map, own, buffer: 1)
            select (CheckOperation[])
            [
                new CheckOperation(CheckOperationKind.Detach, 0),
                On(CheckOperationKind.Map, other, Other),
                On(CheckOperationKind.Unmap, unmap, Other),
                .. Owes(configuration) ? (CheckOperation[])[new CheckOperation(CheckOperationKind.Flush, Other)] : [],
                new CheckOperation(CheckOperationKind.Renew, 0),
                .. isMappedBefore ? (CheckOperation[])[map] : [],
                new CheckOperation(CheckOperationKind.Attach, 0),
                .. isMappedBefore ? (CheckOperation[])[] : [map],
                On(CheckOperationKind.Unmap, own),
            ];
    }

    /// <summary>
    /// A device goes, its domain takes pages away and gives tables back that nobody flushes any more, the other domain takes them, and the device
    /// comes back.
    /// </summary>
    private static IEnumerable<CheckOperation[]> Departures(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;
        return
            from own in layout.Maps
            from unmap in ((ulong Iova, ulong Size)[])[own, layout.Table]
            from other in layout.Maps
            select (CheckOperation[])
            [
                On(CheckOperationKind.Map, own),
                new CheckOperation(CheckOperationKind.Detach, 0),
                On(CheckOperationKind.Unmap, unmap),
                On(CheckOperationKind.Map, other, Other, buffer: 1),
                new CheckOperation(CheckOperationKind.Attach, 0),
            ];
    }

    /// <summary>What is owed is flushed, for whatever reason, and the other domain maps something in the middle of that.</summary>
    private static IEnumerable<CheckOperation[]> InterruptedFlushes(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;

        // A table goes because it is covered, or because it is empty.
        CheckOperation[] setUp =
            [On(CheckOperationKind.Map, layout.Run), On(CheckOperationKind.Unmap, layout.Table), On(CheckOperationKind.Unmap, layout.Run)];
        CheckOperation[] flushes =
        [
            new CheckOperation(CheckOperationKind.Flush, 0),
            On(CheckOperationKind.Map, layout.Run, buffer: 1),
            On(CheckOperationKind.Scatter, layout.Run, buffer: 1),
            .. configuration.Target.CanAttach ? (CheckOperation[])[new(CheckOperationKind.Detach, 0)] : [],
        ];
        return
            from flush in flushes
            from map in layout.Maps
            select (CheckOperation[])[.. setUp, flush, On(CheckOperationKind.Map, map, Other, buffer: 2)];
    }

    /// <summary>A device comes back while its domain, or the other, changes.</summary>
    private static IEnumerable<CheckOperation[]> InterruptedAttaches(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;
        var own = On(CheckOperationKind.Map, layout.Crossing, buffer: 3);
        return
            from isMappedBefore in (bool[])[true, false]
            from domain in (int[])[0, Other]
            from operation in ((CheckOperationKind Kind, (ulong Iova, ulong Size) Range)[])
            [
                (CheckOperationKind.Map, layout.Run),
                (CheckOperationKind.Map, layout.Page),
                (CheckOperationKind.Unmap, layout.Crossing),
            ]
            select (CheckOperation[])
            [
                On(CheckOperationKind.Map, layout.Run, Other),

                // With a table of its own it changes that; without one it takes what the other domain gave back.
                .. isMappedBefore ? (CheckOperation[])[own] : [],
                new(CheckOperationKind.Detach, 0),
                On(CheckOperationKind.Unmap, layout.Table, Other),
                On(CheckOperationKind.Unmap, layout.Run, Other),
                new(CheckOperationKind.Attach, 0),
                On(operation.Kind, operation.Range, domain, buffer: 1),
            ];
    }

    /// <summary>A domain changes while the device of the other comes or goes.</summary>
    private static IEnumerable<CheckOperation[]> InterruptedByAttaches(CheckConfiguration configuration)
    {
        var layout = configuration.Target.Layout;
        var detach = new CheckOperation(CheckOperationKind.Detach, 0);
        return
            from operation in ((CheckOperationKind Kind, (ulong Iova, ulong Size) Range)[])
            [
                (CheckOperationKind.Map, layout.Run),
                (CheckOperationKind.Unmap, layout.Crossing),
                .. Owes(configuration) ? ((CheckOperationKind, (ulong, ulong))[])[(CheckOperationKind.Flush, layout.Crossing)] : [],
            ]
            from isAttach in (bool[])[true, false]
            select (CheckOperation[])
            [
                On(CheckOperationKind.Map, layout.Crossing, Other),
                On(CheckOperationKind.Map, layout.Run),
                .. operation.Kind == CheckOperationKind.Flush ? (CheckOperation[])[On(CheckOperationKind.Unmap, layout.Crossing, Other)] : [],
                .. isAttach ? (CheckOperation[])[detach] : [],
                On(operation.Kind, operation.Range, Other, buffer: 1),
                isAttach ? new CheckOperation(CheckOperationKind.Attach, 0) : detach,
            ];
    }

    private static CheckOperation On(CheckOperationKind kind, (ulong Iova, ulong Size) range, int domain = 0, int buffer = 0) =>
        new(kind, domain, range.Iova, range.Size, buffer);

    private static bool Overlap((ulong Iova, ulong Size) one, (ulong Iova, ulong Size) other) =>
        one.Iova - other.Iova < other.Size || other.Iova - one.Iova < one.Size;
}
