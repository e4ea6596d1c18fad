using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Smmu3;

/// <summary>
/// What a page allows, by stage, in one word as the IOTLB holds it: rights of stage 1 for unprivileged and privileged transactions, rights of stage
/// 2, what a first write has to change, and the memory type.
/// <code>
///  2:0 unprivileged R, W, X    5:3 privileged R, W, X    8:6 stage 2 R, W, X of EL0    9 stage 2 X of EL1    10, 11 clean in stage 1, 2
///  23:16 memory type as in MAIR    25:24 shareability
/// </code>
/// </summary>
internal static class Smmu3Rights
{
    public const ulong Read = 1;
    public const ulong Write = 2;
    public const ulong Execute = 4;
    public const int PrivilegedShift = 3;
    public const ulong Stage1All = 0x3f;

    public const ulong SecondRead = 1ul << 6;
    public const ulong SecondWrite = 1ul << 7;
    public const ulong SecondExecuteUnprivileged = 1ul << 8;
    public const ulong SecondExecutePrivileged = 1ul << 9;
    public const ulong Stage2All = 0xful << 6;

    /// <summary>A write is allowed, but has to be noted in the table of stage 1, or 2, first.</summary>
    public const ulong Clean1 = 1ul << 10;
    public const ulong Clean2 = 1ul << 11;
    public const ulong Clean = Clean1 | Clean2;

    public const int TypeShift = 16;
    public const int ShareShift = 24;

    /// <summary>Write-back, with allocation hints.</summary>
    public const int WriteBack = 0xff;
    public const int NonCacheable = 0x44;
    public const int OuterShareable = 2;

    /// <summary>Types that stage 2 has with S2FWB alone: that of stage 1 stays, or becomes non-cacheable unless it is a device's.</summary>
    public const int KeepType = 0xf1;
    public const int NonCacheableUnlessDevice = 0xf2;

    /// <summary>STE.INSTCFG: all is data, or all that reads is an instruction fetch.</summary>
    public const int AsData = 2;
    public const int AsInstruction = 3;

    private const int Accesses = 16;

    /// <summary>By <see cref="Smmu3Access"/>: the rights of both stages that it needs.</summary>
    public static readonly ulong[] Needed = FindNeeded();

    private static ulong[] FindNeeded()
    {
        ulong[] needed = new ulong[Accesses];
        for (int access = 0; access < Accesses; access++)
        {
            needed[access] = NeededOfFirst((Smmu3Access)access) | NeededOfSecond((Smmu3Access)access);
        }

        return needed;
    }

    public static int TypeOf(ulong rights) => (int)(rights >> TypeShift) & 0xff;

    public static int ShareOf(ulong rights) => (int)(rights >> ShareShift) & 3;

    /// <summary>Whether a memory type is one of devices.</summary>
    public static bool IsDevice(ulong rights) => IsDevice(TypeOf(rights));

    private static bool IsDevice(int type) => (type & 0xf0) == 0;

    /// <summary>The rights of stage 1 that an access needs.</summary>
    public static ulong NeededOfFirst(Smmu3Access access)
    {
        ulong needed = ((access & Smmu3Access.Write) != 0 ? Write : 0)
            | ((access & Smmu3Access.Execute) != 0 ? Execute : (access & Smmu3Access.Read) != 0 ? Read : 0);
        return (access & Smmu3Access.Privileged) != 0 ? needed << PrivilegedShift : needed;
    }

    /// <summary>Whether stage 1 leaves nothing of a page to a device that asks (IHI 0070, section 13.7.1).</summary>
    public static bool GrantsNothing(ulong rights, bool isPrivileged, int instruction)
    {
        ulong first = isPrivileged ? rights >> PrivilegedShift : rights;
        return (first & (Write | (instruction == AsInstruction ? Execute : Read))) == 0;
    }

    /// <summary>The rights of stage 2 that an access needs.</summary>
    public static ulong NeededOfSecond(Smmu3Access access)
    {
        ulong execute = (access & Smmu3Access.Privileged) != 0 ? SecondExecutePrivileged : SecondExecuteUnprivileged;
        return ((access & Smmu3Access.Write) != 0 ? SecondWrite : 0)
            | ((access & Smmu3Access.Execute) != 0 ? execute : (access & Smmu3Access.Read) != 0 ? SecondRead : 0);
    }

    /// <summary>What a device is told of a page. A write that has to be noted first is asked for again.</summary>
    public static Protection ProtectionOf(ulong rights, bool isPrivileged)
    {
        ulong first = isPrivileged ? rights >> PrivilegedShift : rights;
        bool mayExecute = (rights & (isPrivileged ? SecondExecutePrivileged : SecondExecuteUnprivileged)) != 0 && (first & Execute) != 0;
        return ((first & Read) != 0 && (rights & SecondRead) != 0 ? Protection.Read : 0)
            | ((first & Write) != 0 && (rights & (SecondWrite | Clean)) == SecondWrite ? Protection.Write : 0)
            | (mayExecute ? 0 : Protection.NoExecute)
            | ((rights & Read) == 0 ? Protection.Privileged : 0)
            | (IsDevice(rights) ? Protection.Mmio : 0);
    }

    /// <summary>Both stages: what both allow, and the stronger memory type.</summary>
    public static ulong Combine(ulong first, ulong second, bool isForced)
    {
        ulong rights = (first & (Stage1All | Clean1)) | (second & (Stage2All | Clean2));
        int type = isForced ? ForceType(TypeOf(first), TypeOf(second)) : StrongerType(TypeOf(first), TypeOf(second));
        int share = IsDevice(type) || type == NonCacheable ? OuterShareable : StrongerShare(ShareOf(first), ShareOf(second));
        return rights | ((ulong)(uint)type << TypeShift) | ((ulong)(uint)share << ShareShift);
    }

    private static int ForceType(int first, int second) => second switch
    {
        KeepType => first,
        NonCacheableUnlessDevice => IsDevice(first) ? first : NonCacheable,
        _ => second,
    };

    private static int StrongerType(int first, int second)
    {
        bool isFirstDevice = IsDevice(first);
        bool isSecondDevice = IsDevice(second);
        return isFirstDevice && isSecondDevice ? Math.Min(first, second)
            : isFirstDevice ? first
            : isSecondDevice ? second
            : (StrongerHalf(first >> 4, second >> 4) << 4) | StrongerHalf(first & 0xf, second & 0xf);
    }

    // NC < WT < WB; allocation hints are those of the first.
    private static int StrongerHalf(int one, int two)
    {
        int rank = Math.Min(Rank(one), Rank(two));
        return rank == 0 ? 4 : rank == 1 ? (one & 3) | 8 : one;
    }

    private static int Rank(int half) => half == 4 ? 0 : (half & 0xc) is 8 or 0 ? 1 : 2;

    private static int StrongerShare(int one, int two) => one == OuterShareable || two == OuterShareable ? OuterShareable : one | two;
}
