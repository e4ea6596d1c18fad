using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Bugs of a driver of VT-d: in the descriptors that it queues.</summary>
internal static class VtdBugs
{
    private const ulong HintBit = 1 << 6;
    private const ulong DomainIdBit = 1 << 16;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        Edited(
            "unmap-iotlb",
            "the IOTLB is not invalidated on unmap",
            "M1",
            [Verdict.Missing],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            descriptor => descriptor.Type == VtdInvalidationType.Iotlb ? EditedQueue.Nothing : descriptor),
        Edited(
            "caching-mode-map",
            "in caching mode, the IOTLB is not invalidated on map",
            "M6",
            [Verdict.Missing],
            configuration => configuration.Target.CachesInvalidEntries && configuration.Policy != SyncPolicy.Explicit,
            CheckOperationKind.Map,
            descriptor => descriptor.Type == VtdInvalidationType.Iotlb ? EditedQueue.Nothing : descriptor),
        Edited(
            "detach-context",
            "the context entry of a device changes, and the context cache is not invalidated",
            "M3",
            [Verdict.Missing, Verdict.EarlyFree],

            // In caching mode the shadow finds it, but no access on the model has shown it yet: so it is not counted there.
            configuration => !configuration.Target.CachesInvalidEntries,
            CheckOperationKind.Detach,
            descriptor => descriptor.Type == VtdInvalidationType.ContextCache ? EditedQueue.Nothing : descriptor)
            with { ShowsInFollowUps = true },
        Edited(
            "detach-iotlb",
            "the IOTLB is not invalidated when a domain loses its last device",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree, Verdict.Order],

            // There the domain's translations are dropped when a device comes, too.
            configuration => !configuration.Target.CachesInvalidEntries,
            CheckOperationKind.Detach,
            descriptor => descriptor.Type == VtdInvalidationType.Iotlb ? EditedQueue.Nothing : descriptor)
            with { ShowsInFollowUps = true },
        Edited(
            "domain-id",
            "an unmap invalidates under the id of another domain",
            "W1",
            [Verdict.WrongTarget],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            descriptor => descriptor.Type == VtdInvalidationType.Iotlb ? descriptor with { Qw0 = descriptor.Qw0 ^ DomainIdBit } : descriptor),
        Edited(
            "address-mask",
            "the address mask of an invalidation is one too small",
            "W3",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            descriptor => IsOfPages(descriptor) && descriptor.AddressMask != 0 ? descriptor with { Qw1 = descriptor.Qw1 - 1 } : descriptor),
        Edited(
            "hint-with-table",
            "an invalidation says that only leaves changed, though a table went",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree],
            configuration => PlantedBugs.IsAtOnce(configuration)
                && configuration.Release != TableRelease.Never
                && configuration.Target.FlushAllPages == 0,
            during: null,
            descriptor => IsOfPages(descriptor) ? descriptor with { Qw1 = descriptor.Qw1 | HintBit } : descriptor),
        Edited(
            "queue-reuse",
            "an IOVA is mapped again before the queue of deferred unmaps is drained",
            "O5",
            [Verdict.Missing, Verdict.EarlyFree, Verdict.Order],
            configuration => configuration.Policy == SyncPolicy.Deferred && !configuration.Target.CachesInvalidEntries,
            CheckOperationKind.Map,
            descriptor => descriptor.Type == VtdInvalidationType.Iotlb ? EditedQueue.Nothing : descriptor),
    ];

    private static PlantedBug Edited(
        string name,
        string description,
        string reference,
        IReadOnlyList<Verdict> expected,
        Func<CheckConfiguration, bool> appliesTo,
        CheckOperationKind? during,
        Func<VtdInvalidationDescriptor, VtdInvalidationDescriptor> edit) =>
        new(name, description, reference, expected, appliesTo, (machine, run) => new EditedQueue(machine, run, during, edit));

    private static bool IsOfPages(VtdInvalidationDescriptor descriptor) =>
        descriptor is { Type: VtdInvalidationType.Iotlb, Granularity: VtdGranularity.Selective };
}
