using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Smmu3;

/// <summary>
/// Offsets of the registers of an SMMUv3 (IHI 0070, chapter 6), and bits in them. Page 0 has most of them; the producers and consumers of the queues
/// that the SMMU fills are in page 1. Registers of 64 bits may be accessed as two halves.
/// </summary>
public static class Smmu3Register
{
    /// <summary>Bytes of both pages.</summary>
    public const uint Bytes = 0x2_0000;

    /// <summary>Where page 1 begins.</summary>
    public const uint Page1 = 0x1_0000;

    /// <summary>IDR0: see <see cref="Smmu3Unit"/>.</summary>
    public const uint Idr0 = 0x00;

    /// <summary>IDR1.</summary>
    public const uint Idr1 = 0x04;

    /// <summary>IDR3.</summary>
    public const uint Idr3 = 0x0c;

    /// <summary>IDR5.</summary>
    public const uint Idr5 = 0x14;

    /// <summary>IIDR: who made it, and what it is.</summary>
    public const uint Iidr = 0x18;

    /// <summary>AIDR: the minor version of the architecture.</summary>
    public const uint Aidr = 0x1c;

    /// <summary>CR0: what is enabled, see <see cref="Control"/>.</summary>
    public const uint Control0 = 0x20;

    /// <summary>CR0ACK: which part of CR0 is in force.</summary>
    public const uint Control0Ack = 0x24;

    /// <summary>CR1: memory attributes of queues and tables.</summary>
    public const uint Control1 = 0x28;

    /// <summary>CR2: see <see cref="Control2Bits"/>.</summary>
    public const uint Control2 = 0x2c;

    /// <summary>GBPA: what becomes of traffic while the SMMU is disabled, see <see cref="Bypass"/>.</summary>
    public const uint GlobalBypass = 0x44;

    /// <summary>IRQ_CTRL: see <see cref="Interrupts"/>.</summary>
    public const uint InterruptControl = 0x50;

    /// <summary>IRQ_CTRLACK.</summary>
    public const uint InterruptControlAck = 0x54;

    /// <summary>GERROR: see <see cref="Errors"/>. A bit is active where it differs from <see cref="GlobalErrorAck"/>.</summary>
    public const uint GlobalError = 0x60;

    /// <summary>GERRORN: software's acknowledgement.</summary>
    public const uint GlobalErrorAck = 0x64;

    /// <summary>GERROR_IRQ_CFG0, 1 and 2: address (64 bits), data and attributes of a message.</summary>
    public const uint GlobalErrorMessage = 0x68;

    /// <summary>STRTAB_BASE. 64 bits.</summary>
    public const uint StreamTable = 0x80;

    /// <summary>STRTAB_BASE_CFG: log2 of the streams in 5:0, the split in 10:6, the format in 17:16.</summary>
    public const uint StreamTableConfig = 0x88;

    /// <summary>CMDQ_BASE: the address in 55:5, log2 of the entries in 4:0. 64 bits.</summary>
    public const uint CommandQueue = 0x90;

    /// <summary>CMDQ_PROD.</summary>
    public const uint CommandProducer = 0x98;

    /// <summary>CMDQ_CONS: the index in 19:0, why the queue stands in 30:24.</summary>
    public const uint CommandConsumer = 0x9c;

    /// <summary>EVENTQ_BASE. 64 bits.</summary>
    public const uint EventQueue = 0xa0;

    /// <summary>EVENTQ_IRQ_CFG0, 1 and 2.</summary>
    public const uint EventMessage = 0xb0;

    /// <summary>PRIQ_BASE. 64 bits.</summary>
    public const uint PageRequestQueue = 0xc0;

    /// <summary>PRIQ_IRQ_CFG0, 1 and 2. Bit 31 of the last: tell of the last request of a group, not of the first in the queue.</summary>
    public const uint PageRequestMessage = 0xd0;

    /// <summary>GATOS_CTRL: bit 0, RUN.</summary>
    public const uint TranslationControl = 0x100;

    /// <summary>GATOS_SID. 64 bits.</summary>
    public const uint TranslationStream = 0x108;

    /// <summary>GATOS_ADDR. 64 bits.</summary>
    public const uint TranslationAddress = 0x110;

    /// <summary>GATOS_PAR. 64 bits.</summary>
    public const uint TranslationResult = 0x118;

    /// <summary>EVENTQ_PROD, in page 1.</summary>
    public const uint EventProducer = Page1 + 0xa8;

    /// <summary>EVENTQ_CONS, in page 1.</summary>
    public const uint EventConsumer = Page1 + 0xac;

    /// <summary>PRIQ_PROD, in page 1.</summary>
    public const uint PageRequestProducer = Page1 + 0xc8;

    /// <summary>PRIQ_CONS, in page 1.</summary>
    public const uint PageRequestConsumer = Page1 + 0xcc;

    /// <summary>PMDEVARCH, then PIDR4…7, PIDR0…3, CIDR0…3: from here to the end of the first 4 KiB.</summary>
    public const uint Identification = 0xfbc;

    /// <summary>The index and the wrap bit of a queue, at the most.</summary>
    public const uint QueueIndexMask = 0xf_ffff;

    /// <summary>Bit 31 of the producer of events or page requests, and of the consumer: OVFLG and OVACKFLG, which differ after an overflow.</summary>
    public const uint Overflow = 1u << 31;

