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
    private const ulong DrainBits = 3 << 6;
    private const ulong PasidBit = 1ul << 33;
    private const int PageShift = 12;

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
            descriptor => IsOfTranslations(descriptor) ? EditedQueue.Nothing : descriptor),
        Edited(
            "caching-mode-map",
            "in caching mode, the IOTLB is not invalidated on map",
            "M6",
            [Verdict.Missing],
            configuration => configuration.Target.CachesInvalidEntries && configuration.Policy != SyncPolicy.Explicit,
            CheckOperationKind.Map,
            descriptor => IsOfTranslations(descriptor) ? EditedQueue.Nothing : descriptor),
        Edited(
            "detach-context",
            "the context or PASID entry of a device changes, and what is cached of it is not invalidated",
            "M3",
            [Verdict.Missing, Verdict.EarlyFree],
            _ => true,
            CheckOperationKind.Detach,
            descriptor => IsOfEntries(descriptor) ? EditedQueue.Nothing : descriptor)
            with { ShowsInFollowUps = true },
        Edited(
            "detach-domain-id",
            "the context or PASID entry of a device changes, and what is cached of it is invalidated under the id of another domain",
            "W1",
            [Verdict.Missing, Verdict.WrongTarget, Verdict.EarlyFree],
            _ => true,
            CheckOperationKind.Detach,
            descriptor => IsOfEntries(descriptor) ? descriptor with { Qw0 = descriptor.Qw0 ^ DomainIdBit } : descriptor)
            with { ShowsInFollowUps = true },
        Edited(
            "detach-iotlb",
            "the IOTLB is not invalidated when a domain loses its last device",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree, Verdict.Order],

            // There the domain's translations are dropped when a device comes, too.
            configuration => !configuration.Target.Traits.CachesAbsentRoutes,
            CheckOperationKind.Detach,
            descriptor => IsOfTranslations(descriptor) ? EditedQueue.Nothing : descriptor)
            with { ShowsInFollowUps = true },
        Edited(
            "domain-id",
            "an unmap invalidates under the id of another domain",
            "W1",
            [Verdict.WrongTarget],
            PlantedBugs.IsAtOnce,
            CheckOperationKind.Unmap,
            descriptor => IsOfTranslations(descriptor) ? descriptor with { Qw0 = descriptor.Qw0 ^ DomainIdBit } : descriptor),
        Edited(
            "address-mask",
            "the address mask of an invalidation is one too small",
            "W3",
            [Verdict.Missing],
            PlantedBugs.InvalidatesByRange,
            during: null,
            descriptor => IsOfPages(descriptor) && descriptor.AddressMask != 0 ? descriptor with { Qw1 = descriptor.Qw1 - 1 } : descriptor),
        new(
            "misaligned-mask",
            "an invalidation is as large as its range, and begins where that does, though not at a multiple of its size",
            "W3",
            [Verdict.Missing],
            configuration => PlantedBugs.IsAtOnce(configuration) && PlantedBugs.InvalidatesByRange(configuration),
            (machine, run) => new MisalignedMask(machine, run)),
        Edited(
            "hint-with-table",
            "an invalidation says that only leaves changed, though a table went",
            "M4",
            [Verdict.Missing, Verdict.EarlyFree],

            // Tables that go when they are empty come back in their old places, so that with four levels no short scenario shows it.
            configuration => PlantedBugs.IsAtOnce(configuration)
                && configuration.Release == TableRelease.WhenCovered
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
            descriptor => IsOfTranslations(descriptor) ? EditedQueue.Nothing : descriptor),
        new(
            "wait-word",
            "a wait stores at the wrong address, and the driver's word shows its number already",
            "O5",
            [Verdict.NotComplete],
            _ => true,
            (machine, run) => new WaitElsewhere(machine, run)),
        new(
            "torn-entry",
            "hardware reads a context or PASID entry of which one quadword is another domain's",
            "O3",
            [Verdict.Order],

            // Where what is not present is not remembered, no invalidation follows an attach: see below.
            configuration => configuration.Target.Traits.CachesAbsentRoutes,
            (machine, run) => new TornEntry(machine, run)),
        new(
            "late-half",
            "the half of a context or PASID entry that says that it is present is visible before the other, which is another domain's",
            "O3",
            [Verdict.Order],

            // Where what is not present is remembered, the invalidation behind an attach drops this as well.
            configuration => !configuration.Target.Traits.CachesAbsentRoutes,
            (machine, run) => new LateHalf(machine, run)),
        Edited(
            "unmap-device-tlb",
            "the TLB of the device is not invalidated on unmap",
            "M2",
            [Verdict.Missing],
            configuration => HasDeviceTlbs(configuration) && PlantedBugs.IsAtOnce(configuration),
            CheckOperationKind.Unmap,
            descriptor => IsOfDevices(descriptor) ? EditedQueue.Nothing : descriptor),
        Edited(
            "device-tlb-size",
            "of a range only the first page is invalidated in the TLB of the device",
            "W3",
            [Verdict.Missing],
            configuration => HasDeviceTlbs(configuration) && PlantedBugs.InvalidatesByRange(configuration),
            during: null,
            descriptor => !IsOfDevices(descriptor) ? descriptor
                : descriptor.DeviceTlb is { Pasid: { } pasid } one
                    ? VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(one.Source, (uint)pasid, one.Address, PageShift)
                : VtdInvalidationDescriptor.InvalidateDeviceTlb(descriptor.DeviceTlb.Source, descriptor.DeviceTlb.Address, PageShift)),
        Edited(
            "detach-device-tlb",
            "the TLB of a device is not invalidated when it leaves its domain",
            "M2",
            [Verdict.Missing],
            HasDeviceTlbs,
            CheckOperationKind.Detach,
            descriptor => IsOfDevices(descriptor) ? EditedQueue.Nothing : descriptor)
            with { ShowsInFollowUps = true },
        new(
            "device-tlb-first",
            "the TLB of the device is invalidated before the IOTLB",
            "O6",
            [Verdict.Order],
            configuration => HasDeviceTlbs(configuration) && PlantedBugs.IsAtOnce(configuration),
            (machine, run) => new DeviceTlbFirst(machine, run)),
    ];

    /// <summary>Where a guest's first stage is on top.</summary>
    public static PlantedBug FirstStageOnly { get; } = Edited(
        "first-stage-only",
        "under a guest's first stage, an unmap is invalidated by the guest's tags alone",
        "M1",
        [Verdict.Missing],
        PlantedBugs.IsAtOnce,
        CheckOperationKind.Unmap,
        // Of the whole domain, a guest's tag drops what an access could show.
        descriptor => descriptor is { Type: VtdInvalidationType.Iotlb, Granularity: VtdGranularity.Selective }
            ? VtdInvalidationDescriptor.InvalidatePasidIotlb(
                VtdGranularity.Selective, descriptor.DomainId, 0, descriptor.Address, descriptor.AddressMask, descriptor.InvalidationHint)
            : descriptor);

    /// <summary>Where the IOTLB's descriptors have to ask for it that accesses under way are waited for.</summary>
    public static PlantedBug NotDrained { get; } = Edited(
        "not-drained",
        "an invalidation of the IOTLB asks for neither reads nor writes to be drained: what is under way still reaches memory that was unmapped",
        "O5",
        [Verdict.NotComplete],

        // Where devices with TLBs are told too, the model waits for their accesses with that.
        configuration => PlantedBugs.IsAtOnce(configuration) && !HasDeviceTlbs(configuration),
        CheckOperationKind.Unmap,
        descriptor => descriptor.Type == VtdInvalidationType.Iotlb ? descriptor with { Qw0 = descriptor.Qw0 & ~DrainBits } : descriptor);

    /// <summary>Where devices keep translations of several PASIDs.</summary>
    public static PlantedBug DeviceTlbPasid { get; } = Edited(
        "device-tlb-pasid",
        "the TLB of the device is invalidated for another of its PASIDs",
        "M2",
        [Verdict.Missing, Verdict.WrongTarget],
        PlantedBugs.IsAtOnce,
        CheckOperationKind.Unmap,
        descriptor => descriptor.Type == VtdInvalidationType.PasidDeviceTlb ? descriptor with { Qw0 = descriptor.Qw0 ^ PasidBit } : descriptor);

    private static bool HasDeviceTlbs(CheckConfiguration configuration) => configuration.Target.Traits.HasDeviceTlbs;

    private static bool IsOfEntries(VtdInvalidationDescriptor descriptor) =>
        descriptor.Type is VtdInvalidationType.ContextCache or VtdInvalidationType.PasidCache;

    private static bool IsOfDevices(VtdInvalidationDescriptor descriptor) =>
        descriptor.Type is VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb;

    private static bool IsOfTranslations(VtdInvalidationDescriptor descriptor) =>
        descriptor.Type is VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb;

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
        IsOfTranslations(descriptor) && descriptor.Granularity == VtdGranularity.Selective;
}
