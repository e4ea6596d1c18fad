using IommuKit.Specs.Mmio;

namespace IommuKit.Specs.Vtd;

/// <summary>What a VT-d remapping unit is, as its registers and ACPI say: all that a driver and a model of it agree on.</summary>
/// <remarks>
/// The presets are combinations that exist; widths and features of single parts differ. Their register values are composed from the fields of the
/// specification, but for <see cref="Emulated"/> and its kin, which are values that QEMU was seen to have.
/// </remarks>
/// <param name="Name">The name by which users select the unit.</param>
/// <param name="Capability">CAP.</param>
/// <param name="ExtendedCapability">ECAP.</param>
/// <param name="HostAddressBits">Bits of a physical address: the host address width of the DMAR table.</param>
/// <param name="Version">VER.</param>
public sealed record VtdUnit(
    string Name, VtdCapability Capability, VtdExtendedCapability ExtendedCapability, int HostAddressBits, uint Version = 0x10)
{
    // ND = 6 (16 bits), MAMV = 18, PSI, fault records at 0x220.
    private const ulong Common = 6 | (0x22ul << 24) | (1ul << 39) | (18ul << 48);
    private const ulong DrainBits = 3ul << 54;
    private const ulong BigPages = 3ul << 34;
    private const ulong ProtectedMemory = 3ul << 5;
    private const ulong SetRootInvalidates = 3ul << 62;
    private const ulong FirstStage = (1ul << 56) | (1ul << 60);

    // IOTLB registers at 0xf0, MHMV = 15, queue, interrupts, pass-through.
    private const ulong CommonExtended = (1ul << 1) | (1ul << 3) | (1ul << 6) | (0xful << 8) | (0xful << 20);
    private const ulong Coherent = 1;
    private const ulong DeviceTlb = 1ul << 2;
    private const ulong X2Apic = 1ul << 4;
    private const ulong Snoop = 1ul << 7;

    // Scalable mode with both stages, nesting, page requests, privileged and execute requests, 20 bits of PASID, A/D, RID_PASID, abort mode.
    private const ulong Scalable = (1ul << 43) | (1ul << 46) | (1ul << 47) | (1ul << 26) | (1ul << 29) | (3ul << 30) | (1ul << 33) | (1ul << 34)
        | (19ul << 35) | (1ul << 40) | (1ul << 45) | (1ul << 48) | (1ul << 49) | (1ul << 52);

    /// <summary>A client part: three levels (39 bits), 2 MiB and 1 GiB pages, one fault record, legacy mode only.</summary>
    public static VtdUnit Client39 { get; } = new(
        "client-39",
        new(Common | DrainBits | BigPages | ProtectedMemory | Widths(1) | (38ul << 16)),
        new(CommonExtended | Coherent | X2Apic | Snoop),
        39);

    /// <summary>A client part whose page walks do not snoop the CPU's caches, and whose write buffer has to be flushed.</summary>
    public static VtdUnit ClientNonCoherent { get; } = new(
        "client-39-nc", new(Common | (1ul << 4) | BigPages | ProtectedMemory | Widths(1) | (38ul << 16)), new(CommonExtended), 39);

    /// <summary>A server part: four levels (48 bits), device TLBs, eight fault records, legacy mode only.</summary>
    public static VtdUnit Server48 { get; } = new(
        "server-48",
        new(Common | DrainBits | BigPages | ProtectedMemory | Widths(1, 2) | (47ul << 16) | (7ul << 40)),
        new(CommonExtended | Coherent | DeviceTlb | X2Apic | Snoop),
        46);

    /// <summary>A server part of today: four and five levels, scalable mode with both stages and nesting, device TLBs and page requests.</summary>
    public static VtdUnit Server57 { get; } = new(
        "server-57",
        new(Common | DrainBits | BigPages | SetRootInvalidates | FirstStage | Widths(2, 3) | (56ul << 16) | (7ul << 40)),
        new(CommonExtended | Coherent | DeviceTlb | X2Apic | Snoop | Scalable),
        52,
        0x60);

    /// <summary><see cref="Server57"/> whose page walks do not snoop the CPU's caches.</summary>
    public static VtdUnit Server57NonCoherent { get; } = Server57 with
    {
        Name = "server-57-nc",
        ExtendedCapability = new(Server57.ExtendedCapability.Value & ~(Coherent | (1ul << 48))),
    };

    /// <summary>What QEMU's intel-iommu shows a guest: legacy mode, three and four levels.</summary>
    public static VtdUnit Emulated { get; } = new("qemu", new(0x80d2_008c_222f_0606), new(0x00f0_0f4a), 48);

    /// <summary><see cref="Emulated"/> in caching mode, with three levels.</summary>
    public static VtdUnit EmulatedCachingMode { get; } = new("qemu-cm", new(0x80d2_008c_2226_0286), new(0x00f0_0f4a), 39);

    /// <summary><see cref="Emulated"/> in scalable mode, with a first stage of four levels.</summary>
    public static VtdUnit EmulatedFirstStage { get; } = new("qemu-fs", new(0x81d2_008c_222f_0606), new(0x8800_00f0_0f4a), 48);

    /// <summary><see cref="EmulatedFirstStage"/> in caching mode.</summary>
    public static VtdUnit EmulatedFirstStageCachingMode { get; } = EmulatedFirstStage with
    {
        Name = "qemu-fs-cm",
        Capability = new(EmulatedFirstStage.Capability.Value | (1 << 7)),
    };

    /// <summary>All presets.</summary>
    public static IReadOnlyList<VtdUnit> Presets { get; } =
    [
        Client39,
        ClientNonCoherent,
        Server48,
        Server57,
        Server57NonCoherent,
        Emulated,
        EmulatedCachingMode,
        EmulatedFirstStage,
        EmulatedFirstStageCachingMode,
    ];

    /// <summary>Bytes of registers that the capabilities need, at least a page.</summary>
    public uint RegisterBytes => Math.Max(
        VtdRegister.PageBytes,
        Math.Max(
            Capability.FaultRecordOffset + ((uint)Capability.FaultRecords * VtdFaultRecord.Bytes),
            ExtendedCapability.IotlbRegisterOffset + 16));

    /// <summary>
    /// Whether an invalidation of the IOTLB waits for accesses under way without being asked to: from major version 2 on, whose CAP.DRD and CAP.DWD say
    /// so to older software only (VT-d specification, the two fields of the capability register).
    /// </summary>
    public bool AlwaysDrains => Version >> 4 >= 2;

    /// <summary>
    /// Whether an invalidation of the IOTLB waits for accesses under way: always, or as it is asked to and CAP.DRD and CAP.DWD allow. What it asks for
    /// beyond these is ignored.
    /// </summary>
    /// <param name="reads">DR: whether it is asked to wait for reads.</param>
    /// <param name="writes">DW: whether it is asked to wait for writes.</param>
    public bool Drains(bool reads, bool writes) =>
        AlwaysDrains || (reads && Capability.DrainsReads) || (writes && Capability.DrainsWrites);

    /// <summary>What an access to a register is for.</summary>
    /// <param name="offset">The register, or the upper half of one.</param>
    /// <param name="isRead">Whether it is read.</param>
    public RegisterPurpose PurposeOf(uint offset, bool isRead) => (offset & ~4u) switch
    {
        VtdRegister.QueueTail => isRead ? RegisterPurpose.Completion : RegisterPurpose.Doorbell,
        VtdRegister.QueueHead => RegisterPurpose.Completion,
        VtdRegister.RootTable => RegisterPurpose.TranslationRoot,
        VtdRegister.ContextCommand => RegisterPurpose.DeviceBinding,
        VtdRegister.FaultStatus & ~4u => offset == VtdRegister.FaultStatus ? RegisterPurpose.Fault : RegisterPurpose.Configuration,
        >= VtdRegister.FaultEvent and < VtdRegister.FaultEvent + 16 or VtdRegister.QueueErrorRecord => RegisterPurpose.Fault,
        var wide when wide - (ExtendedCapability.IotlbRegisterOffset & ~4u) < 16 => RegisterPurpose.TlbInvalidation,
        var wide when wide - Capability.FaultRecordOffset < (uint)Capability.FaultRecords * VtdFaultRecord.Bytes => RegisterPurpose.Fault,
        _ => RegisterPurpose.Configuration,
    };

    private static ulong Widths(params ReadOnlySpan<int> encoded)
    {
        ulong bits = 0;
        foreach (int width in encoded)
        {
            bits |= 1ul << (8 + width);
        }

        return bits;
    }
}
