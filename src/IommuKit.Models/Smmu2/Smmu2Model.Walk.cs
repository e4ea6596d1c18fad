using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using IommuKit.Models.Caches;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Smmu2;

/// <content>
/// Page walks with 64-bit descriptors, under the lock (Arm ARM, chapters D8 and G5). Descriptors are read here and not by the formats, as there is
/// more in them than a driver writes: limits in tables, rights by level of privilege, memory types.
/// </content>
public sealed partial class Smmu2Model<TMemory>
{
    private const ulong TablePrivilegedNoExecute = 1ul << 59;
    private const ulong TableLimits = ArmLpaeDescriptor.TableNoExecute
        | TablePrivilegedNoExecute
        | ArmLpaeDescriptor.TablePrivileged
        | ArmLpaeDescriptor.TableReadOnly;

    // Sizes of stage 1's pages of which pieces are cached, as stage 2's are smaller.
    private ulong _brokenSizes;

    // What a descriptor is that points to the next table.
    private const uint NextTable = 1;

    /// <summary>Walks stage 2.</summary>
    private Smmu2Fault WalkSecond(Smmu2Path path, ulong address, bool isWalk, long drops, out Smmu2Page page)
    {
        page = default;
        var stage = path.Second;
        if (stage.Has(Smmu2StageFlags.Disabled) || address >> stage.InputBits != 0)
        {
            return Fail(Smmu2Bank.Faults.Translation, stage.FirstLevel);
        }

        if (stage.Has(Smmu2StageFlags.RootTooWide))
        {
            return Fail(Smmu2Bank.Faults.AddressSize, stage.FirstLevel);
        }

        ulong table = stage.Root;
        ulong limits = 0;
        for (int level = FindTable(address, stage, path.SecondTag, ref table, ref limits); ; level++)
        {
            if (!TryRead64(table + stage.OffsetOf(address, level), stage, out ulong value))
            {
                return Fail(Smmu2Bank.Faults.External, level);
            }

            uint kind = Decode(value, level, stage, out ulong output);
            if (kind == NextTable)
            {
                AddTable(address, stage.ShiftOf(level), path.SecondTag, output, 0, drops);
                table = output;
                continue;
            }

            if (kind != 0)
            {
                return Fail(kind, level);
            }

            int shift = stage.ShiftOf(level);
            ulong rights = SecondRights(value) | ((ulong)(uint)level << Smmu2Rights.SecondLevelShift);
            page = new Smmu2Page(output, address >> shift << shift, rights, shift);
            AddPage(address, path.SecondTag, page, isGlobal: false, origin: 0, drops);
            return default;
        }

        Smmu2Fault Fail(uint status, int level) => new(status, IsSecond: true, level, address, isWalk);
    }

    /// <summary>What stage 2 makes of an address, from the IOTLB or by a walk.</summary>
    private Smmu2Fault FindSecond(Smmu2Path path, ulong address, bool isWalk, long drops, out Smmu2Page page) =>
        TryFindPage(address, path.SecondTag, out page) ? default : WalkSecond(path, address, isWalk, drops, out page);

    /// <summary>Where an entry of a table of stage 1 is in memory.</summary>
    private Smmu2Fault ReachTable(Smmu2Path path, ulong entry, long drops, out ulong place)
    {
        place = entry;
        if (!path.HasSecond)
        {
            return default;
        }

        var fault = FindSecond(path, entry, isWalk: true, drops, out var page);
        if (!fault.IsNone)
        {
            return fault;
        }

        place = page.PhysicalOf(entry);
        bool isDenied = (Smmu2Rights.NeededOfSecond(Smmu2Access.Read) & ~page.Rights) != 0
            || (path.Second.Has(Smmu2StageFlags.ProtectedWalks) && Smmu2Rights.IsDevice(page.Rights));
        int level = (int)(page.Rights >> Smmu2Rights.SecondLevelShift) & 3;
        return isDenied ? new Smmu2Fault(Smmu2Bank.Faults.Permission, IsSecond: true, level, entry, IsWalk: true) : default;
    }

