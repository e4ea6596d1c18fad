using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Smmu2;

/// <summary>
/// The rights of a page in the IOTLB, of both stages, with what else is known of it.
/// <code>
///  2:0 unprivileged R, W, X    5:3 privileged R, W, X    8:6 stage 2 R, W, X
///  23:16 memory type as in MAIR    25:24 shareability    29:28 level of stage 1    31:30 level of stage 2
/// </code>
/// </summary>
internal static class Smmu2Rights
{
    public const ulong Read = 1;
    public const ulong Write = 2;
    public const ulong Execute = 4;
    public const int PrivilegedShift = 3;
    public const ulong Stage1All = 0x3f;
    public const int Stage2Shift = 6;
    public const ulong Stage2All = 7ul << Stage2Shift;

    public const int TypeShift = 16;
    public const int ShareShift = 24;
    public const int LevelShift = 28;
    public const int SecondLevelShift = 30;

    public const int WriteBack = 0xff;
    public const int NonCacheable = 0x44;
    public const int DeviceType = 0x04;

    // Attributes above the rights.
    private const ulong Attributes = 0x03ff_0000;

    /// <summary>The rights of stage 1 that an access needs.</summary>
    public static ulong NeededOfFirst(Smmu2Access access) =>
        (access & Smmu2Access.Privileged) != 0 ? Needed(access) << PrivilegedShift : Needed(access);

    /// <summary>The rights of stage 2 that an access needs.</summary>
    public static ulong NeededOfSecond(Smmu2Access access) => Needed(access) << Stage2Shift;

    /// <summary>Whether the memory type is one of devices.</summary>
    public static bool IsDevice(ulong rights) => (rights >> TypeShift & 0xf0) == 0;

    /// <summary>What a device is told of a page.</summary>
    public static Protection ProtectionOf(ulong rights, bool isPrivileged)
    {
        ulong both = (isPrivileged ? rights >> PrivilegedShift : rights) & (rights >> Stage2Shift);
        return ((both & Read) != 0 ? Protection.Read : 0)
            | ((both & Write) != 0 ? Protection.Write : 0)
            | ((both & Execute) != 0 ? 0 : Protection.NoExecute)
            | ((rights & Read) == 0 ? Protection.Privileged : 0)
            | (IsDevice(rights) ? Protection.Mmio : 0);
    }

    /// <summary>Both stages: what both allow, and the stronger memory type.</summary>
    public static ulong Combine(ulong first, ulong second)
    {
        ulong levels = (first & (3ul << LevelShift)) | (second & (3ul << SecondLevelShift));
        ulong attributes = IsDevice(first) || !IsDevice(second) ? first & Attributes : second & Attributes;
        return (first & Stage1All) | (second & Stage2All) | attributes | levels;
    }

    private static ulong Needed(Smmu2Access access) =>
        ((access & Smmu2Access.Write) != 0 ? Write : 0)
        | ((access & Smmu2Access.Execute) != 0 ? Execute : (access & Smmu2Access.Read) != 0 ? Read : 0);
}
