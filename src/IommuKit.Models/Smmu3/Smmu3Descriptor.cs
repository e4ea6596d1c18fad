using System.Runtime.CompilerServices;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <summary>
/// What a descriptor of a table says (Arm ARM, chapter D8). Read here and not by the formats, as there is more in one than a driver writes: access flag
/// and dirty state, limits by level of privilege, 52-bit addresses of every granule.
/// </summary>
internal static class Smmu3Descriptor
{
    private const ulong TableExecuteNever = ArmLpaeDescriptor.TableNoExecute;
    private const ulong TablePrivilegedExecuteNever = 1ul << 59;
    public const ulong TableLimits = TableExecuteNever
        | TablePrivilegedExecuteNever
        | ArmLpaeDescriptor.TablePrivileged
        | ArmLpaeDescriptor.TableReadOnly;

    // What a descriptor says of rights and memory: all but its address.
    public const ulong RightsMask = 0xfff8_0000_0000_0fff;

    // What a descriptor is that points to the next table.
    public const Smmu3EventType NextTable = (Smmu3EventType)(-2);

    /// <summary>What a descriptor is, and the address in it.</summary>
    /// <returns>None for a page or block, <see cref="NextTable"/>, or a fault.</returns>
    public static Smmu3EventType Decode(ulong value, int level, in Smmu3Stage stage, out ulong output)
    {
        output = 0;
        bool hasSecondBit = (value & ArmLpaeDescriptor.TableOrPage) != 0;
        if ((value & ArmLpaeDescriptor.Valid) == 0 || (!hasSecondBit && !stage.HasBlocks(level)))
        {
            return Smmu3EventType.Translation;
        }

        bool isTable = hasSecondBit && level < Smmu3Stage.LastLevel;
        output = stage.AddressOf(value, isTable ? stage.Granule : stage.ShiftOf(level));
        return output >> stage.OutputBits != 0 ? Smmu3EventType.AddressSize
            : isTable ? NextTable
            : (value & ArmLpaeDescriptor.AccessFlag) == 0 && !stage.Has(Smmu3StageFlags.SetsAccessFlag | Smmu3StageFlags.IgnoresAccessFlag)
                ? Smmu3EventType.AccessFlag
            : Smmu3EventType.None;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong FirstRights(ulong value, ulong limits, in Smmu3Stage stage, ulong memoryTypes)
    {
        bool isOneRange = stage.Has(Smmu3StageFlags.OneRange);
        bool isUser = (value & ArmLpaeDescriptor.Unprivileged) != 0 && (limits & ArmLpaeDescriptor.TablePrivileged) == 0;
        bool isLimited = (limits & ArmLpaeDescriptor.TableReadOnly) != 0;
        bool isReadOnly = (value & ArmLpaeDescriptor.ReadOnly) != 0;
        bool isClean = isReadOnly
            && !isLimited
            && (value & ArmLpaeDescriptor.DirtyBitModifier) != 0
            && stage.Has(Smmu3StageFlags.SetsDirtyState);
        bool isWritable = (!isReadOnly && !isLimited) || isClean;
        bool userExecutes = (value & ArmLpaeDescriptor.NoExecute) == 0 && (limits & TableExecuteNever) == 0;
        bool executes = (value & ArmLpaeDescriptor.PrivilegedNoExecute) == 0
            && (limits & TablePrivilegedExecuteNever) == 0
            && !(isUser && isWritable);
        if (isOneRange)
        {
            // Everybody is privileged, and there is one bit that forbids execution.
            isUser = true;
            executes = userExecutes;
        }

        if (stage.Has(Smmu3StageFlags.WriteExecuteNever))
        {
            userExecutes &= !(isUser && isWritable);
            executes &= !isWritable;
        }

        bool isKeptFromPrivileged = !isOneRange
            && stage.Has(Smmu3StageFlags.PrivilegedAccessNever)
            && (isUser || (stage.Has(Smmu3StageFlags.ExtendedPan) && userExecutes));
        ulong user = (isUser ? Smmu3Rights.Read : 0)
            | (isUser && isWritable ? Smmu3Rights.Write : 0)
            | (userExecutes ? Smmu3Rights.Execute : 0);
        ulong privileged = (isKeptFromPrivileged ? 0 : Smmu3Rights.Read)
            | (isWritable && !isKeptFromPrivileged ? Smmu3Rights.Write : 0)
            | (executes ? Smmu3Rights.Execute : 0);
        ulong type = (memoryTypes >> ((int)((value & ArmLpaeDescriptor.AttributeIndexMask) >> ArmLpaeDescriptor.AttributeIndexShift) * 8)) & 0xff;
        return user
            | (privileged << Smmu3Rights.PrivilegedShift)
            | (isClean ? Smmu3Rights.Clean1 : 0)
            | (type << Smmu3Rights.TypeShift)
            | ShareOf(value, (int)type, stage);
    }

    public static ulong SecondRights(ulong value, in Smmu3Stage stage)
    {
        bool isReadable = (value & ArmLpaeDescriptor.Stage2Readable) != 0;
        bool isWritable = (value & ArmLpaeDescriptor.Stage2Writable) != 0;
        bool isClean = !isWritable && (value & ArmLpaeDescriptor.DirtyBitModifier) != 0 && stage.Has(Smmu3StageFlags.SetsDirtyState);
        int never = stage.Has(Smmu3StageFlags.ExecutesByLevel) ? (int)(value >> 53) & 3 : (value & ArmLpaeDescriptor.NoExecute) != 0 ? 2 : 0;
        int type = TypeOfSecond((int)(value >> ArmLpaeDescriptor.MemoryTypeShift) & 0xf, stage.Has(Smmu3StageFlags.ForcesWriteBack));
        return Smmu3Rights.Stage1All
            | (isReadable ? Smmu3Rights.SecondRead : 0)
            | (isWritable || isClean ? Smmu3Rights.SecondWrite : 0)
            | (isReadable && never is 0 or 1 ? Smmu3Rights.SecondExecuteUnprivileged : 0)
            | (isReadable && never is 0 or 3 ? Smmu3Rights.SecondExecutePrivileged : 0)
            | (isClean ? Smmu3Rights.Clean2 : 0)
            | ((ulong)(uint)type << Smmu3Rights.TypeShift)
            | ShareOf(value, type, stage);
    }

    private static int TypeOfSecond(int encoded, bool isForced)
    {
        if (isForced)
        {
            return (encoded & 4) == 0 ? (encoded & 3) << 2 : (encoded & 3) switch
            {
                1 => Smmu3Rights.NonCacheableUnlessDevice,
                2 => Smmu3Rights.WriteBack,
                _ => Smmu3Rights.KeepType,
            };
        }

        return encoded < 4 ? encoded << 2 : (HalfOf(encoded >> 2) << 4) | HalfOf(encoded & 3);

        // Non-cacheable, write-through, write-back; 0 is reserved for the inner half.
        static int HalfOf(int two) => two switch { 2 => 0xb, 3 => 0xf, _ => 4 };
    }

    private static ulong ShareOf(ulong value, int type, in Smmu3Stage stage)
    {
        // Devices, and what nobody caches, are outer shareable. With DS, these bits are a part of the address; inner shareable is what software has
        // then.
        ulong share = (type & 0xf0) == 0 || type == Smmu3Rights.NonCacheable ? 2 : stage.Has(Smmu3StageFlags.Lpa2) ? 3 : (value >> 8) & 3;
        return share << Smmu3Rights.ShareShift;
    }
}
