using System.Buffers.Binary;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>Page walks with 32-bit descriptors, under the lock (Arm ARM, section G5.4). Domains are not looked at: an SMMU has no DACR.</content>
public sealed partial class Smmu2Model<TMemory>
{
    private const uint TablePrivilegedExecuteNever = 1u << 2;
    private const uint AccessPermissions = 3u << 4;

    private Smmu2Fault WalkShort(
        Smmu2Path path, in Smmu2Stage stage, ulong address, Smmu2Access access, bool endsAtIpa, long drops, out Smmu2Page page)
    {
        page = default;
        ulong table = 0;
        ulong limits = 0;
        if (!_tables.TryFind(
            address >> Smmu2Stage.SectionShift, path.Tag | Smmu2Tags.ClassOf(Smmu2Stage.SectionShift), Smmu2Tags.LookUpMask, out var cached))
        {
            ulong index = (address & ((1ul << stage.InputBits) - 1)) >> Smmu2Stage.SectionShift;
            var fault = ReadEntry(path, stage, stage.Root + (index * sizeof(uint)), level: 1, drops, out uint directory);
            if (!fault.IsNone)
            {
                return fault;
            }

            uint type = directory & ArmShortDescriptor.TypeMask;
            if (type == 0)
            {
                return new Smmu2Fault(Smmu2Bank.Faults.Translation, Level: 1);
            }

            if (type != ArmShortDescriptor.Table)
            {
                return FinishSection(path, stage, address, access, directory, endsAtIpa, drops, out page);
            }

            table = directory & ArmShortDescriptor.TableMask;
            limits = directory & TablePrivilegedExecuteNever;
            AddTable(address, Smmu2Stage.SectionShift, path.Tag, table, limits, drops);
        }
        else
        {
            (table, limits) = (cached.A, cached.B);
        }

        ulong place = table + (((address >> ArmShortDescriptor.SmallPageShift) & 0xff) * sizeof(uint));
        var failed = ReadEntry(path, stage, place, level: 2, drops, out uint entry);
        if (!failed.IsNone)
        {
            return failed;
        }

        if ((entry & ArmShortDescriptor.TypeMask) == 0)
        {
            return new Smmu2Fault(Smmu2Bank.Faults.Translation, Level: 2);
        }

        bool isSmall = (entry & ArmShortDescriptor.SmallPage) != 0;
        int shift = isSmall ? ArmShortDescriptor.SmallPageShift : ArmShortDescriptor.LargePageShift;
        uint attributes = isSmall ? entry : ArmShortDescriptor.FromLargePage(entry);
        return FinishShort(
            path, stage, address, access, entry >> shift << shift, shift, attributes, limits != 0, level: 2, endsAtIpa, drops, out page);
    }

    private Smmu2Fault FinishSection(
        Smmu2Path path, in Smmu2Stage stage, ulong address, Smmu2Access access, uint entry, bool endsAtIpa, long drops, out Smmu2Page page)
    {
        bool isSuper = (entry & ArmShortDescriptor.Supersection) != 0;
        int shift = isSuper ? ArmShortDescriptor.SupersectionShift : ArmShortDescriptor.SectionShift;
        ulong output = entry >> shift << shift;
        if (isSuper)
        {
            output |= ((ulong)(entry >> 20 & 0xf) << 32) | ((ulong)(entry >> 5 & 0xf) << 36);
            if (output >> stage.OutputBits != 0)
            {
                page = default;
                return new Smmu2Fault(Smmu2Bank.Faults.AddressSize, Level: 1);
            }
        }

        // Bit 0 of a section is PXN.
        uint attributes = ArmShortDescriptor.FromSection(entry);
        return FinishShort(path, stage, address, access, output, shift, attributes, (entry & 1) != 0, level: 1, endsAtIpa, drops, out page);
    }

    /// <summary>What a leaf says, if its access flag lets it.</summary>
    /// <param name="path">The path.</param>
    /// <param name="stage">Its stage.</param>
    /// <param name="address">The address.</param>
    /// <param name="access">What is wanted.</param>
    /// <param name="output">Where the page begins.</param>
    /// <param name="shift">Log2 of its size.</param>
    /// <param name="attributes">Its attributes, at their places in a small page.</param>
    /// <param name="isPrivilegedExecuteNever">PXN.</param>
    /// <param name="level">Its level.</param>
    /// <param name="endsAtIpa">Whether stage 2 is not asked for the page.</param>
    /// <param name="drops">What was dropped when the walk began.</param>
    /// <param name="page">The page.</param>
    private Smmu2Fault FinishShort(
        Smmu2Path path,
        in Smmu2Stage stage,
        ulong address,
        Smmu2Access access,
        ulong output,
        int shift,
        uint attributes,
        bool isPrivilegedExecuteNever,
        int level,
        bool endsAtIpa,
        long drops,
        out Smmu2Page page)
    {
        bool isUnused = stage.Has(Smmu2StageFlags.AccessFlag) && (attributes & ArmShortDescriptor.AccessFlag) == 0;
        if (isUnused && !stage.Has(Smmu2StageFlags.IgnoresAccessFlag))
        {
            page = default;
            return new Smmu2Fault(Smmu2Bank.Faults.AccessFlag, Level: level);
        }

        ulong rights = ShortRights(attributes, stage, isPrivilegedExecuteNever)
            | ((ulong)ShortType(attributes, stage) << Smmu2Rights.TypeShift)
            | ((attributes & ArmShortDescriptor.Shareable) != 0 ? 2ul << Smmu2Rights.ShareShift : 0)
            | ((ulong)(uint)level << Smmu2Rights.LevelShift);
        var first = new Smmu2Page(output, output, rights, shift);
        return Finish(path, address, access, first, (attributes & ArmShortDescriptor.NotGlobal) == 0, endsAtIpa, drops, out page);
    }

