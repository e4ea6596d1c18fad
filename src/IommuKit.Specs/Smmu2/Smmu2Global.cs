using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Smmu2;

/// <summary>Offsets of the registers in global space 0, the first page, and bits in them; those of software that is not secure.</summary>
public static class Smmu2Global
{
    /// <summary>sCR0: see <see cref="Control"/>.</summary>
    public const uint Control0 = 0x00;

    /// <summary>sACR: of the implementation, see <see cref="CacheLock"/>.</summary>
    public const uint Auxiliary = 0x10;

    /// <summary>IDR0: see <see cref="Smmu2Unit"/>.</summary>
    public const uint Idr0 = 0x20;

    /// <summary>IDR1.</summary>
    public const uint Idr1 = 0x24;

    /// <summary>IDR2.</summary>
    public const uint Idr2 = 0x28;

    /// <summary>IDR7: the revision of the part.</summary>
    public const uint Idr7 = 0x3c;

    /// <summary>sGFAR, 64 bits: the address of the first global fault.</summary>
    public const uint FaultAddress = 0x40;

    /// <summary>sGFSR, write 1 to clear: see <see cref="Faults"/>.</summary>
    public const uint FaultStatus = 0x48;

    /// <summary>sGFSRRESTORE, write-only: sets the bits of sGFSR.</summary>
    public const uint FaultStatusRestore = 0x4c;

    /// <summary>sGFSYNR0: what the transaction was, see <see cref="Syndrome"/>.</summary>
    public const uint Syndrome0 = 0x50;

    /// <summary>sGFSYNR1: bits 15:0 its StreamID.</summary>
    public const uint Syndrome1 = 0x54;

    /// <summary>sGFSYNR2.</summary>
    public const uint Syndrome2 = 0x58;

    /// <summary>TLBIVMID, write-only: everything of both stages of a VMID.</summary>
    public const uint DropVmid = 0x64;

    /// <summary>TLBIALLNSNH, write-only: everything but what belongs to hypervisors.</summary>
    public const uint DropAllGuests = 0x68;

    /// <summary>TLBIALLH, write-only: what belongs to hypervisors.</summary>
    public const uint DropHypervisor = 0x6c;

    /// <summary>TLBIVMIDS1, write-only: what stage 1 had a part in, of a VMID. Version 2.</summary>
    public const uint DropVmidFirst = 0xb8;

    /// <summary>sTLBGSYNC, write-only: completes all invalidations before it.</summary>
    public const uint Sync = 0x70;

    /// <summary>sTLBGSTATUS: bit 0 while a sync is under way.</summary>
    public const uint SyncStatus = 0x74;

    /// <summary>GATS1UR, the first of eight requests to translate an address: bits 63:12 of the address, and the bank in bits 7:0.</summary>
    public const uint TranslateFirst = 0x100;

    /// <summary>GATS12PW, the last of them.</summary>
    public const uint TranslateLast = 0x138;

    /// <summary>GPAR, 64 bits: their result.</summary>
    public const uint TranslationResult = 0x180;

    /// <summary>GATSR: bit 0 while one is under way.</summary>
    public const uint TranslationStatus = 0x188;

    /// <summary>SMR0, the first stream match register: see <see cref="Smmu2StreamMatch"/>.</summary>
    public const uint StreamMatch = 0x800;

    /// <summary>S2CR0: see <see cref="Smmu2StreamContext"/>.</summary>
    public const uint StreamContext = 0xc00;

    /// <summary>PIDR4, the first of the identification of the part, which goes on to <see cref="Identification"/> + 0x2c.</summary>
    public const uint Identification = 0xfd0;

    /// <summary>sACR.CACHE_LOCK of an MMU-500: ACTLR cannot be written.</summary>
    public const uint CacheLock = 1u << 26;

    /// <summary>Bit 0 of the registers of status.</summary>
    public const uint Active = 1;

    /// <summary>What an access of a register is for.</summary>
    internal static RegisterPurpose PurposeOf(uint offset) => offset switch
    {
        DropVmid or DropAllGuests or DropHypervisor or DropVmidFirst => RegisterPurpose.TlbInvalidation,
        Sync or SyncStatus => RegisterPurpose.Completion,
        >= FaultAddress and <= Syndrome2 => RegisterPurpose.Fault,
        >= StreamMatch and < Identification => RegisterPurpose.DeviceBinding,
        _ => RegisterPurpose.Configuration,
    };

