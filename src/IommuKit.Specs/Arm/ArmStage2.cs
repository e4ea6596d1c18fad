using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Arm;

/// <summary>Stage 2: reads and writes are one bit each, and the memory type is in the leaf.</summary>
/// <remarks>
/// There is no bit for <see cref="Protection.Privileged"/>. <see cref="Protection.Mmio"/> wins over <see cref="Protection.Cache"/>.
/// The memory types are those for SMMUs that do not override the type of stage 1 (S2FWB = 0).
/// </remarks>
public readonly struct ArmStage2 : IArmStage
{
    /// <summary>MemAttr: outer and inner write-back cacheable.</summary>
    public const int WriteBack = 0xf;

    /// <summary>MemAttr: outer and inner non-cacheable.</summary>
    public const int NonCacheable = 0x5;

    /// <summary>MemAttr: device, nGnRE.</summary>
    public const int Device = 0x1;

    private const ulong WriteBackBits = (ulong)WriteBack << ArmLpaeDescriptor.MemoryTypeShift;
    private const ulong NonCacheableBits = (ulong)NonCacheable << ArmLpaeDescriptor.MemoryTypeShift;
    private const ulong DeviceBits = (ulong)Device << ArmLpaeDescriptor.MemoryTypeShift;

    /// <inheritdoc/>
    public static string Name => "s2";

    /// <inheritdoc/>
    public static bool ConcatenatesTables => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        ArmLpaeDescriptor.Valid
        | ArmLpaeDescriptor.AccessFlag
        | ((protection & Protection.Read) != 0 ? ArmLpaeDescriptor.Stage2Readable : 0)
        | ((protection & Protection.Write) != 0 ? ArmLpaeDescriptor.Stage2Writable : 0)
        | ((protection & Protection.NoExecute) != 0 ? ArmLpaeDescriptor.Stage2NoExecute : 0)
        | ((protection & Protection.Cache) != 0 ? ArmLpaeDescriptor.InnerShareable : ArmLpaeDescriptor.OuterShareable)
        | ((protection & Protection.Mmio) != 0 ? DeviceBits : (protection & Protection.Cache) != 0 ? WriteBackBits : NonCacheableBits);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry) =>
        ((entry & ArmLpaeDescriptor.Stage2Readable) != 0 ? Protection.Read : 0)
        | ((entry & ArmLpaeDescriptor.Stage2Writable) != 0 ? Protection.Write : 0)
        | ((entry & ArmLpaeDescriptor.NoExecute) != 0 ? Protection.NoExecute : 0)
        | ((entry & ArmLpaeDescriptor.MemoryTypeMask) == WriteBackBits ? Protection.Cache : 0)
        | ((entry & ArmLpaeDescriptor.MemoryTypeNormal) == 0 ? Protection.Mmio : 0);

    /// <inheritdoc/>
    // There are no limits in pointers at this stage.
    public static Protection TableProtection(ulong entry) => Protection.Read | Protection.Write;
}
