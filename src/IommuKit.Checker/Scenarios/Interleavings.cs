using IommuKit.Domains;

namespace IommuKit.Checker.Scenarios;

/// <summary>Every interruption of one operation by another, after a few operations before them.</summary>
public static class Interleavings
{
    /// <summary>
    /// All scenarios of some length whose last operation but one is interrupted by the last, before each of its accesses to the hardware.
    /// </summary>
    /// <param name="configuration">What is checked.</param>
    /// <param name="bug">The planted bug, or null.</param>
    /// <param name="depth">Operations, at least 2.</param>
    public static IEnumerable<CheckCase> All(CheckConfiguration configuration, PlantedBug? bug, int depth)
    {
        foreach (var sequence in SmallScope.Sequences(SmallScope.Alphabet(configuration), depth))
        {
            foreach (var scenario in Of(configuration, bug, sequence))
            {
                yield return scenario;
            }
        }
    }

    /// <summary>
    /// After a map, an unmap that is interrupted by a map: the shortest scenarios in which a table that goes is somebody else's at once.
    /// </summary>
    /// <param name="configuration">What is checked.</param>
    public static IEnumerable<CheckCase> OfUnmaps(CheckConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var layout = configuration.Target.Layout;
        var setUp = new CheckOperation(CheckOperationKind.Map, 0, layout.Run.Iova, layout.Run.Size);
        return
            from unmap in ((ulong Iova, ulong Size)[])[layout.Run, layout.Table]
            from domain in (int[])[0, 1]
            from map in layout.Maps
            from scenario in Of(
                configuration,
                bug: null,
                [
                    setUp,
                    new CheckOperation(CheckOperationKind.Unmap, 0, unmap.Iova, unmap.Size),
                    new CheckOperation(CheckOperationKind.Map, domain, map.Iova, map.Size, 1),
                ])
            select scenario;
    }

    /// <summary>
    /// A scenario with its last operation but one interrupted by the last, before each of its accesses; nothing if they may not run at once.
    /// </summary>
    internal static IEnumerable<CheckCase> Of(CheckConfiguration configuration, PlantedBug? bug, CheckOperation[] sequence)
    {
        int index = sequence.Length - 2;
        if (!AreIndependent(sequence[index], sequence[index + 1]) || IsRepetitive(configuration, sequence[index]))
        {
            yield break;
        }

        // How many accesses the operation has when nothing interrupts it.
        CheckOperation[] operations = [.. sequence];
        int accesses = new CheckCase(configuration, bug, operations[..(index + 1)], new Preemption(operations.Length, 0)).Run().LastAccesses;
        for (int access = 0; access < accesses; access++)
        {
            yield return new CheckCase(configuration, bug, operations, new Preemption(index, access));
        }
    }

    /// <summary>
    /// Whether an operation does the same again and again: for page after page, or for group after group of a range that is flushed whole. Smaller
    /// ones show all that there is to interrupt.
    /// </summary>
    private static bool IsRepetitive(CheckConfiguration configuration, in CheckOperation operation) => configuration.Policy switch
    {
        SyncPolicy.PerPage => operation.Size > configuration.Target.Layout.Crossing.Size,
        SyncPolicy.RangeFlush or SyncPolicy.SplitSync => operation.Size >= configuration.Target.Layout.Table.Size,
        _ => false,
    };

    /// <summary>
    /// Whether two threads may do the operations at once: on two domains, or on ranges of one domain that do not overlap. A device may also be
    /// attached while its domain changes.
    /// </summary>
    public static bool AreIndependent(in CheckOperation one, in CheckOperation other) =>
        one.Domain != other.Domain
        || (one.Size != 0 && other.Size != 0 && (one.LastIova < other.Iova || other.LastIova < one.Iova))
        || IsAttachDuringChange(one, other)
        || IsAttachDuringChange(other, one);

    private static bool IsAttachDuringChange(in CheckOperation attach, in CheckOperation change) =>
        attach.Kind == CheckOperationKind.Attach && change.Size != 0;
}
