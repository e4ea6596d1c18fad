using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Smmu2;

/// <summary>Offsets of the registers of a context bank, from its start, and bits in them.</summary>
public static class Smmu2Bank
{
    /// <summary>SCTLR: see <see cref="Control"/>.</summary>
    public const uint SystemControl = 0x00;

    /// <summary>ACTLR: of the implementation; bit 1 is CPRE of an MMU-500, the prefetcher.</summary>
    public const uint Auxiliary = 0x04;

    /// <summary>RESUME, write-only: ends a stall; bit 0: 0 tries again, 1 terminates.</summary>
    public const uint Resume = 0x08;

    /// <summary>TCR2, stage 1: bits 2:0 PASize, 4 AS, 5 and 6 TBI0 and TBI1, 17:15 SEP.</summary>
    public const uint Control2 = 0x10;

    /// <summary>TTBR0, 64 bits: the table, and the ASID from bit 48 on.</summary>
    public const uint Table0 = 0x20;

    /// <summary>TTBR1, 64 bits.</summary>
    public const uint Table1 = 0x28;

    /// <summary>TCR.</summary>
    public const uint TableControl = 0x30;

    /// <summary>CONTEXTIDR: bits 7:0 the ASID of short tables.</summary>
    public const uint ContextId = 0x34;

    /// <summary>MAIR0, or PRRR for short tables.</summary>
    public const uint MemoryTypes0 = 0x38;

    /// <summary>MAIR1, or NMRR.</summary>
    public const uint MemoryTypes1 = 0x3c;

    /// <summary>PAR, 64 bits: the result of an address translation.</summary>
    public const uint TranslationResult = 0x50;

    /// <summary>FSR, write 1 to clear: see <see cref="Faults"/>.</summary>
    public const uint FaultStatus = 0x58;

    /// <summary>FSRRESTORE, write-only: becomes what FSR says, but for SS and FORMAT.</summary>
    public const uint FaultStatusRestore = 0x5c;

    /// <summary>FAR, 64 bits: the address that the device used.</summary>
    public const uint FaultAddress = 0x60;

    /// <summary>FSYNR0: see <see cref="Syndrome"/>.</summary>
    public const uint Syndrome0 = 0x68;

    /// <summary>FSYNR1: of the implementation.</summary>
    public const uint Syndrome1 = 0x6c;

    /// <summary>IPAFAR, 64 bits: the address between the stages, of a fault of stage 2.</summary>
    public const uint FaultIpa = 0x70;

    /// <summary>
    /// TLBIVA. AArch64: 64 bits, ASID in 63:48 and address bits 55:12 from bit 0 on; of two writes of 32 bits the lower counts. AArch32: address in
    /// 31:12, ASID in 7:0.
    /// </summary>
    public const uint DropVa = 0x600;

    /// <summary>TLBIVAA: the same for all ASIDs.</summary>
    public const uint DropVaAllAsids = 0x608;

    /// <summary>TLBIASID: what is not global of an ASID.</summary>
    public const uint DropAsid = 0x610;

    /// <summary>TLBIALL: all of stage 1 of the bank's VMID.</summary>
    public const uint DropAll = 0x618;

    /// <summary>TLBIVAL: as TLBIVA, but pointers to tables stay. Version 2.</summary>
    public const uint DropVaLeaf = 0x620;

    /// <summary>TLBIVAAL. Version 2.</summary>
    public const uint DropVaAllAsidsLeaf = 0x628;

    /// <summary>TLBIIPAS2, in a bank of stage 2: 64 bits, address bits from 12 on from bit 0 on, in AArch32 too. Version 2.</summary>
    public const uint DropIpa = 0x630;

    /// <summary>TLBIIPAS2L. Version 2.</summary>
    public const uint DropIpaLeaf = 0x638;

    /// <summary>TLBSYNC, write-only: completes invalidations that were issued through this bank.</summary>
    public const uint Sync = 0x7f0;

    /// <summary>TLBSTATUS: bit 0 while a sync is under way.</summary>
    public const uint SyncStatus = 0x7f4;

    /// <summary>
    /// ATS1PR, 64 bits: translates for a privileged read. ATS1PW, UR and UW follow, 8 bytes apart. Of two writes of 32 bits the lower counts.
    /// </summary>
    public const uint TranslateFirst = 0x800;

    /// <summary>ATS1UW.</summary>
    public const uint TranslateLast = 0x818;

    /// <summary>ATSR: bit 0 while a translation is under way.</summary>
    public const uint TranslationStatus = 0x8f0;

    /// <summary>Where the ASID is in TTBR and in an invalidation of AArch64.</summary>
    public const int AsidShift = 48;

    /// <summary>TCR2.AS: ASIDs of 16 bits.</summary>
    public const uint WideAsids = 1u << 4;

    /// <summary>Where TCR2.SEP is: which bit of an address is its sign.</summary>
    public const int SignShift = 15;

    /// <summary>TCR2.SEP: the highest bit that a device sends.</summary>
    public const uint SignUpstream = 7;

    /// <summary>TCR.EAE in AArch32: tables have 64-bit descriptors.</summary>
    public const uint LongTables = 1u << 31;

