using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Bugs of a driver of an SMMUv3: in the commands that it queues.</summary>
internal static class Smmu3Bugs
{
    private const ulong LeafBit = 1;
    private const ulong AsidBit = 1ul << 48;
    private const ulong NumberUnit = 1 << 12;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        Edited(
            "unmap-tlbi",
            "translations are not invalidated on unmap",
            "M1",
            [Verdict.Missing],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            command => IsOfTlb(command) ? EditedCommands.Nothing : command),
        Edited(
            "asid",
            "an unmap invalidates under the ASID of another domain",
            "W1",
            [Verdict.WrongTarget],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            command => IsOfTlb(command) ? command with { Lower = command.Lower ^ AsidBit } : command),
        Edited(
            "range-num",
            "NUM of a range is one too small",
            "W3",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            command => command is { Code: Smmu3CommandCode.DropVa, Number: > 0 } ? command with { Lower = command.Lower - NumberUnit } : command),
        Edited(
            "leaf-with-table",
            "an invalidation says that only leaves changed, though a table went",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree],
            configuration => configuration.Policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit)
                && configuration.Release != TableRelease.Never,
            during: null,
            command => command.Code == Smmu3CommandCode.DropVa ? command with { Upper = command.Upper | LeafBit } : command),
        Edited(
            "detach-cfgi",
            "the stream table entry of a device changes, and no CFGI follows",
            "M3",
            [Verdict.Missing, Verdict.EarlyFree],
            _ => true,
            CheckOperationKind.Detach,
            command => command.Code == Smmu3CommandCode.DropStream ? EditedCommands.Nothing : command)
            with { ShowsInFollowUps = true },
        Edited(
            "detach-tlbi",
            "translations are not invalidated when a domain loses its last device",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree, Verdict.Order],
            _ => true,
            CheckOperationKind.Detach,
            command => IsOfTlb(command) ? EditedCommands.Nothing : command)
            with { ShowsInFollowUps = true },
    ];

    private static PlantedBug Edited(
        string name,
        string description,
        string reference,
        IReadOnlyList<Verdict> expected,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<Smmu3Command, Smmu3Command> edit) =>
        new(name, description, reference, expected, appliesTo, (machine, run) => new EditedCommands(machine, run, during, edit));

    private static bool IsOfTlb(Smmu3Command command) => command.Code is Smmu3CommandCode.DropVa or Smmu3CommandCode.DropAsid;
}
