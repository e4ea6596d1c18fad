using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Tegra;

/// <summary>
/// Registers of the Tegra memory controller that belong to the SMMU, by offset from the controller's base.
/// Names are those of the Technical Reference Manual, chapter "Memory Controller", as public drivers cite them.
/// </summary>
public static class TegraMc
{
    /// <summary>Bytes of the register block.</summary>
    public const uint Size = 0x1000;

    /// <summary>MC_INTSTATUS: pending interrupts; writing 1 to a bit clears it. Bits are in <see cref="Interrupt"/>.</summary>
    public const uint IntStatus = 0x000;

    /// <summary>MC_INTMASK: a set bit lets the interrupt through.</summary>
    public const uint IntMask = 0x004;

    /// <summary>MC_ERR_STATUS: what kind of transaction failed. Layout in <see cref="TegraFaultStatus"/>.</summary>
    public const uint ErrStatus = 0x008;

    /// <summary>MC_ERR_ADR: the low 32 bits of the address that failed.</summary>
    public const uint ErrAdr = 0x00c;

    /// <summary>MC_SMMU_CONFIG: bit 0 switches the SMMU on.</summary>
    public const uint SmmuConfig = 0x010;

    /// <summary>MC_SMMU_TLB_CONFIG: bits in <see cref="TlbConfigBits"/>.</summary>
    public const uint TlbConfig = 0x014;

    /// <summary>MC_SMMU_PTC_CONFIG: bits in <see cref="PtcConfigBits"/>.</summary>
    public const uint PtcConfig = 0x018;

    /// <summary>MC_SMMU_PTB_ASID: the address space that <see cref="PtbData"/> reads and writes.</summary>
    public const uint PtbAsid = 0x01c;

    /// <summary>MC_SMMU_PTB_DATA: root of the selected address space. Layout in <see cref="TegraPtb"/>.</summary>
    public const uint PtbData = 0x020;

    /// <summary>MC_SMMU_TLB_FLUSH (write only): commands in <see cref="TegraTlbFlush"/>.</summary>
    public const uint TlbFlush = 0x030;

    /// <summary>MC_SMMU_PTC_FLUSH (write only): commands in <see cref="TegraPtcFlush"/>.</summary>
    public const uint PtcFlush = 0x034;

    /// <summary>MC_SMMU_PTC_FLUSH_1 (Tegra124 and later): physical bits 33:32 of the next PTC flush, written before it.</summary>
    public const uint PtcFlushHigh = 0x9b8;

    /// <summary>MC_SMMU_STATS_TLB_HIT_MISS_SOURCE (Tegra210).</summary>
    public const uint StatsTlbSource = 0x1ec;

    /// <summary>MC_SMMU_STATS_TLB_HIT_COUNT.</summary>
    public const uint StatsTlbHit = 0x1f0;

    /// <summary>MC_SMMU_STATS_TLB_MISS_COUNT.</summary>
    public const uint StatsTlbMiss = 0x1f4;

    /// <summary>MC_SMMU_STATS_PTC_HIT_COUNT.</summary>
    public const uint StatsPtcHit = 0x1f8;

    /// <summary>MC_SMMU_STATS_PTC_MISS_COUNT.</summary>
    public const uint StatsPtcMiss = 0x1fc;

    /// <summary>MC_CLIENT_HOTRESET_CTRL: a set bit blocks the DMA of an engine.</summary>
    public const uint HotResetControl = 0x200;

    /// <summary>MC_CLIENT_HOTRESET_STATUS: a set bit says that the blocked engine is idle.</summary>
    public const uint HotResetStatus = 0x204;

    /// <summary>MC_CLIENT_HOTRESET_CTRL_1.</summary>
    public const uint HotResetControl1 = 0x970;

    /// <summary>MC_CLIENT_HOTRESET_STATUS_1.</summary>
    public const uint HotResetStatus1 = 0x974;

    /// <summary>MC_ERR_VPR_STATUS.</summary>
    public const uint ErrVprStatus = 0x654;

    /// <summary>MC_ERR_VPR_ADR.</summary>
    public const uint ErrVprAdr = 0x658;

    /// <summary>MC_ERR_SEC_STATUS.</summary>
    public const uint ErrSecStatus = 0x67c;

    /// <summary>MC_ERR_SEC_ADR.</summary>
    public const uint ErrSecAdr = 0x680;

    /// <summary>MC_ERR_MTS_STATUS.</summary>
    public const uint ErrMtsStatus = 0x9b0;

    /// <summary>MC_ERR_MTS_ADR.</summary>
    public const uint ErrMtsAdr = 0x9b4;

    /// <summary>How many TRANSLATION_ENABLE registers there are at most.</summary>
    public const int TranslationEnableCount = 5;

    /// <summary>How many SMMU_ASID_SECURITY registers there are at most.</summary>
    public const int AsidSecurityCount = 8;

    /// <summary>How many SMMU_CLIENT_CONFIG registers are modelled.</summary>
    public const int ClientConfigCount = 4;

    private static readonly uint[] TranslationEnables = [0x228, 0x22c, 0x230, 0x234, 0xb98];
    private static readonly uint[] AsidSecurities = [0x038, 0x03c, 0x9e0, 0x9e4, 0x9e8, 0x9ec, 0x9f0, 0x9f4];

    /// <summary>MC_SMMU_TRANSLATION_ENABLE_n: bit b is client 32n + b.</summary>
    /// <param name="index">0 to 4.</param>
    public static uint TranslationEnable(int index) => TranslationEnables[index];

