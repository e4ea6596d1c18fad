namespace IommuKit.Specs.Vtd;

/// <summary>
/// A page request of a device, as it stands in the page request queue (VT-d specification, section 7.5.1): 256 bits, of which the upper two
/// quadwords are private data.
/// <code>
///           63:54  53    52    51:32  31:16  15:10  9    8   7:0
///   first   -      PRIV  EXE   PASID  RID    -      PDP  PP  type = 1
///           63:12    11:3   2     1      0
///   second  address  group  last  write  read
/// </code>
/// </summary>
/// <param name="Source">The device.</param>
/// <param name="Address">The page.</param>
/// <param name="Group">The page request group, 9 bits.</param>
/// <param name="Pasid">The PASID, or null.</param>
/// <param name="IsRead">Whether it wants to read.</param>
/// <param name="IsWrite">Whether it wants to write.</param>
/// <param name="IsLast">Whether it is the last request of its group.</param>
/// <param name="IsExecute">Whether it wants to execute.</param>
/// <param name="IsPrivileged">Whether it is privileged.</param>
public readonly record struct VtdPageRequest(
    ushort Source,
    ulong Address,
    int Group,
    int? Pasid = null,
    bool IsRead = true,
    bool IsWrite = false,
    bool IsLast = true,
    bool IsExecute = false,
    bool IsPrivileged = false)
{
    /// <summary>Bytes of a request in the queue.</summary>
    public const int Bytes = 32;

    /// <summary>The first quadword.</summary>
    public ulong First =>
        1
        | (Pasid is { } pasid ? (1ul << 8) | ((ulong)(pasid & 0xf_ffff) << 32) : 0)
        | ((ulong)Source << 16)
        | (IsExecute ? 1ul << 52 : 0)
        | (IsPrivileged ? 1ul << 53 : 0);

    /// <summary>The second quadword.</summary>
    public ulong Second =>
        (Address & ~0xffful) | ((ulong)(Group & 0x1ff) << 3) | (IsLast ? 4ul : 0) | (IsWrite ? 2ul : 0) | (IsRead ? 1ul : 0);
}
