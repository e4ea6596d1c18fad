namespace IommuKit.Specs.Smmu3;

/// <summary>
/// A record of the page request queue (IHI 0070, section 8.1).
/// <code>
///  lower  31:0 StreamID, 51:32 SubstreamID, 58 Priv, 59 X, 60 R, 61 W, 62 Last, 63 SSV
///  upper  8:0 PRGIndex, 63:12 page
/// </code>
/// </summary>
/// <param name="Lower">Bits 63:0.</param>
/// <param name="Upper">Bits 127:64.</param>
public readonly record struct Smmu3PageRequest(ulong Lower, ulong Upper)
{
    /// <summary>Bytes of a record.</summary>
    public const int Bytes = 16;

    private const int PrivilegedBit = 58;
    private const int ExecuteBit = 59;
    private const int ReadBit = 60;
    private const int WriteBit = 61;
    private const int LastBit = 62;
    private const int SubstreamValidBit = 63;

    /// <summary>Makes a record.</summary>
    /// <param name="stream">The device.</param>
    /// <param name="substream">The substream, or null.</param>
    /// <param name="address">The page.</param>
    /// <param name="group">PRGIndex, 0 to 511.</param>
    /// <param name="isRead">Whether it is to be read.</param>
    /// <param name="isWrite">Whether it is to be written.</param>
    /// <param name="isLast">Whether the group ends here; the answer is to the whole group.</param>
    /// <param name="isExecute">Whether it is to be executed.</param>
    /// <param name="isPrivileged">Whether it is wanted with privilege.</param>
    public static Smmu3PageRequest Create(
        uint stream,
        uint? substream,
        ulong address,
        int group,
        bool isRead,
        bool isWrite,
        bool isLast,
        bool isExecute = false,
        bool isPrivileged = false) => new(
        stream
            | (substream is { } id ? ((ulong)(id & 0xf_ffff) << 32) | (1ul << SubstreamValidBit) : 0)
            | Bit(isPrivileged, PrivilegedBit)
            | Bit(isExecute, ExecuteBit)
            | Bit(isRead, ReadBit)
            | Bit(isWrite, WriteBit)
            | Bit(isLast, LastBit),
        (address & ~0xffful) | ((uint)group & 0x1ff));

    /// <summary>StreamID.</summary>
    public uint StreamId => (uint)Lower;

    /// <summary>The substream, or null.</summary>
    public uint? SubstreamId => Lower >> SubstreamValidBit != 0 ? (uint)(Lower >> 32) & 0xf_ffff : null;

    /// <summary>Last.</summary>
    public bool IsLast => (Lower >> LastBit & 1) != 0;

    /// <summary>Whether it tells that a device has stopped to use a substream: Last without R and W, with a substream.</summary>
    public bool IsStopMarker => Lower >> ReadBit == 0xc;

    /// <summary>The page.</summary>
    public ulong Address => Upper & ~0xffful;

    /// <summary>PRGIndex.</summary>
    public int Group => (int)Upper & 0x1ff;

    private static ulong Bit(bool value, int bit) => value ? 1ul << bit : 0;
}