    private static ulong ShortRights(uint attributes, in Smmu2Stage stage, bool isPrivilegedExecuteNever)
    {
        bool hasAccessFlag = stage.Has(Smmu2StageFlags.AccessFlag);
        bool isReadOnly = (attributes & ArmShortDescriptor.ReadOnly) != 0;
        uint permissions = (attributes & AccessPermissions) >> 4;
        var (isUser, isUserWritable, isReadable) = hasAccessFlag
            ? ((attributes & ArmShortDescriptor.Unprivileged) != 0, (attributes & ArmShortDescriptor.Unprivileged) != 0 && !isReadOnly, true)
            : isReadOnly ? (permissions is 2 or 3, false, permissions != 0)
            : (permissions is 2 or 3, permissions == 3, permissions != 0);
        bool userExecutes = (attributes & ArmShortDescriptor.NoExecute) == 0;
        bool executes = userExecutes && !isPrivilegedExecuteNever;
        LimitExecution(stage, isUserWritable, isReadable && !isReadOnly, ref userExecutes, ref executes);
        ulong user = (isUser ? Smmu2Rights.Read : 0)
            | (isUserWritable ? Smmu2Rights.Write : 0)
            | (isUser && userExecutes ? Smmu2Rights.Execute : 0);
        ulong privileged = !isReadable ? 0 : Smmu2Rights.Read
            | (isReadOnly ? 0 : Smmu2Rights.Write)
            | (executes ? Smmu2Rights.Execute : 0);
        return user | (privileged << Smmu2Rights.PrivilegedShift);
    }

    /// <summary>The memory type, as MAIR would say it: by TEX, C and B, or what PRRR and NMRR make of TEX[0], C and B.</summary>
    private static int ShortType(uint attributes, in Smmu2Stage stage)
    {
        int extension = (int)(attributes & ArmShortDescriptor.TypeExtensionMask) >> 6;
        int cached = (int)(attributes & (ArmShortDescriptor.Cacheable | ArmShortDescriptor.Bufferable)) >> 2;
        if (stage.Has(Smmu2StageFlags.Remap))
        {
            int index = (extension & 1) << 2 | cached;
            int type = (int)(stage.MemoryTypes >> (2 * index)) & 3;
            ulong caching = stage.MemoryTypes >> 32;
            return type == 0 ? 0
                : type == 1 ? Smmu2Rights.DeviceType
                : (HalfOf((int)(caching >> (16 + (2 * index))) & 3) << 4) | HalfOf((int)(caching >> (2 * index)) & 3);
        }

        return (extension, cached) switch
        {
            ( >= 4, _) => (HalfOf(extension & 3) << 4) | HalfOf(cached),
            (0, 0) => 0,
            (0, 1) or (2, 0) => Smmu2Rights.DeviceType,
            (0, _) => (HalfOf(cached) << 4) | HalfOf(cached),
            (1, 3) => Smmu2Rights.WriteBack,
            (1, 0) => Smmu2Rights.NonCacheable,

            // Reserved, or of the implementation.
            _ => Smmu2Rights.WriteBack,
        };

        // Not cached; write-back, write-allocate; write-through; write-back.
        static int HalfOf(int code) => code switch { 0 => 4, 1 => 0xf, 2 => 0xa, _ => 0xe };
    }

    private Smmu2Fault ReadEntry(Smmu2Path path, in Smmu2Stage stage, ulong entry, int level, long drops, out uint value)
    {
        value = 0;
        var reached = ReachTable(path, entry, drops, out ulong place);
        if (!reached.IsNone)
        {
            return reached;
        }

        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        _entriesRead++;
        if (IsTooWide(place) || !_memory.TryRead(place, bytes))
        {
            return NoAnswer(path, level, entry);
        }

        value = stage.Has(Smmu2StageFlags.BigEndian) ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return default;
    }
}