    /// <summary>
    /// Memory does not answer for an entry of stage 1. On top of stage 2 that is told in the bank of that (IHI 0062, section 3.10).
    /// </summary>
    private static Smmu2Fault NoAnswer(Smmu2Path path, int level, ulong entry) => path.IsNested
        ? new Smmu2Fault(Smmu2Bank.Faults.External, IsSecond: true, level, entry, IsWalk: true)
        : new Smmu2Fault(Smmu2Bank.Faults.External, Level: level);

    /// <summary>Walks stage 1, alone or on top of stage 2.</summary>
    private Smmu2Fault WalkFirst(
        Smmu2Path path, ulong address, bool isUpper, Smmu2Access access, bool endsAtIpa, long drops, out Smmu2Page page)
    {
        page = default;
        var stage = isUpper ? path.Upper : path.Lower;
        if (stage.Has(Smmu2StageFlags.Disabled))
        {
            return new Smmu2Fault(Smmu2Bank.Faults.Translation, Level: stage.FirstLevel);
        }

        if (stage.Has(Smmu2StageFlags.RootTooWide))
        {
            return new Smmu2Fault(Smmu2Bank.Faults.AddressSize, Level: stage.FirstLevel);
        }

        return stage.Format == Smmu2TableFormat.Short
            ? WalkShort(path, stage, address, access, endsAtIpa, drops, out page)
            : WalkLong(path, stage, address, access, endsAtIpa, drops, out page);
    }

    private Smmu2Fault WalkLong(
        Smmu2Path path, in Smmu2Stage stage, ulong address, Smmu2Access access, bool endsAtIpa, long drops, out Smmu2Page page)
    {
        page = default;
        ulong table = stage.Root;
        ulong limits = 0;
        for (int level = FindTable(address, stage, path.Tag, ref table, ref limits); ; level++)
        {
            var reached = ReachTable(path, table + stage.OffsetOf(address, level), drops, out ulong place);
            if (!reached.IsNone)
            {
                return reached;
            }

            if (!TryRead64(place, stage, out ulong value))
            {
                return NoAnswer(path, level, table + stage.OffsetOf(address, level));
            }

            uint kind = Decode(value, level, stage, out ulong output);
            if (kind == NextTable)
            {
                limits |= value & TableLimits;
                AddTable(address, stage.ShiftOf(level), path.Tag, output, limits, drops);
                table = output;
                continue;
            }

            if (kind != 0)
            {
                return new Smmu2Fault(kind, Level: level);
            }

            var first = new Smmu2Page(output, output, FirstRights(value, limits, level, stage), stage.ShiftOf(level));
            return Finish(path, address, access, first, (value & ArmLpaeDescriptor.NotGlobal) == 0, endsAtIpa, drops, out page);
        }
    }

    /// <summary>What stage 2 says of a page of stage 1, if there is one; then the page is cached.</summary>
    private Smmu2Fault Finish(
        Smmu2Path path, ulong address, Smmu2Access access, in Smmu2Page first, bool isGlobal, bool endsAtIpa, long drops, out Smmu2Page page)
    {
        // Of a page that is too large, the piece that the address is in.
        int most = Math.Min(first.SizeLog2, path.MostPageLog2);
        ulong output = first.PhysicalOf(address) >> most << most;
        page = new Smmu2Page(output, output, first.Rights | Smmu2Rights.Stage2All, most);
        if (!path.HasSecond)
        {
            AddPage(address, path.Tag, page, isGlobal, first.SizeLog2 > most ? first.SizeLog2 : 0, drops);
            return default;
        }

        // Whether stage 2 would allow what stage 1 forbids is not asked any more.
        if (endsAtIpa || (Smmu2Rights.NeededOfFirst(access) & ~first.Rights) != 0)
        {
            return default;
        }

        ulong ipa = first.PhysicalOf(address);
        var fault = FindSecond(path, ipa, isWalk: false, drops, out var second);
        if (!fault.IsNone)
        {
            return fault;
        }

        // The smaller page of the two.
        int shift = Math.Min(most, second.SizeLog2);
        ulong start = second.PhysicalOf(ipa) >> shift << shift;
        page = new Smmu2Page(start, ipa >> shift << shift, Smmu2Rights.Combine(first.Rights, second.Rights), shift);
        AddPage(address, path.Tag, page, isGlobal, first.SizeLog2 > shift ? first.SizeLog2 : 0, drops);
        return default;
    }

