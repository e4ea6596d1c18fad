namespace IommuKit.Specs.Vtd;

/// <summary>
/// A context entry of scalable mode: where a device's PASIDs are looked up (VT-d specification, section 9.4). It has 256 bits; the upper two
/// quadwords are reserved.
/// <code>
///          63:21  20        19:0             63:12            11:9  8:5  4    3       2    1    0
///   second -      RID_PRIV  RID_PASID  first  PASID directory  PDTS  -    PRE  PASIDE  DTE  FPD  P
/// </code>
/// </summary>
/// <param name="First">Bits 63:0.</param>
/// <param name="Second">Bits 127:64.</param>
/// <param name="Third">Bits 191:128.</param>
/// <param name="Fourth">Bits 255:192.</param>
public readonly record struct VtdScalableContextEntry(ulong First, ulong Second, ulong Third, ulong Fourth)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 32;

    /// <summary>Bits of a PASID that the smallest directory covers.</summary>
    public const int MinPasidBits = 13;

    private const ulong FirstReserved = 0x1e0;
    private const ulong SecondReserved = ~0x1f_fffful;

    /// <summary>Bit 0, P.</summary>
    public bool IsPresent => (First & 1) != 0;

    /// <summary>Bit 1, FPD: faults of the device are not recorded.</summary>
    public bool DisablesFaults => (First & 2) != 0;

    /// <summary>Bit 2, DTE: the device may have a TLB.</summary>
    public bool EnablesDeviceTlb => (First & 4) != 0;

    /// <summary>Bit 3, PASIDE: its requests may carry a PASID.</summary>
    public bool EnablesPasid => (First & 8) != 0;

    /// <summary>Bit 4, PRE: it may request pages.</summary>
    public bool EnablesPageRequests => (First & 16) != 0;

    /// <summary>Bits 11:9, PDTS: the directory has 2^(PDTS + 7) entries, for 64 PASIDs each.</summary>
    public int DirectorySize => (int)(First >> 9) & 7;

    /// <summary>Bits of a PASID that the directory covers.</summary>
    public int PasidBits => DirectorySize + MinPasidBits;

    /// <summary>Bits 63:12: the PASID directory.</summary>
    public ulong Directory => First & ~0xffful;

    /// <summary>Bits 83:64, RID_PASID: the PASID of requests that carry none.</summary>
    public int RequestPasid => (int)(Second & 0xf_ffff);

    /// <summary>Bit 84, RID_PRIV: requests that carry no PASID are privileged.</summary>
    public bool IsRequestPrivileged => (Second >> 20 & 1) != 0;

    /// <summary>Whether a bit is set that the specification reserves.</summary>
    public bool HasReservedBits => (First & FirstReserved) != 0 || (Second & SecondReserved) != 0 || Third != 0 || Fourth != 0;

    /// <summary>A present entry.</summary>
    /// <param name="directory">The PASID directory.</param>
    /// <param name="directorySize">PDTS: the directory has 2^(PDTS + 7) entries.</param>
    /// <param name="requestPasid">The PASID of requests that carry none.</param>
    /// <param name="enablesPasid">Whether requests may carry one.</param>
    /// <param name="enablesDeviceTlb">Whether the device may have a TLB.</param>
    public static VtdScalableContextEntry Create(
        ulong directory, int directorySize, int requestPasid, bool enablesPasid, bool enablesDeviceTlb) => new(
        1 | (enablesDeviceTlb ? 4ul : 0) | (enablesPasid ? 8ul : 0) | ((ulong)(uint)(directorySize & 7) << 9) | directory,
        (uint)requestPasid & 0xf_ffff,
        0,
        0);
}
