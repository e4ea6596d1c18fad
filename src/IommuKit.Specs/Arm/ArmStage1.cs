using System.Runtime.CompilerServices;
using IommuKit.Specs.PageTables;

namespace IommuKit.Specs.Arm;

/// <summary>
/// Stage 1: what can be read is always there, writes and privilege are one bit each, and the memory type is a number that MAIR
/// explains.
/// </summary>
/// <remarks>
/// A leaf without <see cref="Protection.Read"/> can be read. <see cref="Protection.Mmio"/> wins over <see cref="Protection.Cache"/>.
/// Memory that is not cached is outer shareable, as in Linux since 5.10.
/// </remarks>
public readonly struct ArmStage1 : IArmStage
{
    /// <summary>The byte of MAIR that must describe memory which is not cached (0x44).</summary>
    public const int NonCacheableIndex = 0;

    /// <summary>The byte of MAIR that must describe cached memory (0xff).</summary>
    public const int CacheIndex = 1;

    /// <summary>The byte of MAIR that must describe a device (0x04).</summary>
    public const int DeviceIndex = 2;

    private const ulong CacheBits = (ulong)CacheIndex << ArmLpaeDescriptor.AttributeIndexShift;
    private const ulong DeviceBits = (ulong)DeviceIndex << ArmLpaeDescriptor.AttributeIndexShift;
    private const ulong NoExecuteBits = ArmLpaeDescriptor.NoExecute | ArmLpaeDescriptor.PrivilegedNoExecute;

    /// <inheritdoc/>
    public static string Name => "s1";

    /// <inheritdoc/>
    public static bool ConcatenatesTables => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LeafAttributes(Protection protection) =>
        ArmLpaeDescriptor.Valid
        | ArmLpaeDescriptor.NotGlobal
        | ArmLpaeDescriptor.AccessFlag
        | ((protection & Protection.Privileged) == 0 ? ArmLpaeDescriptor.Unprivileged : 0)
        | ((protection & Protection.Write) == 0 ? ArmLpaeDescriptor.ReadOnly : 0)
        | ((protection & Protection.NoExecute) != 0 ? NoExecuteBits : 0)
        | ((protection & Protection.Cache) != 0 ? ArmLpaeDescriptor.InnerShareable : ArmLpaeDescriptor.OuterShareable)
        | ((protection & Protection.Mmio) != 0 ? DeviceBits : (protection & Protection.Cache) != 0 ? CacheBits : 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection LeafProtection(ulong entry)
    {
        ulong index = entry & ArmLpaeDescriptor.AttributeIndexMask;
        return Protection.Read
            | ((entry & ArmLpaeDescriptor.ReadOnly) == 0 ? Protection.Write : 0)
            | ((entry & ArmLpaeDescriptor.Unprivileged) == 0 ? Protection.Privileged : 0)
            | ((entry & ArmLpaeDescriptor.NoExecute) != 0 ? Protection.NoExecute : 0)
            | (index == CacheBits ? Protection.Cache : 0)
            | (index == DeviceBits ? Protection.Mmio : 0);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Protection TableProtection(ulong entry) =>
        Protection.Read
        | ((entry & ArmLpaeDescriptor.TableReadOnly) == 0 ? Protection.Write : 0)
        | ((entry & ArmLpaeDescriptor.TablePrivileged) != 0 ? Protection.Privileged : 0)
        | ((entry & ArmLpaeDescriptor.TableNoExecute) != 0 ? Protection.NoExecute : 0);
}