    /// <summary>Log2 of a queue's entries, in its base.</summary>
    public const ulong QueueSizeMask = 0x1f;

    /// <summary>ADDR of a queue's base register. The hardware takes it down to a multiple of the queue's size.</summary>
    public const ulong QueueAddressMask = 0x00ff_ffff_ffff_ffe0;

    /// <summary>Where the command queue's error is in <see cref="CommandConsumer"/>.</summary>
    public const int CommandErrorShift = 24;

    /// <summary>What an access of a register is for.</summary>
    /// <param name="offset">The register.</param>
    /// <param name="isRead">Whether it is read.</param>
    public static RegisterPurpose PurposeOf(uint offset, bool isRead) => offset switch
    {
        CommandProducer => isRead ? RegisterPurpose.Completion : RegisterPurpose.Doorbell,
        CommandConsumer when isRead => RegisterPurpose.Completion,
        StreamTable or StreamTable + 4 => RegisterPurpose.TranslationRoot,
        GlobalError or GlobalErrorAck or EventProducer or EventConsumer or PageRequestProducer or PageRequestConsumer => RegisterPurpose.Fault,
        _ => RegisterPurpose.Configuration,
    };

    /// <summary>Bits of CR0 and CR0ACK.</summary>
    public static class Control
    {
        /// <summary>SMMUEN: traffic is translated.</summary>
        public const uint Enable = 1 << 0;

        /// <summary>PRIQEN.</summary>
        public const uint PageRequestQueue = 1 << 1;

        /// <summary>EVENTQEN.</summary>
        public const uint EventQueue = 1 << 2;

        /// <summary>CMDQEN.</summary>
        public const uint CommandQueue = 1 << 3;

        /// <summary>ATSCHK: translated transactions are checked against the stream table.</summary>
        public const uint CheckTranslated = 1 << 4;

        /// <summary>VMW: how many low bits of a VMID invalidations do not compare.</summary>
        public const int VmidWildcardShift = 6;

        /// <summary>All of them.</summary>
        public const uint Mask = Enable | PageRequestQueue | EventQueue | CommandQueue | CheckTranslated | (7 << VmidWildcardShift);
    }

    /// <summary>Bits of CR2.</summary>
    public static class Control2Bits
    {
        /// <summary>E2H: streams of EL2 have ASIDs and two ranges of addresses.</summary>
        public const uint Host = 1 << 0;

        /// <summary>RECINVSID: C_BAD_STREAMID is recorded.</summary>
        public const uint RecordsBadStream = 1 << 1;

        /// <summary>PTM: broadcast invalidations of CPUs are ignored.</summary>
        public const uint Private = 1 << 2;

        /// <summary>REC_CFG_ATS: configuration errors of ATS traffic are recorded.</summary>
        public const uint RecordsAtsErrors = 1 << 3;
    }

    /// <summary>Bits of GBPA.</summary>
    public static class Bypass
    {
        /// <summary>All that can be read: attributes, and ABORT.</summary>
        public const uint Mask = 0x001f_3f1f;

        /// <summary>ABORT: traffic is aborted.</summary>
        public const uint Abort = 1 << 20;

        /// <summary>UPDATE: the rest of the register is taken over.</summary>
        public const uint Update = 1u << 31;
    }

    /// <summary>Bits of IRQ_CTRL.</summary>
    public static class Interrupts
    {
        /// <summary>GERROR_IRQEN.</summary>
        public const uint GlobalError = 1 << 0;

        /// <summary>PRIQ_IRQEN.</summary>
        public const uint PageRequest = 1 << 1;

        /// <summary>EVENTQ_IRQEN.</summary>
        public const uint Event = 1 << 2;

        /// <summary>All of them.</summary>
        public const uint Mask = GlobalError | PageRequest | Event;
    }

    /// <summary>Bits of GERROR and GERRORN.</summary>
    public static class Errors
    {
        /// <summary>CMDQ_ERR: the command queue stands, for the reason in CMDQ_CONS.</summary>
        public const uint CommandQueue = 1 << 0;

        /// <summary>EVENTQ_ABT_ERR: a record could not be stored.</summary>
        public const uint EventQueueAbort = 1 << 2;

        /// <summary>PRIQ_ABT_ERR: a page request could not be stored.</summary>
        public const uint PageRequestQueueAbort = 1 << 3;

        /// <summary>MSI_CMDQ_ABT_ERR: the message of a CMD_SYNC reached nothing.</summary>
        public const uint CommandMessageAbort = 1 << 4;

        /// <summary>MSI_EVENTQ_ABT_ERR.</summary>
        public const uint EventMessageAbort = 1 << 5;

        /// <summary>MSI_PRIQ_ABT_ERR.</summary>
        public const uint PageRequestMessageAbort = 1 << 6;

        /// <summary>MSI_GERROR_ABT_ERR, which itself is not told by an interrupt.</summary>
        public const uint GlobalErrorMessageAbort = 1 << 7;

        /// <summary>SFM_ERR: the SMMU is in its service failure mode.</summary>
        public const uint ServiceFailure = 1 << 8;

        /// <summary>All that a model of the non-secure interface can raise.</summary>
        public const uint Mask = CommandQueue | EventQueueAbort | PageRequestQueueAbort | CommandMessageAbort | EventMessageAbort
            | PageRequestMessageAbort | GlobalErrorMessageAbort | ServiceFailure;
    }
}
