namespace IommuKit.Specs.Vtd;

/// <summary>
/// Offsets of the registers of a VT-d remapping unit (VT-d specification, section 11.4), and bits in them. Registers of 64 bits may be accessed as
/// two halves. Where fault records and IOTLB registers are, the capabilities say: <see cref="VtdCapability.FaultRecordOffset"/>,
/// <see cref="VtdExtendedCapability.IotlbRegisterOffset"/>.
/// </summary>
public static class VtdRegister
{
    /// <summary>VER: major version in bits 7:4, minor in 3:0. 32 bits.</summary>
    public const uint Version = 0x00;

    /// <summary>CAP: see <see cref="VtdCapability"/>. 64 bits.</summary>
    public const uint Capability = 0x08;

    /// <summary>ECAP: see <see cref="VtdExtendedCapability"/>. 64 bits.</summary>
    public const uint ExtendedCapability = 0x10;

    /// <summary>GCMD: write-only commands, see <see cref="GlobalBits"/>. 32 bits.</summary>
    public const uint GlobalCommand = 0x18;

    /// <summary>GSTS: what commands led to, see <see cref="GlobalBits"/>. 32 bits.</summary>
    public const uint GlobalStatus = 0x1c;

    /// <summary>RTADDR: the root table in bits 63:12, its mode in 11:10 (<see cref="VtdTableMode"/>). 64 bits.</summary>
    public const uint RootTable = 0x20;

    /// <summary>Where the mode is in <see cref="RootTable"/>.</summary>
    public const int TableModeShift = 10;

    /// <summary>CCMD: context-cache invalidation by register, see <see cref="ContextCommandBits"/>. 64 bits.</summary>
    public const uint ContextCommand = 0x28;

    /// <summary>FSTS: see <see cref="FaultStatusBits"/>. 32 bits.</summary>
    public const uint FaultStatus = 0x34;

    /// <summary>FECTL, FEDATA, FEADDR and FEUADDR: the fault event; see <see cref="EventBits"/>. 4 × 32 bits.</summary>
    public const uint FaultEvent = 0x38;

    /// <summary>PMEN: protected memory, enabled by bit 31, in force by bit 0. 32 bits.</summary>
    public const uint ProtectedMemoryEnable = 0x64;

    /// <summary>PLMBASE: first byte of the protected memory below 4 GiB. 32 bits.</summary>
    public const uint ProtectedLowBase = 0x68;

    /// <summary>PLMLIMIT: last byte of the protected memory below 4 GiB, with its low bits 0. 32 bits.</summary>
    public const uint ProtectedLowLimit = 0x6c;

    /// <summary>PHMBASE: first byte of the protected memory anywhere. 64 bits.</summary>
    public const uint ProtectedHighBase = 0x70;

    /// <summary>PHMLIMIT: last byte of the protected memory anywhere, with its low bits 0. 64 bits.</summary>
    public const uint ProtectedHighLimit = 0x78;

    /// <summary>IQH: offset of the descriptor that hardware takes next, bits 18:4. 64 bits.</summary>
    public const uint QueueHead = 0x80;

    /// <summary>IQT: offset of the descriptor that software writes next, bits 18:4. 64 bits.</summary>
    public const uint QueueTail = 0x88;

    /// <summary>IQA: the invalidation queue: address in bits 63:12, 256-bit descriptors by bit 11, size in 2:0. 64 bits.</summary>
    public const uint QueueAddress = 0x90;

    /// <summary>ICS: bit 0, IWC, says that a wait with an interrupt has completed; written 1 to clear. 32 bits.</summary>
    public const uint CompletionStatus = 0x9c;

    /// <summary>IECTL, IEDATA, IEADDR and IEUADDR: the event of a completed wait. 4 × 32 bits.</summary>
    public const uint CompletionEvent = 0xa0;

    /// <summary>IQERCD: which device a time-out (47:32) and a wrong completion (63:48) were of, and why the queue stopped (3:0). 64 bits.</summary>
    public const uint QueueErrorRecord = 0xb0;

    /// <summary>IRTA: the interrupt-remapping table: address in bits 63:12, x2APIC by bit 11, log2 of its entries less one in 3:0. 64 bits.</summary>
    public const uint InterruptTable = 0xb8;

    /// <summary>PQH: offset of the page request that software takes next, bits 18:5. 64 bits.</summary>
    public const uint PageQueueHead = 0xc0;

    /// <summary>PQT: offset of the page request that hardware writes next, bits 18:5. 64 bits.</summary>
    public const uint PageQueueTail = 0xc8;

    /// <summary>PQA: the page request queue: address in bits 63:12, size in 2:0. 64 bits.</summary>
    public const uint PageQueueAddress = 0xd0;

    /// <summary>PRS: page requests pending (bit 0), and lost because the queue was full (bit 1); written 1 to clear. 32 bits.</summary>
    public const uint PageRequestStatus = 0xdc;

    /// <summary>PECTL, PEDATA, PEADDR and PEUADDR: the event of a page request. 4 × 32 bits.</summary>
    public const uint PageRequestEvent = 0xe0;

    /// <summary>Bytes from an event's control register to its data, address and upper address: 4, 8 and 12.</summary>
    public const uint EventData = 4;

    /// <inheritdoc cref="EventData"/>
    public const uint EventAddress = 8;

    /// <inheritdoc cref="EventData"/>
    public const uint EventUpperAddress = 12;

    /// <summary>Bytes of a remapping unit's registers at the least.</summary>
    public const uint PageBytes = 0x1000;

