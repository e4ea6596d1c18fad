using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Bugs of a driver of an SMMUv3: in the commands that it queues, and in the entries that give devices their tables.</summary>
internal static class Smmu3Bugs
{
    private const ulong LeafBit = 1;
    private const ulong TagBits = (1ul << 48) | (1ul << 32);
    private const ulong PasidBits = 3ul << 12;
    private const ulong NumberUnit = 1 << 12;
    private const ulong ScaleUnit = 1 << 20;

    /// <summary>Those of commands, which every driver can have.</summary>
    public static IReadOnlyList<PlantedBug> OfCommands { get; } =
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
            "tag",
            "an unmap invalidates under the ASID or VMID of another domain",
            "W1",
            [Verdict.WrongTarget],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            command => IsOfTlb(command) ? command with { Lower = command.Lower ^ TagBits } : command),
        Edited(
            "attach-cfgi",
            "the stream table entry of a device changes, and no CFGI follows",
            "M3",
            [Verdict.Missing],
            _ => true,
            CheckOperationKind.Attach,
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
        Edited(
            "queue-reuse",
            "an IOVA is mapped again before the queue of deferred unmaps is drained",
            "O5",
            [Verdict.Missing, Verdict.EarlyFree, Verdict.Order],
            configuration => configuration.Policy == SyncPolicy.Deferred,
            CheckOperationKind.Map,
            command => IsOfTlb(command) ? EditedCommands.Nothing : command),
        Edited(
            "no-sync",
            "no CMD_SYNC stands behind invalidations, and that they were taken from the queue is waited for",
            "O5",
            [Verdict.NotComplete],
            _ => true,
            during: null,
            command => command.Code == Smmu3CommandCode.Sync ? EditedCommands.Nothing : command),
        PlantedBugs.EarlyTable,
    ];

    /// <summary>Those of commands for what tables translated, where that is by address.</summary>
    public static IReadOnlyList<PlantedBug> OfTables { get; } =
    [
        Edited(
            "leaf-with-table",
            "an invalidation says that only leaves changed, though a table went",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree],
            configuration => PlantedBugs.IsAtOnce(configuration)
                && configuration.Release != TableRelease.Never
                && configuration.Target.FlushAllPages == 0,
            during: null,
            command => IsOfAddress(command) ? command with { Upper = command.Upper | LeafBit } : command),
    ];

    /// <summary>Those of changes that take several commands.</summary>
    public static IReadOnlyList<PlantedBug> OfRuns { get; } =
    [
        Edited(
            "first-small-range",
            "of the commands that a range takes the first is missing, which is for its smaller part",
            "M9",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            (command, isFirstOfSeveral) => IsOfAddress(command) && isFirstOfSeveral ? EditedCommands.Nothing : command),
    ];

    /// <summary>Those of commands for ranges.</summary>
    public static IReadOnlyList<PlantedBug> OfRanges { get; } =
    [
        Edited(
            "range-num",
            "NUM of a range is one too small",
            "W3",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            command => IsOfAddress(command) && command.Number > 0 ? command with { Lower = command.Lower - NumberUnit } : command),
        Edited(
            "range-scale",
            "a range is rounded down where its size does not fit SCALE",
            "W3",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            command => IsOfAddress(command) && command.Scale > 1 ? command with { Lower = command.Lower - ScaleUnit } : command),
    ];

    /// <summary>Those of context descriptors.</summary>
    public static IReadOnlyList<PlantedBug> OfContexts { get; } =
    [
        new(
            "torn-context",
            "hardware reads a context descriptor of which one quadword is another domain's",
            "O3",
            [Verdict.Order],
            _ => true,
            (machine, run) => new TornContext(machine, run)),
    ];

    /// <summary>
    /// Those of commands, where each has to be issued twice: without a CMD_SYNC in between the second is no second, so that what is missing then is the
    /// invalidation.
    /// </summary>
    public static IReadOnlyList<PlantedBug> OfCommandsTwice { get; } =
        [.. OfCommands.Select(bug => bug.Name == "no-sync" ? bug with { Expected = [Verdict.Missing] } : bug)];

    /// <summary>Those of hardware that has to be told twice.</summary>
    public static IReadOnlyList<PlantedBug> OfErratum { get; } =
    [
        new(
            "issued-once",
            "invalidations are issued once where the hardware's erratum wants them twice",
            "E2",
            [Verdict.Missing],
            PlantedBugs.IsAtOnce,
            (machine, run) => new IssuedOnce(machine, run)),
    ];

    /// <summary>Those of stream table entries with a stage 2.</summary>
    public static IReadOnlyList<PlantedBug> OfSecondStage { get; } =
    [
        new(
            "torn-stream",
            "a stream table entry says that there is a stage 2 before it has the domain's table",
            "O3",
            [Verdict.WrongRoute],
            _ => true,
            (machine, run) => new TornStream(machine, run)),
    ];

    /// <summary>Those of stream tables of two levels.</summary>
    public static IReadOnlyList<PlantedBug> OfStreamTables { get; } =
    [
        new(
            "early-pointer",
            "the pointer to a new table of streams is visible before the table",
            "O1",
            [Verdict.WrongRoute, Verdict.Missing],
            _ => true,
            (machine, run) => new EarlyPointer(machine, run)),
    ];

    /// <summary>Those of the context descriptors of PASIDs.</summary>
    public static IReadOnlyList<PlantedBug> OfPasids { get; } =
    [
        Edited(
            "attach-cfgi-cd",
            "the context descriptor of a PASID changes, and no CFGI follows",
            "M3",
            [Verdict.Missing],
            _ => true,
            CheckOperationKind.Attach,
            command => command.Code == Smmu3CommandCode.DropContext ? EditedCommands.Nothing : command)
            with { ShowsInFollowUps = true },
        Edited(
            "pasid",
            "a CFGI names another PASID of the device",
            "W1",
            [Verdict.Missing, Verdict.WrongTarget],
            _ => true,
            CheckOperationKind.Attach,
            command => command.Code == Smmu3CommandCode.DropContext ? command with { Lower = command.Lower ^ PasidBits } : command)
            with { ShowsInFollowUps = true },
    ];

    /// <summary>Those of what devices keep.</summary>
    public static IReadOnlyList<PlantedBug> OfDevices { get; } =
    [
        Edited(
            "unmap-atc",
            "the TLB of the device is not invalidated on unmap",
            "M2",
            [Verdict.Missing],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            command => command.Code == Smmu3CommandCode.DropDeviceTlb ? EditedCommands.Nothing : command),
        Edited(
            "atc-size",
            "of a range only the first page is invalidated in the TLB of the device",
            "W3",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            command => command.Code == Smmu3CommandCode.DropDeviceTlb
                ? Smmu3Command.DropDeviceTlb(command.StreamId, command.Address, 0, command.HasSubstream ? command.SubstreamId : null)
                : command),
        Edited(
            "detach-atc",
            "the TLB of a device is not invalidated when it leaves its domain",
            "M2",
            [Verdict.Missing],
            _ => true,
            CheckOperationKind.Detach,
            command => command.Code == Smmu3CommandCode.DropDeviceTlb ? EditedCommands.Nothing : command)
            with { ShowsInFollowUps = true },
        new(
            "atc-first",
            "the TLB of the device is invalidated before that of the SMMU",
            "O6",
            [Verdict.Order],
            PlantedBugs.IsAtOnce,
            (machine, run) => new DevicesFirst(machine, run)),
    ];

    /// <summary>Those of what devices keep for their PASIDs.</summary>
    public static IReadOnlyList<PlantedBug> OfDevicePasids { get; } =
    [
        Edited(
            "atc-pasid",
            "an unmap invalidates the TLB of the device under another of its PASIDs",
            "W1",
            [Verdict.Missing, Verdict.WrongTarget],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            command => command.Code == Smmu3CommandCode.DropDeviceTlb && command.HasSubstream
                ? command with { Lower = command.Lower ^ PasidBits }
                : command),
    ];

    /// <summary>Those of domains under a guest's stage 1.</summary>
    public static IReadOnlyList<PlantedBug> OfNesting { get; } =
    [
        Edited(
            "ipa-only",
            "a change of stage 2 is invalidated by IPA alone, and what it was combined to with a guest's stage 1 stays",
            "M1",
            [Verdict.Missing],
            PlantedBugs.IsAtOnce,
            during: null,
            command => command.Code == Smmu3CommandCode.DropGuest ? EditedCommands.Nothing : command),
    ];

    /// <summary>Those of blocks that tables take the place of.</summary>
    public static IReadOnlyList<PlantedBug> OfBlocks { get; } =
    [
        new(
            "live-block",
            "a table takes the place of a block that hardware may still hold",
            "O4",
            [Verdict.Missing, Verdict.Order],
            configuration => configuration.Policy == SyncPolicy.Deferred,
            (machine, run) => new LiveBlock(machine, run)),
    ];

    /// <summary>Whether a command invalidates translations.</summary>
    public static bool IsOfTlb(Smmu3Command command) =>
        IsOfAddress(command) || command.Code is Smmu3CommandCode.DropAsid or Smmu3CommandCode.DropVmid or Smmu3CommandCode.DropGuest;

    private static bool IsOfAddress(Smmu3Command command) => command.Code is Smmu3CommandCode.DropVa or Smmu3CommandCode.DropIpa;

    private static PlantedBug Edited(
        string name,
        string description,
        string reference,
        IReadOnlyList<Verdict> expected,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<Smmu3Command, Smmu3Command> edit) =>
        Edited(name, description, reference, expected, appliesTo, during, (command, _) => edit(command));

    private static PlantedBug Edited(
        string name,
        string description,
        string reference,
        IReadOnlyList<Verdict> expected,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<Smmu3Command, bool, Smmu3Command> edit) =>
        new(name, description, reference, expected, appliesTo, (machine, run) => new EditedCommands(machine, run, during, edit));
}
