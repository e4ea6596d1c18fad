using IommuKit.Lab.Machines;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>What results call the kinds of commands of an SMMUv3, and the blocks of pages that these name.</summary>
internal static class Smmu3CommandKinds
{
    // Sizes of ATC_INV from here on mean everything.
    private const int MostPagesLog2 = 52;

    private static readonly (Smmu3CommandCode Code, string Name)[] Named =
    [
        (Smmu3CommandCode.PrefetchConfig, "prefetch_config"),
        (Smmu3CommandCode.PrefetchAddress, "prefetch_addr"),
        (Smmu3CommandCode.DropStream, "cfgi_ste"),
        (Smmu3CommandCode.DropStreams, "cfgi_ste_range"),
        (Smmu3CommandCode.DropContext, "cfgi_cd"),
        (Smmu3CommandCode.DropContexts, "cfgi_cd_all"),
        (Smmu3CommandCode.DropGuest, "tlbi_nh_all"),
        (Smmu3CommandCode.DropAsid, "tlbi_nh_asid"),
        (Smmu3CommandCode.DropVa, "tlbi_nh_va"),
        (Smmu3CommandCode.DropVaAllAsids, "tlbi_nh_vaa"),
        (Smmu3CommandCode.DropHypervisor, "tlbi_el2_all"),
        (Smmu3CommandCode.DropHypervisorAsid, "tlbi_el2_asid"),
        (Smmu3CommandCode.DropHypervisorVa, "tlbi_el2_va"),
        (Smmu3CommandCode.DropHypervisorVaAllAsids, "tlbi_el2_vaa"),
        (Smmu3CommandCode.DropVmid, "tlbi_s12_vmall"),
        (Smmu3CommandCode.DropIpa, "tlbi_s2_ipa"),
        (Smmu3CommandCode.DropAllGuests, "tlbi_nsnh_all"),
        (Smmu3CommandCode.DropDeviceTlb, "atc_inv"),
        (Smmu3CommandCode.RespondToPages, "pri_resp"),
        (Smmu3CommandCode.Resume, "resume"),
        (Smmu3CommandCode.TerminateStalls, "stall_term"),
        (Smmu3CommandCode.Sync, "sync"),
    ];

    private static readonly CommandKind[] Kinds = MakeKinds();

    /// <summary>The kinds, by code; those that nothing defines are called so.</summary>
    public static ReadOnlySpan<CommandKind> ByCode => Kinds;

    /// <summary>The same for a tally.</summary>
    public static IReadOnlyList<CommandKind> All => Kinds;

    /// <summary>The place of a command's kind.</summary>
    public static int SlotOf(Smmu3Command command) => (byte)command.Code;

    /// <summary>
    /// How many pages a command names: granules of a TLBI, 1 where it is no range, and pages of 4 KiB of an ATC_INV; 0 if it names none.
    /// </summary>
    public static ulong PagesOf(Smmu3Command command)
    {
        switch (command.Code)
        {
            case Smmu3CommandCode.DropVa or Smmu3CommandCode.DropVaAllAsids or Smmu3CommandCode.DropHypervisorVa
                or Smmu3CommandCode.DropHypervisorVaAllAsids or Smmu3CommandCode.DropIpa:
                return command.Granule == 0 ? 1 : (ulong)(command.Number + 1) << Math.Min(command.Scale, MostPagesLog2);
            case Smmu3CommandCode.DropDeviceTlb:
                return 1ul << Math.Min(command.DeviceSize, MostPagesLog2);
            default:
                return 0;
        }
    }

    private static CommandKind[] MakeKinds()
    {
        var kinds = new CommandKind[1 + byte.MaxValue];
        Array.Fill(kinds, new CommandKind("undefined", OperationPurpose.Other));
        foreach (var (code, name) in Named)
        {
            kinds[(byte)code] = new CommandKind(name, code switch
            {
                Smmu3CommandCode.Sync => OperationPurpose.Completion,
                >= Smmu3CommandCode.DropGuest and <= Smmu3CommandCode.DropDeviceTlb => OperationPurpose.Tlb,
                _ => OperationPurpose.Other,
            });
        }

        return kinds;
    }
}