    /// <summary>Bits of sCR0.</summary>
    public static class Control
    {
        /// <summary>CLIENTPD: everything passes untranslated.</summary>
        public const uint Disable = 1u << 0;

        /// <summary>GFRE: a global fault aborts the transaction. If not, it reads zeros or writes nothing.</summary>
        public const uint FaultAborts = 1u << 1;

        /// <summary>GFIE: a global fault raises the interrupt.</summary>
        public const uint FaultInterrupt = 1u << 2;

        /// <summary>EXIDENABLE: stream match registers have StreamIDs of 16 bits, and are valid by a bit of S2CR.</summary>
        public const uint WideStreamIds = 1u << 3;

        /// <summary>GCFGFRE: a configuration access fault aborts the access of the register.</summary>
        public const uint ConfigurationFaultAborts = 1u << 4;

        /// <summary>GCFGFIE: a configuration access fault raises its interrupt.</summary>
        public const uint ConfigurationFaultInterrupt = 1u << 5;

        /// <summary>STALLD: no bank may stall.</summary>
        public const uint StallDisable = 1u << 8;

        /// <summary>GSE: while a bank stalls, everything does.</summary>
        public const uint GlobalStall = 1u << 9;

        /// <summary>USFCFG: a StreamID that nothing matches faults. If not, it passes.</summary>
        public const uint UnmatchedFaults = 1u << 10;

        /// <summary>VMIDPNE: broadcast invalidations of CPUs do not apply to VMIDs.</summary>
        public const uint PrivateVmids = 1u << 11;

        /// <summary>PTM: broadcast invalidations are ignored.</summary>
        public const uint Private = 1u << 12;

        /// <summary>SMCFCFG: a StreamID that several registers match faults. If not, it passes.</summary>
        public const uint ConflictFaults = 1u << 21;

        /// <summary>VMID16EN: VMIDs of 16 bits, in CBA2R.</summary>
        public const uint WideVmids = 1u << 31;

        /// <summary>After reset: nothing is translated.</summary>
        public const uint Reset = Disable;
    }

    /// <summary>Bits of sGFSR.</summary>
    public static class Faults
    {
        /// <summary>ICF: an S2CR or CBAR that cannot be, or of which the type is to fault.</summary>
        public const uint InvalidContext = 1u << 0;

        /// <summary>USF: nothing matches the StreamID.</summary>
        public const uint UnmatchedStream = 1u << 1;

        /// <summary>SMCF: several stream match registers do.</summary>
        public const uint MatchConflict = 1u << 2;

        /// <summary>UCBF: there is no such context bank.</summary>
        public const uint NoSuchBank = 1u << 3;

        /// <summary>CAF: a register was used that is not there. This model has none: such registers read as zero.</summary>
        public const uint ConfigurationAccess = 1u << 5;

        /// <summary>MULTI: others followed the first.</summary>
        public const uint Multiple = 1u << 31;

        /// <summary>All that can be set.</summary>
        public const uint Mask = 0x8000_01ff;
    }

    /// <summary>Bits of sGFSYNR0.</summary>
    public static class Syndrome
    {
        /// <summary>Nested: it is CBAR that cannot be, and not S2CR.</summary>
        public const uint Nested = 1u << 0;

        /// <summary>WNR: it was a write.</summary>
        public const uint Write = 1u << 1;

        /// <summary>PNU: it was privileged.</summary>
        public const uint Privileged = 1u << 2;

        /// <summary>IND: it fetched an instruction.</summary>
        public const uint Instruction = 1u << 3;

        /// <summary>NSSTATE: it is of a master that is not secure.</summary>
        public const uint NonSecure = 1u << 4;

        /// <summary>NSATTR: it was not secure.</summary>
        public const uint NonSecureAccess = 1u << 5;

        /// <summary>ATS: it was an address translation by registers.</summary>
        public const uint AddressTranslation = 1u << 6;
    }
}
