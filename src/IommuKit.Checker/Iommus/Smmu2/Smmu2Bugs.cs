using IommuKit.Checker.Planted;
using IommuKit.Checker.Scenarios;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Checker.Iommus.Smmu2;

/// <summary>Bugs of a driver that invalidates by registers of context banks.</summary>
internal static class Smmu2Bugs
{
    private const uint BankMask = 0xfff;
    private const uint NextBank = 0x1000;
    // From TLBIASID to TLBIVA: both drop tables, but the second those on the way to one page.
    private const ulong AsidOffset = Smmu2Bank.DropAsid - Smmu2Bank.DropVa;

    /// <summary>Those that every driver can have.</summary>
    public static IReadOnlyList<PlantedBug> OfAll { get; } =
    [
        PlantedBugs.LeftOut(
            "no-sync",
            "nothing starts the sync whose end is waited for",
            "O5",
            _ => true,
            during: null,
            (access, _) => access is { Kind: MaintenanceKind.RegisterWrite, Purpose: RegisterPurpose.Completion })
            with { Expected = [Verdict.NotComplete] },
        PlantedBugs.LeftOut(
            "detach-tlbi",
            "translations are not invalidated when a domain loses its last device",
            "M4",
            _ => true,
            CheckOperationKind.Detach,
            (access, _) => PlantedBugs.IsTlb(access))
            with { Expected = [Verdict.Missing, Verdict.EarlyFree, Verdict.Order], ShowsInFollowUps = true },
        PlantedBugs.EarlyTable,
    ];

    /// <summary>Those of stage 1 with tables of AArch64.</summary>
    public static IReadOnlyList<PlantedBug> OfAsids { get; } = [OtherAsid(Smmu2Bank.AsidShift)];

    /// <summary>The same of short descriptors: the ASID of an address is in its lowest bits.</summary>
    public static IReadOnlyList<PlantedBug> OfShortAsids { get; } = [OtherAsid(0)];

    /// <summary>Those of tables that go, where these are invalidated by ASID.</summary>
    public static IReadOnlyList<PlantedBug> OfTables { get; } = [TableFirstPage(Smmu2Bank.AsidShift)];

    /// <summary>The same of short descriptors: the ASID of an address is in its lowest bits.</summary>
    public static IReadOnlyList<PlantedBug> OfShortTables { get; } = [TableFirstPage(0)];

    /// <summary>Those of stage 2.</summary>
    public static IReadOnlyList<PlantedBug> OfVmids { get; } =
    [
        PlantedBugs.Replaced(
            "bank",
            "an invalidation goes through the bank of another domain, and so to its VMID",
            "W1",
            PlantedBugs.IsAtOnce,
            access => IsOfBank(access, Smmu2Bank.DropIpa, Smmu2Bank.DropIpaLeaf),
            access => access with { Address = access.Address ^ NextBank })
            with { Expected = [Verdict.WrongTarget] },
    ];

    private static PlantedBug OtherAsid(int asidShift)
    {
        var bug = PlantedBugs.Replaced(
            "asid",
            "an invalidation is for the ASID of another domain",
            "W1",
            PlantedBugs.IsAtOnce,
            access => IsOfBank(access, Smmu2Bank.DropVa, Smmu2Bank.DropVaLeaf),
            access => access with { Value = access.Value ^ (IsOf(access, Smmu2Bank.DropAsid) ? 1 : 1ul << asidShift) });
        return bug with { Expected = [Verdict.WrongTarget] };
    }

    private static PlantedBug TableFirstPage(int asidShift)
    {
        var bug = PlantedBugs.Replaced(
            "table-first-page",
            "of a table that goes only what translates the first page is invalidated",
            "M4",
            configuration => PlantedBugs.IsAtOnce(configuration) && configuration.Release != TableRelease.Never,
            access => IsOf(access, Smmu2Bank.DropAsid),
            access => access with { Address = access.Address - AsidOffset, Value = access.Value << asidShift });
        return bug with { Expected = [Verdict.Missing, Verdict.EarlyFree] };
    }

    private static bool IsOfBank(in MaintenanceStep access, uint first, uint last) =>
        PlantedBugs.IsTlb(access) && access.Address > BankMask && (access.Address & BankMask) >= first && (access.Address & BankMask) <= last;

    private static bool IsOf(in MaintenanceStep access, uint register) => IsOfBank(access, register, register);
}