    /// <summary>Bits of GCMD and GSTS, which are at the same places.</summary>
    public static class GlobalBits
    {
        /// <summary>Bit 31, TE: DMA is remapped.</summary>
        public const uint TranslationEnable = 1u << 31;

        /// <summary>Bit 30, SRTP: RTADDR is taken over. A command that is done once.</summary>
        public const uint SetRootTable = 1u << 30;

        /// <summary>Bit 27, WBF: the write buffer is flushed. Only where CAP.RWBF is 1; the status is 1 as long as it takes.</summary>
        public const uint WriteBufferFlush = 1u << 27;

        /// <summary>Bit 26, QIE: the invalidation queue is used.</summary>
        public const uint QueuedInvalidationEnable = 1u << 26;

        /// <summary>Bit 25, IRE: interrupts are remapped.</summary>
        public const uint InterruptRemappingEnable = 1u << 25;

        /// <summary>Bit 24, SIRTP: IRTA is taken over. A command that is done once.</summary>
        public const uint SetInterruptTable = 1u << 24;

        /// <summary>Bit 23, CFI: interrupts in compatibility format pass.</summary>
        public const uint CompatibilityFormat = 1u << 23;
    }

    /// <summary>Bits of CCMD.</summary>
    public static class ContextCommandBits
    {
        /// <summary>Bit 63, ICC: written 1 to invalidate; 0 again when that is done.</summary>
        public const ulong Invalidate = 1ul << 63;

        /// <summary>Bits 62:61, CIRG: what is asked for (<see cref="VtdGranularity"/>).</summary>
        public const int RequestShift = 61;

        /// <summary>Bits 60:59, CAIG: what was done; 0 if the request was wrong.</summary>
        public const int ActualShift = 59;
    }

    /// <summary>Bits of the IOTLB register, which follows the address register (IVA).</summary>
    public static class IotlbBits
    {
        /// <summary>Bytes from the address register to the IOTLB register.</summary>
        public const uint Offset = 8;

        /// <summary>Bit 63, IVT: written 1 to invalidate; 0 again when that is done.</summary>
        public const ulong Invalidate = 1ul << 63;

        /// <summary>Bits 61:60, IIRG: what is asked for (<see cref="VtdGranularity"/>).</summary>
        public const int RequestShift = 60;

        /// <summary>Bits 58:57, IAIG: what was done; 0 if the request was wrong.</summary>
        public const int ActualShift = 57;

        /// <summary>Bit 49, DR: reads that are under way are waited for.</summary>
        public const ulong DrainReads = 1ul << 49;

        /// <summary>Bit 48, DW: writes that are under way are waited for.</summary>
        public const ulong DrainWrites = 1ul << 48;

        /// <summary>Bits 47:32, DID.</summary>
        public const int DomainShift = 32;
    }

    /// <summary>Bits of FSTS. All but PPF and FRI are written 1 to clear.</summary>
    public static class FaultStatusBits
    {
        /// <summary>Bit 0, PFO: a fault was lost, because its record was in use.</summary>
        public const uint Overflow = 1u << 0;

        /// <summary>Bit 1, PPF: some record has a fault. Read-only.</summary>
        public const uint Pending = 1u << 1;

        /// <summary>Bit 4, IQE: the invalidation queue stopped at a descriptor that is wrong, or could not be read.</summary>
        public const uint QueueError = 1u << 4;

        /// <summary>Bit 5, ICE: a device completed an invalidation that nobody asked for.</summary>
        public const uint CompletionError = 1u << 5;

        /// <summary>Bit 6, ITE: a device did not complete an invalidation in time.</summary>
        public const uint TimeoutError = 1u << 6;

        /// <summary>The bits that are written 1 to clear.</summary>
        public const uint Clearable = Overflow | QueueError | CompletionError | TimeoutError;

        /// <summary>Bits 15:8, FRI: the first record in use. Read-only.</summary>
        public const int RecordIndexShift = 8;
    }

    /// <summary>Bits of the control registers of events.</summary>
    public static class EventBits
    {
        /// <summary>Bit 31, IM: the message is held back. 1 after reset.</summary>
        public const uint Mask = 1u << 31;

        /// <summary>Bit 30, IP: a message is held back. Read-only.</summary>
        public const uint Pending = 1u << 30;
    }

    /// <summary>Bits of IQA.</summary>
    public static class QueueAddressBits
    {
        /// <summary>Bits 2:0, QS: log2 of the 4 KiB pages of the queue.</summary>
        public const ulong SizeMask = 7;

        /// <summary>Bit 11, DW: descriptors have 256 bits.</summary>
        public const ulong Wide = 1ul << 11;
    }

    /// <summary>Bits of PMEN.</summary>
    public static class ProtectedMemoryBits
    {
        /// <summary>Bit 31, EPM: the protection is asked for.</summary>
        public const uint Enable = 1u << 31;

        /// <summary>Bit 0, PRS: the protection is in force.</summary>
        public const uint Status = 1u << 0;
    }

    /// <summary>Bits of IRTA.</summary>
    public static class InterruptTableBits
    {
        /// <summary>Bits 3:0, S: the table has 2^(S + 1) entries.</summary>
        public const ulong SizeMask = 0xf;

        /// <summary>Bit 11, EIME: destinations are x2APIC ids of 32 bits, and compatibility format is blocked.</summary>
        public const ulong Extended = 1ul << 11;
    }

    /// <summary>Bits of PRS.</summary>
    public static class PageRequestBits
    {
        /// <summary>Bit 0, PPR: a page request waits.</summary>
        public const uint Pending = 1u << 0;

        /// <summary>Bit 1, PRO: the queue was full; no page request is queued until this is cleared.</summary>
        public const uint Overflow = 1u << 1;
    }
}
