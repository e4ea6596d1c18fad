namespace IommuKit.Specs.Vtd;

/// <summary>
/// A scalable-mode PASID entry (VT-d specification, section 9.6). It has 512 bits, of which the upper five quadwords are reserved.
/// <code>
///          63:12         11:10  9      8:6   5  4:2  1    0
///   first  second stage  -      SSADE  PGTT  -  AW   FPD  P
///          63:32  31:28  27:25  24     23     22:16  15:0
///   second PAT    -      EMT..  PGSNP  PWSNP  -      DID
///          63:12        11:8  7     6     5    4    3:2   1    0
///   third  first stage  -     EAFE  SMEP  NXE  WPE  FSPM  ERE  SRE
/// </code>
/// </summary>
/// <param name="First">Bits 63:0.</param>
/// <param name="Second">Bits 127:64.</param>
/// <param name="Third">Bits 191:128.</param>
public readonly record struct VtdPasidEntry(ulong First, ulong Second, ulong Third)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 64;

    /// <summary>Bit 0 of <see cref="First"/>, P.</summary>
    public const ulong Present = 1;

    private const int WidthShift = 2;
    private const int TypeShift = 6;
    private const int ModeShift = 2;
    private const ulong SnoopsWalk = 1 << 24;
    private const ulong NoExecute = 1 << 5;
    private const ulong FirstReserved = 0xc20;
    private const ulong SecondReserved = 0xc07f_0000;
    private const ulong ThirdReserved = 0xf00;

    /// <summary>Bit 0, P.</summary>
    public bool IsPresent => (First & 1) != 0;

    /// <summary>Bit 1, FPD: faults of the PASID are not recorded.</summary>
    public bool DisablesFaults => (First & 2) != 0;

    /// <summary>Bits 4:2, AW of the second stage: 1 for 39 bits, 2 for 48, 3 for 57.</summary>
    public int Width => (int)(First >> 2) & 7;

    /// <summary>Bits 8:6, PGTT.</summary>
    public VtdPasidType Type => (VtdPasidType)((First >> 6) & 7);

    /// <summary>Bit 9, SSADE: accessed and dirty bits of the second stage are set.</summary>
    public bool EnablesSecondStageAccessedDirty => (First >> 9 & 1) != 0;

    /// <summary>Bits 63:12: the root of the second stage.</summary>
    public ulong SecondStage => First & ~0xffful;

    /// <summary>Bits 79:64, DID.</summary>
    public ushort DomainId => (ushort)Second;

    /// <summary>Bit 128, SRE: privileged requests are served.</summary>
    public bool EnablesSupervisor => (Third & 1) != 0;

    /// <summary>Bit 129, ERE: requests to execute are served.</summary>
    public bool EnablesExecute => (Third & 2) != 0;

    /// <summary>Bits 131:130, FSPM: 0 for four levels of first stage, 1 for five.</summary>
    public int FirstStageMode => (int)(Third >> 2) & 3;

    /// <summary>Bit 132, WPE: privileged requests need the right to write too.</summary>
    public bool ProtectsWrites => (Third & 0x10) != 0;

    /// <summary>Bit 133, NXE: XD of first-stage entries counts.</summary>
    public bool EnablesNoExecute => (Third & 0x20) != 0;

    /// <summary>Bit 134, SMEP: privileged requests cannot execute what the user can.</summary>
    public bool PreventsUserExecution => (Third & 0x40) != 0;

    /// <summary>Bit 135, EAFE: the extended accessed flag of first-stage entries is set.</summary>
    public bool EnablesExtendedAccessed => (Third & 0x80) != 0;

    /// <summary>Bits 191:140: the root of the first stage.</summary>
    public ulong FirstStage => Third & ~0xffful;

    /// <summary>Whether the first stage is looked at: it alone, or on top of the second.</summary>
    public bool UsesFirstStage => Type is VtdPasidType.FirstStage or VtdPasidType.Nested;

    /// <summary>Bit 88, PWSNP: page walks snoop the CPU's caches. Where ECAP.SMPWCS is 1.</summary>
    public bool WalksSnoop => (Second & SnoopsWalk) != 0;

    /// <summary>Whether a bit is set that the specification reserves, in these quadwords.</summary>
    public bool HasReservedBits => (First & FirstReserved) != 0 || (Second & SecondReserved) != 0 || (Third & ThirdReserved) != 0;

    /// <summary>A present entry that translates by the first stage.</summary>
    /// <param name="root">The root of the first stage.</param>
    /// <param name="mode">0 for four levels, 1 for five.</param>
    /// <param name="domainId">The domain.</param>
    /// <param name="walksSnoop">Whether page walks snoop the CPU's caches.</param>
    /// <param name="enablesNoExecute">Whether XD of the tables' entries counts.</param>
    public static VtdPasidEntry OfFirstStage(ulong root, int mode, ushort domainId, bool walksSnoop, bool enablesNoExecute) => new(
        Present | ((ulong)VtdPasidType.FirstStage << TypeShift),
        domainId | (walksSnoop ? SnoopsWalk : 0),
        root | ((ulong)(uint)(mode & 3) << ModeShift) | (enablesNoExecute ? NoExecute : 0));

    /// <summary>A present entry that translates by the second stage.</summary>
    /// <param name="root">The root of the second stage.</param>
    /// <param name="width">1 for 39 bits, 2 for 48, 3 for 57.</param>
    /// <param name="domainId">The domain.</param>
    /// <param name="walksSnoop">Whether page walks snoop the CPU's caches.</param>
    public static VtdPasidEntry OfSecondStage(ulong root, int width, ushort domainId, bool walksSnoop) => new(
        Present | root | ((ulong)(uint)(width & 7) << WidthShift) | ((ulong)VtdPasidType.SecondStage << TypeShift),
        domainId | (walksSnoop ? SnoopsWalk : 0),
        0);

    /// <summary>A present entry that translates by a first stage, whose addresses the second stage translates.</summary>
    /// <param name="secondRoot">The root of the second stage.</param>
    /// <param name="width">Its width: 1 for 39 bits, 2 for 48, 3 for 57.</param>
    /// <param name="firstRoot">The root of the first stage, an address that the second stage translates.</param>
    /// <param name="mode">0 for four levels of first stage, 1 for five.</param>
    /// <param name="domainId">The domain.</param>
    /// <param name="walksSnoop">Whether page walks snoop the CPU's caches.</param>
    /// <param name="enablesNoExecute">Whether XD of the first stage's entries counts.</param>
    public static VtdPasidEntry OfNested(
        ulong secondRoot, int width, ulong firstRoot, int mode, ushort domainId, bool walksSnoop, bool enablesNoExecute) => new(
        Present | secondRoot | ((ulong)(uint)(width & 7) << WidthShift) | ((ulong)VtdPasidType.Nested << TypeShift),
        domainId | (walksSnoop ? SnoopsWalk : 0),
        firstRoot | ((ulong)(uint)(mode & 3) << ModeShift) | (enablesNoExecute ? NoExecute : 0));

    /// <summary>A present entry that passes through.</summary>
    /// <param name="domainId">The domain.</param>
    /// <param name="walksSnoop">Whether page walks snoop the CPU's caches, should the type change.</param>
    public static VtdPasidEntry OfPassThrough(ushort domainId, bool walksSnoop) => new(
        Present | ((ulong)VtdPasidType.PassThrough << TypeShift), domainId | (walksSnoop ? SnoopsWalk : 0), 0);
}