    /// <summary>What a descriptor is, and the address in it.</summary>
    /// <returns>0 for a page or block, <see cref="NextTable"/>, or a fault.</returns>
    private static uint Decode(ulong value, int level, in Smmu2Stage stage, out ulong output)
    {
        output = 0;
        bool hasSecondBit = (value & ArmLpaeDescriptor.TableOrPage) != 0;
        bool isLast = level == Smmu2Stage.LastLevel;
        if ((value & ArmLpaeDescriptor.Valid) == 0 || (isLast ? !hasSecondBit : !hasSecondBit && !stage.HasBlocks(level)))
        {
            return Smmu2Bank.Faults.Translation;
        }

        bool isTable = hasSecondBit && !isLast;
        output = value & ArmLpaeDescriptor.LowAddressMask & (ulong.MaxValue << (isTable ? stage.Granule : stage.ShiftOf(level)));
        return output >> stage.OutputBits != 0 ? Smmu2Bank.Faults.AddressSize
            : isTable ? NextTable
            : (value & ArmLpaeDescriptor.AccessFlag) == 0 && !stage.Has(Smmu2StageFlags.IgnoresAccessFlag) ? Smmu2Bank.Faults.AccessFlag
            : 0;
    }

    private static ulong FirstRights(ulong value, ulong limits, int level, in Smmu2Stage stage)
    {
        bool isUser = (value & ArmLpaeDescriptor.Unprivileged) != 0 && (limits & ArmLpaeDescriptor.TablePrivileged) == 0;
        bool isWritable = (value & ArmLpaeDescriptor.ReadOnly) == 0 && (limits & ArmLpaeDescriptor.TableReadOnly) == 0;
        bool userExecutes = (value & ArmLpaeDescriptor.NoExecute) == 0 && (limits & ArmLpaeDescriptor.TableNoExecute) == 0;
        bool executes = (value & ArmLpaeDescriptor.PrivilegedNoExecute) == 0 && (limits & TablePrivilegedNoExecute) == 0;

        // In AArch64 what unprivileged accesses may write, privileged ones never execute; in AArch32 XN is for both.
        executes &= stage.Format == Smmu2TableFormat.Aarch64 ? !(isUser && isWritable) : userExecutes;
        int index = (int)((value & ArmLpaeDescriptor.AttributeIndexMask) >> ArmLpaeDescriptor.AttributeIndexShift);
        ulong type = (stage.MemoryTypes >> (index * 8)) & 0xff;
        LimitExecution(stage, isUser && isWritable, isWritable, ref userExecutes, ref executes);
        return RightsOf(isUser, isWritable, isUser && userExecutes, executes)
            | (type << Smmu2Rights.TypeShift)
            | (((value >> 8) & 3) << Smmu2Rights.ShareShift)
            | ((ulong)(uint)level << Smmu2Rights.LevelShift);
    }

    /// <summary>WXN and UWXN: what somebody may write is not executed.</summary>
    private static void LimitExecution(
        in Smmu2Stage stage, bool isUserWritable, bool isWritable, ref bool userExecutes, ref bool executes)
    {
        bool isKept = isUserWritable && stage.Has(Smmu2StageFlags.UnprivilegedWriteExecuteNever | Smmu2StageFlags.WriteExecuteNever);
        userExecutes &= !isKept;
        executes &= !isKept && !(isWritable && stage.Has(Smmu2StageFlags.WriteExecuteNever));
    }