    /// <summary>MC_SMMU_ASID_SECURITY and its successors: which address spaces only secure software may change.</summary>
    /// <param name="index">0 to 7.</param>
    public static uint AsidSecurity(int index) => AsidSecurities[index];

    /// <summary>MC_SMMU_CLIENT_CONFIGn: how the transactions of clients are ordered.</summary>
    /// <param name="index">0 to 3.</param>
    public static uint ClientConfig(int index) => 0x040 + ((uint)index * 4);

    /// <summary>What an access to the register at <paramref name="offset"/> is for.</summary>
    /// <param name="offset">Offset from the controller's base.</param>
    /// <param name="isRead">Whether the access reads.</param>
    public static RegisterPurpose PurposeOf(uint offset, bool isRead) => offset switch
    {
        IntStatus or IntMask or ErrStatus or ErrAdr
            or ErrVprStatus or ErrVprAdr or ErrSecStatus or ErrSecAdr or ErrMtsStatus or ErrMtsAdr => RegisterPurpose.Fault,
        PtbAsid when isRead => RegisterPurpose.Completion,
        PtbAsid or PtbData => RegisterPurpose.TranslationRoot,
        TlbFlush => RegisterPurpose.TlbInvalidation,
        PtcFlush or PtcFlushHigh => RegisterPurpose.TableCacheInvalidation,
        >= StatsTlbSource and <= StatsPtcMiss => RegisterPurpose.Statistics,
        >= 0x228 and <= 0x29c or >= 0xa88 and <= 0xae0 or 0xb98 => RegisterPurpose.DeviceBinding,
        _ => RegisterPurpose.Configuration,
    };

    /// <summary>Bits of MC_INTSTATUS and MC_INTMASK.</summary>
    public static class Interrupt
    {
        /// <summary>DECERR_EMEM_INT: no memory at the address.</summary>
        public const uint DecodeErrorEmem = 1u << 6;

        /// <summary>SECURITY_VIOLATION_INT.</summary>
        public const uint SecurityViolation = 1u << 8;

        /// <summary>ARBITRATION_EMEM_INT.</summary>
        public const uint ArbitrationEmem = 1u << 9;

        /// <summary>INVALID_SMMU_PAGE_INT: a translation failed.</summary>
        public const uint InvalidSmmuPage = 1u << 10;

        /// <summary>INVALID_APB_ASID_UPDATE_INT.</summary>
        public const uint InvalidApbAsidUpdate = 1u << 11;

        /// <summary>DECERR_VPR_INT.</summary>
        public const uint DecodeErrorVpr = 1u << 12;

        /// <summary>SECERR_SEC_INT.</summary>
        public const uint SecurityErrorSec = 1u << 13;

        /// <summary>DECERR_MTS_INT.</summary>
        public const uint DecodeErrorMts = 1u << 16;

        /// <summary>DECERR_GENERALIZED_CARVEOUT_INT.</summary>
        public const uint GeneralizedCarveout = 1u << 17;

        /// <summary>ROUTE_SANITY_INT.</summary>
        public const uint RouteSanity = 1u << 20;

        /// <summary>Every interrupt of the fact sheet; other bits read as zero.</summary>
        public const uint All = DecodeErrorEmem | SecurityViolation | ArbitrationEmem | InvalidSmmuPage | InvalidApbAsidUpdate
            | DecodeErrorVpr | SecurityErrorSec | DecodeErrorMts | GeneralizedCarveout | RouteSanity;
    }

    /// <summary>Bits of MC_SMMU_CONFIG.</summary>
    public static class SmmuConfigBits
    {
        /// <summary>Translation on.</summary>
        public const uint Enable = 1u << 0;
    }

    /// <summary>Bits of MC_SMMU_TLB_CONFIG.</summary>
    public static class TlbConfigBits
    {
        /// <summary>Count hits and misses.</summary>
        public const uint StatsEnable = 1u << 31;

        /// <summary>Writing 1 resets the counters.</summary>
        public const uint StatsTest = 1u << 30;

        /// <summary>Serve hits while a miss is outstanding.</summary>
        public const uint HitUnderMiss = 1u << 29;

        /// <summary>Arbitrate requests round-robin (Tegra124 and later).</summary>
        public const uint RoundRobinArbitration = 1u << 28;

        /// <summary>How many lines the TLB uses; the field is as wide as the SoC's line count needs.</summary>
        public const uint ActiveLinesMask = 0x3f;
    }

    /// <summary>Bits of MC_SMMU_PTC_CONFIG.</summary>
    public static class PtcConfigBits
    {
        /// <summary>Count hits and misses.</summary>
        public const uint StatsEnable = 1u << 31;

        /// <summary>Writing 1 resets the counters.</summary>
        public const uint StatsTest = 1u << 30;

        /// <summary>Let the page-table cache hold lines.</summary>
        public const uint CacheEnable = 1u << 29;

        /// <summary>Position of the request-limit field, 4 bits.</summary>
        public const int RequestLimitShift = 24;

        /// <summary>Which address bits index the cache.</summary>
        public const uint IndexMapMask = 0x3f;
    }

    /// <summary>Bits of a swgroup's SMMU_*_ASID register.</summary>
    public static class SwgroupBits
    {
        /// <summary>The group's clients are translated.</summary>
        public const uint Enable = 1u << 31;

        /// <summary>The address space of the group (for IOVA bits 33:32 = 0).</summary>
        public const uint AsidMask = 0x7f;
    }
}