    /// <summary>What an access of a register is for.</summary>
    internal static RegisterPurpose PurposeOf(uint offset) => offset switch
    {
        Sync or SyncStatus => RegisterPurpose.Completion,
        >= DropVa and <= DropIpaLeaf + 4 => RegisterPurpose.TlbInvalidation,
        >= Table0 and <= Table1 + 4 => RegisterPurpose.TranslationRoot,
        Resume or (>= FaultStatus and <= FaultIpa + 4) => RegisterPurpose.Fault,
        _ => RegisterPurpose.Configuration,
    };

    /// <summary>Bits of SCTLR.</summary>
    public static class Control
    {
        /// <summary>M: the bank translates.</summary>
        public const uint Enable = 1u << 0;

        /// <summary>TRE: memory types of short tables are found by PRRR and NMRR.</summary>
        public const uint Remap = 1u << 1;

        /// <summary>AFE: AP[0] of short tables is the access flag.</summary>
        public const uint AccessFlag = 1u << 2;

        /// <summary>AFFD: a descriptor without its access flag is used all the same.</summary>
        public const uint IgnoresAccessFlag = 1u << 3;

        /// <summary>E: tables are big-endian.</summary>
        public const uint BigEndian = 1u << 4;

        /// <summary>CFRE: a fault aborts the transaction. If not, it reads zeros or writes nothing.</summary>
        public const uint FaultAborts = 1u << 5;

        /// <summary>CFIE: a fault raises the bank's interrupt.</summary>
        public const uint FaultInterrupt = 1u << 6;

        /// <summary>CFCFG: a transaction that faults stalls.</summary>
        public const uint FaultStalls = 1u << 7;

        /// <summary>HUPCF: others go on while one stalls.</summary>
        public const uint HitUnderFault = 1u << 8;

        /// <summary>WXN, stage 1: what may be written is not executed.</summary>
        public const uint WriteExecuteNever = 1u << 9;

        /// <summary>UWXN, stage 1: what unprivileged accesses may write is not executed.</summary>
        public const uint UnprivilegedWriteExecuteNever = 1u << 10;

        /// <summary>ASIDPNE: broadcast invalidations of CPUs do not apply to ASIDs.</summary>
        public const uint PrivateAsids = 1u << 12;

        /// <summary>PTW, stage 2: walks of stage 1 may not reach devices.</summary>
        public const uint ProtectedWalks = 1u << 13;

        /// <summary>After reset, on an MMU-500.</summary>
        public const uint Reset = HitUnderFault;
    }

    /// <summary>Bits of FSR.</summary>
    public static class Faults
    {
        /// <summary>TF: nothing is mapped.</summary>
        public const uint Translation = 1u << 1;

        /// <summary>AFF: the access flag is not set.</summary>
        public const uint AccessFlag = 1u << 2;

        /// <summary>PF: what is mapped does not allow it.</summary>
        public const uint Permission = 1u << 3;

        /// <summary>EF: memory did not answer a walk.</summary>
        public const uint External = 1u << 4;

        /// <summary>ASF: an address is too wide.</summary>
        public const uint AddressSize = 1u << 7;

        /// <summary>UUT: a transaction that cannot be translated.</summary>
        public const uint Unsupported = 1u << 8;

        /// <summary>All faults.</summary>
        public const uint All = 0x1fe;

        /// <summary>Where FORMAT is, read-only: 0 short tables, 1 long ones of AArch32, 2 AArch64. Version 2.</summary>
        public const int FormatShift = 9;

        /// <summary>SS: a transaction stalls.</summary>
        public const uint Stalled = 1u << 30;

        /// <summary>MULTI: others followed the first.</summary>
        public const uint Multiple = 1u << 31;
    }

    /// <summary>Bits of FSYNR0.</summary>
    public static class Syndrome
    {
        /// <summary>PLVL: the level of the table.</summary>
        public const uint LevelMask = 3;

        /// <summary>NESTED, in a bank of stage 2: it was on top of stage 1, and FAR is the address of that.</summary>
        public const uint Nested = 1u << 2;

        /// <summary>S1PTWF, in a bank of stage 2: it was met on the way to a table of stage 1.</summary>
        public const uint FirstWalk = 1u << 3;

        /// <summary>WNR: it was a write. Of an atomic operation, the write alone is missing.</summary>
        public const uint Write = 1u << 4;

        /// <summary>PNU: it was privileged.</summary>
        public const uint Privileged = 1u << 5;

        /// <summary>IND: it fetched an instruction.</summary>
        public const uint Instruction = 1u << 6;

        /// <summary>NSSTATE, in a bank of stage 2: it is of a master that is not secure.</summary>
        public const uint NonSecure = 1u << 7;

        /// <summary>NSATTR, in a bank of stage 2: it was not secure.</summary>
        public const uint NonSecureAccess = 1u << 8;

        /// <summary>ATOF: it was an address translation by registers.</summary>
        public const uint AddressTranslation = 1u << 9;

        /// <summary>PTWF: memory did not answer a walk.</summary>
        public const uint Walk = 1u << 10;

        /// <summary>Where the bank of stage 1 is, in a bank of stage 2.</summary>
        public const int FirstBankShift = 16;
    }
}