    private static ulong RightsOf(bool isUser, bool isWritable, bool userExecutes, bool executes)
    {
        ulong user = (isUser ? Smmu2Rights.Read : 0) | (isUser && isWritable ? Smmu2Rights.Write : 0) | (userExecutes ? Smmu2Rights.Execute : 0);
        ulong privileged = Smmu2Rights.Read | (isWritable ? Smmu2Rights.Write : 0) | (executes ? Smmu2Rights.Execute : 0);
        return user | (privileged << Smmu2Rights.PrivilegedShift);
    }

    private static ulong SecondRights(ulong value)
    {
        bool isReadable = (value & ArmLpaeDescriptor.Stage2Readable) != 0;
        bool isWritable = (value & ArmLpaeDescriptor.Stage2Writable) != 0;
        ulong rights = (isReadable ? Smmu2Rights.Read : 0)
            | (isWritable ? Smmu2Rights.Write : 0)
            | (isReadable && (value & ArmLpaeDescriptor.NoExecute) == 0 ? Smmu2Rights.Execute : 0);
        int encoded = (int)(value >> ArmLpaeDescriptor.MemoryTypeShift) & 0xf;
        int type = encoded < 4 ? encoded << 2 : encoded == 0xf ? Smmu2Rights.WriteBack : Smmu2Rights.NonCacheable;
        return Smmu2Rights.Stage1All
            | (rights << Smmu2Rights.Stage2Shift)
            | ((ulong)(uint)type << Smmu2Rights.TypeShift)
            | (((value >> 8) & 3) << Smmu2Rights.ShareShift);
    }

    /// <summary>The lowest level whose table on the way to an address is cached, or the first.</summary>
    private int FindTable(ulong address, in Smmu2Stage stage, ulong tag, ref ulong table, ref ulong limits)
    {
        ulong classes = _tables.Classes;
        for (int level = Smmu2Stage.LastLevel - 1; level >= stage.StartLevel && classes != 0; level--)
        {
            int shift = stage.ShiftOf(level);
            if ((classes >> shift & 1) != 0
                && _tables.TryFind(address >> shift, tag | Smmu2Tags.ClassOf(shift), Smmu2Tags.LookUpMask, out var entry))
            {
                table = entry.A;
                limits = entry.B;
                return level + 1;
            }
        }

        return stage.StartLevel;
    }

    private void AddTable(ulong address, int shift, ulong tag, ulong table, ulong limits, long drops)
    {
        if (drops == _drops)
        {
            _tables.Add(new CacheEntry
            {
                Key = address >> shift,
                Space = tag | Smmu2Tags.ClassOf(shift),
                Mask = ulong.MaxValue,
                A = table,
                B = limits,
            });
        }
    }

    private void AddPage(ulong address, ulong tag, in Smmu2Page page, bool isGlobal, int origin, long drops)
    {
        _piecedSizes |= origin != 0 ? 1ul << origin : 0;
        if (drops == _drops)
        {
            _pages.Add(new CacheEntry
            {
                Key = address >> page.SizeLog2,
                Space = tag
                    | Smmu2Tags.ClassOf(page.SizeLog2)
                    | ((ulong)(uint)origin << Smmu2Tags.OriginShift)
                    | (isGlobal ? Smmu2Tags.Global : 0),
                Mask = isGlobal ? ~Smmu2Tags.AsidMask : ulong.MaxValue,
                A = page.Address,
                B = page.Ipa,
                C = page.Rights,
            });
            _brokenSizes |= origin != 0 ? 1ul << origin : 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryRead64(ulong address, in Smmu2Stage stage, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        _entriesRead++;
        bool isRead = !IsTooWide(address) && _memory.TryRead(address, bytes);
        value = !isRead ? 0
            : stage.Has(Smmu2StageFlags.BigEndian) ? BinaryPrimitives.ReadUInt64BigEndian(bytes)
            : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return isRead;
    }
}
