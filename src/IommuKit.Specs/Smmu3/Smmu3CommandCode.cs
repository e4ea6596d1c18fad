namespace IommuKit.Specs.Smmu3;

/// <summary>What a command does (IHI 0070, chapter 4).</summary>
public enum Smmu3CommandCode
{
    /// <summary>CMD_PREFETCH_CONFIG: a hint.</summary>
    PrefetchConfig = 0x01,

    /// <summary>CMD_PREFETCH_ADDR: a hint.</summary>
    PrefetchAddress = 0x02,

    /// <summary>CMD_CFGI_STE: drop a stream's entry, and its context descriptors.</summary>
    DropStream = 0x03,

    /// <summary>CMD_CFGI_STE_RANGE, or CMD_CFGI_ALL: those of many streams.</summary>
    DropStreams = 0x04,

    /// <summary>CMD_CFGI_CD: drop a context descriptor.</summary>
    DropContext = 0x05,

    /// <summary>CMD_CFGI_CD_ALL: drop those of a stream.</summary>
    DropContexts = 0x06,

    /// <summary>CMD_TLBI_NH_ALL: stage 1 of a VMID.</summary>
    DropGuest = 0x10,

    /// <summary>CMD_TLBI_NH_ASID.</summary>
    DropAsid = 0x11,

    /// <summary>CMD_TLBI_NH_VA.</summary>
    DropVa = 0x12,

    /// <summary>CMD_TLBI_NH_VAA: in all address spaces of a VMID.</summary>
    DropVaAllAsids = 0x13,

    /// <summary>CMD_TLBI_EL2_ALL.</summary>
    DropHypervisor = 0x20,

    /// <summary>CMD_TLBI_EL2_ASID.</summary>
    DropHypervisorAsid = 0x21,

    /// <summary>CMD_TLBI_EL2_VA.</summary>
    DropHypervisorVa = 0x22,

    /// <summary>CMD_TLBI_EL2_VAA.</summary>
    DropHypervisorVaAllAsids = 0x23,

    /// <summary>CMD_TLBI_S12_VMALL: both stages of a VMID.</summary>
    DropVmid = 0x28,

    /// <summary>CMD_TLBI_S2_IPA: stage 2 of a VMID by intermediate address.</summary>
    DropIpa = 0x2a,

    /// <summary>CMD_TLBI_NSNH_ALL: everything but the hypervisor's.</summary>
    DropAllGuests = 0x30,

    /// <summary>CMD_ATC_INV: have a device drop translations.</summary>
    DropDeviceTlb = 0x40,

    /// <summary>CMD_PRI_RESP: answer page requests.</summary>
    RespondToPages = 0x41,

    /// <summary>CMD_RESUME: end a stall.</summary>
    Resume = 0x44,

    /// <summary>CMD_STALL_TERM: end the stalls of a stream.</summary>
    TerminateStalls = 0x45,

    /// <summary>CMD_SYNC: wait for what came before.</summary>
    Sync = 0x46,
}
