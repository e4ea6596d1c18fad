using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Models.Caches;
using IommuKit.Specs.Arm;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>
/// Page walks, under the lock (IHI 0070, section 3.4 and 3.13; Arm ARM, chapter D8). Descriptors are read here and not by the formats, as there is
/// more in them than a driver writes: access flag and dirty state, limits by level of privilege, 52-bit addresses of every granule.
/// </content>
public sealed partial class Smmu3Model<TMemory>
{
    // An entry that somebody else changes again and again while a bit is being set in it.
    private const int MostTries = 64;

    private const ulong TableExecuteNever = ArmLpaeDescriptor.TableNoExecute;
    private const ulong TablePrivilegedExecuteNever = 1ul << 59;
    private const ulong TableLimits = TableExecuteNever
        | TablePrivilegedExecuteNever
        | ArmLpaeDescriptor.TablePrivileged
        | ArmLpaeDescriptor.TableReadOnly;

    // What is known of the fault that a walk or a fetch met.
    private Fault _fault;

    // What a descriptor says of rights and memory: all but its address.
    private const ulong RightsMask = 0xfff8_0000_0000_0fff;

    private ulong _lastAttributes = ulong.MaxValue;
    private ulong _lastLimits;
    private ulong _lastTypes;
    private ulong _lastRights;
    private Smmu3StageFlags _lastFlags;
    private ulong _lastProtected;
    private ulong _lastProtections = (uint)Smmu3Rights.ProtectionOf(0, isPrivileged: false)
        | ((ulong)Smmu3Rights.ProtectionOf(0, isPrivileged: true) << PrivilegedProtectionShift);

    // Most walks are of the same tables as the one before.
    private Smmu3StreamEntry _lastStream;
    private SecondStage _lastSecond;
    private Smmu3ContextDescriptor _lastContext;
    private bool _isLastUpper;
    private bool _isLastOneRange;
    private Smmu3Stage _lastFirst;

    /// <summary>Walks all stages of a path.</summary>
    private Smmu3EventType Walk(in Path path, out Page page)
    {
        _misses++;
        if (path.HasFirst)
        {
            return WalkFirst(path, out page);
        }

        return SecondOf(path.Stream, out var second)
            ? FindSecond(path.Address, second, Smmu3FaultClass.Input, LastAccess(path, mayWrite: true), checksRights: false, path.Scope, out page)
            : NoPage(Smmu3EventType.BadStream, out page);
    }

    private bool SecondOf(in Smmu3StreamEntry stream, out SecondStage second)
    {
        if (!_lastStream.Equals(stream))
        {
            bool isPossible = Smmu3Stage.TryCreate(_unit, stream, out var tables);
            second = new SecondStage(tables, HardwareCache.Valid | SecondKind | stream.Vmid, stream.ProtectsWalks);
            if (!isPossible)
            {
                return false;
            }

            _lastStream = stream;
            _lastSecond = second;
        }

        second = _lastSecond;
        return true;
    }

    private bool FirstOf(in Smmu3ContextDescriptor context, bool isUpper, bool isOneRange, out Smmu3Stage stage)
    {
        if (_isLastUpper != isUpper || _isLastOneRange != isOneRange || !_lastContext.Equals(context))
        {
            if (!Smmu3Stage.TryCreate(_unit, context, isUpper, isOneRange, out stage))
            {
                return false;
            }

            (_lastContext, _isLastUpper, _isLastOneRange, _lastFirst) = (context, isUpper, isOneRange, stage);
        }

        stage = _lastFirst;
        return true;
    }

    private Smmu3EventType FindSecond(
        ulong address, in Smmu3StreamEntry stream, Smmu3FaultClass faultClass, Smmu3Access access, Scope scope, out Page page) =>
        SecondOf(stream, out var second)
            ? FindSecond(address, second, faultClass, access, checksRights: true, scope, out page)
            : NoPage(Smmu3EventType.BadStream, out page);

    /// <summary>
    /// How stage 2 is used for what is translated. A device that asks because it will write needs no right, and its page is written all the same, if
    /// stage 1 lets it (section 3.13.7.1).
    /// </summary>
    private static Smmu3Access LastAccess(in Path path, bool mayWrite) => path.IsWrite && mayWrite ? path.Access | Smmu3Access.Write : path.Access;

    /// <summary>What stage 2 makes of an address, from the cache or by a walk.</summary>
    private Smmu3EventType FindSecond(
        ulong address, in SecondStage second, Smmu3FaultClass faultClass, Smmu3Access access, bool checksRights, Scope scope, out Page page)
    {
        bool isWrite = (access & Smmu3Access.Write) != 0;
        if (!TryFindPage(address, second.Tag, out page) || (isWrite && (page.Rights & Smmu3Rights.Clean2) != 0))
        {
            var status = WalkSecond(address, second, faultClass, isWrite, scope, out page);
            if (status != Smmu3EventType.None)
            {
                return status;
            }
        }

        bool isDenied = checksRights && (Smmu3Rights.NeededOfSecond(access) & ~page.Rights) != 0;
        if (!isDenied && faultClass != Smmu3FaultClass.Input)
        {
            isDenied = second.ProtectsWalks && Smmu3Rights.IsDevice(page.Rights);
        }

        return isDenied ? SecondFault(Smmu3EventType.Permission, faultClass, address, !isWrite) : Smmu3EventType.None;
    }

    [SkipLocalsInit]
    private Smmu3EventType WalkSecond(
        ulong address, in SecondStage second, Smmu3FaultClass faultClass, bool isWrite, Scope scope, out Page page)
    {
        page = default;
        var stage = second.Tables;
        if (address >> stage.InputBits != 0)
        {
            return SecondFault(Smmu3EventType.Translation, faultClass, address);
        }

        ulong table = stage.Root;
        ulong limits = 0;
        int level = FindTable(address, stage, second.Tag, ref table, ref limits);
        int tries = 0;
        while (true)
        {
            ulong place = table + stage.EntryOffset(address, level);
            if (!TryReadEntry(place, stage, out ulong value))
            {
                return WalkAbort(isSecond: true, faultClass, place);
            }

            var kind = Decode(value, level, stage, out ulong output);
            if (kind is not (Smmu3EventType.None or NextTable))
            {
                return SecondFault(kind, faultClass, address);
            }

            if (kind == NextTable)
            {
                AddTable(address, level, stage, second.Tag, output, 0, scope);
                table = output;
                level++;
                continue;
            }

            ulong rights = SecondRights(value, stage);
            ulong wanted = value | (stage.Has(Smmu3StageFlags.SetsAccessFlag) ? ArmLpaeDescriptor.AccessFlag : 0)
                | (isWrite && (rights & Smmu3Rights.Clean2) != 0 ? ArmLpaeDescriptor.Stage2Writable : 0);
            if (!TryUpdate(place, value, wanted, stage, scope, out bool isChanged) || (isChanged && ++tries >= MostTries))
            {
                return WalkAbort(isSecond: true, faultClass, place);
            }

            if (!isChanged)
            {
                rights &= (wanted & ArmLpaeDescriptor.Stage2Writable) != 0 ? ~Smmu3Rights.Clean2 : ulong.MaxValue;
                int shift = stage.ShiftOf(level);
                page = new Page(output, address >> shift << shift, rights, shift);
                AddPage(address, second.Tag, page, stage.Granule, level, isGlobal: false, origin: 0, scope);
                return Smmu3EventType.None;
            }
        }
    }

    /// <summary>Walks stage 1, alone or on top of stage 2.</summary>
    [SkipLocalsInit]
    private Smmu3EventType WalkFirst(in Path path, out Page page)
    {
        bool isUpper = path.IsUpper;

        // EL2 alone has one range, and nothing to disable it by.
        bool isOneRange = (path.Tag & KindMask) == HypervisorKind;
        if (!isOneRange && path.Context.DisablesWalks(isUpper))
        {
            return FirstFault(Smmu3EventType.Translation, out page);
        }

        SecondStage second = default;
        if (!FirstOf(path.Context, isUpper, isOneRange, out var stage) || (path.HasSecond && !SecondOf(path.Stream, out second)))
        {
            return NoPage(Smmu3EventType.BadContext, out page);
        }

        // Every bit above those that are translated is as bit 55, which chose the range; where there is one range, it is 0.
        ulong above = path.Address >> stage.InputBits;
        if (above != (isUpper ? ulong.MaxValue >> stage.InputBits : 0))
        {
            return FirstFault(Smmu3EventType.Translation, out page);
        }

        ulong table = stage.Root;
        ulong limits = 0;
        int level = FindTable(path.Address, stage, path.Tag, ref table, ref limits);
        int tries = 0;
        while (true)
        {
            ulong entry = table + stage.EntryOffset(path.Address, level);
            ulong place = entry;
            if (path.HasSecond)
            {
                var reached = ReachTable(entry, second, Smmu3Access.Read, path.Scope, out place);
                if (reached != Smmu3EventType.None)
                {
                    return NoPage(reached, out page);
                }
            }

            if (!TryReadEntry(place, stage, out ulong value))
            {
                return NoPage(WalkAbort(isSecond: false, Smmu3FaultClass.Table, place), out page);
            }

            var kind = Decode(value, level, stage, out ulong output);
            if (kind is not (Smmu3EventType.None or NextTable))
            {
                return FirstFault(kind, out page);
            }

            if (kind == NextTable)
            {
                limits |= stage.Has(Smmu3StageFlags.IgnoresTableLimits) ? 0 : value & TableLimits;
                AddTable(path.Address, level, stage, path.Tag, output, limits, path.Scope);
                table = output;
                level++;
                continue;
            }

            ulong rights = RightsOf(value, limits, stage, path.Context.MemoryTypes);
            int shift = stage.ShiftOf(level);
            page = new Page(output, output, rights | Smmu3Rights.Stage2All, shift);
            bool isGlobal = (value & ArmLpaeDescriptor.NotGlobal) == 0;
            if ((Smmu3Rights.NeededOfFirst(path.Access) & ~rights) != 0
                || (path.IsQuestion && Smmu3Rights.GrantsNothing(rights, path.IsPrivileged, path.Stream.InstructionOverride)))
            {
                // Whether stage 2 would allow it is not asked any more.
                bool isNoted = (value & ArmLpaeDescriptor.AccessFlag) != 0 || !stage.Has(Smmu3StageFlags.SetsAccessFlag);
                if (!path.HasSecond && isNoted)
                {
                    AddPage(path.Address, path.Tag, page, stage.Granule, level, isGlobal, origin: 0, path.Scope);
                }

                return Fail(Smmu3EventType.Permission);
            }

            bool isDirtied = path.IsWrite && (rights & Smmu3Rights.Clean1) != 0 && (rights & path.WriteRight) != 0;
            ulong wanted = (value | (stage.Has(Smmu3StageFlags.SetsAccessFlag) ? ArmLpaeDescriptor.AccessFlag : 0))
                & (isDirtied ? ~ArmLpaeDescriptor.ReadOnly : ulong.MaxValue);
            if (wanted != value && path.HasSecond && !path.Scope.LeavesNoTrace)
            {
                var reached = ReachTable(entry, second, Smmu3Access.Write, path.Scope, out place);
                if (reached != Smmu3EventType.None)
                {
                    return NoPage(reached, out page);
                }
            }

            if (!TryUpdate(place, value, wanted, stage, path.Scope, out bool isChanged) || (isChanged && ++tries >= MostTries))
            {
                return NoPage(WalkAbort(isSecond: false, Smmu3FaultClass.Table, place), out page);
            }

            if (isChanged)
            {
                continue;
            }

            page = isDirtied ? page with { Rights = page.Rights & ~Smmu3Rights.Clean1 } : page;
            return FinishFirst(path, stage, second, level, isGlobal, ref page);
        }
    }

    /// <summary>What stage 2 says of a page of stage 1, if there is one; then the page is cached.</summary>
    private Smmu3EventType FinishFirst(
        in Path path, in Smmu3Stage stage, in SecondStage second, int level, bool isGlobal, ref Page page)
    {
        int origin = 0;
        if (path.HasSecond && !path.EndsAtIpa)
        {
            var first = page;
            ulong ipa = first.PhysicalOf(path.Address);
            var access = LastAccess(path, (first.Rights & path.WriteRight) != 0);
            var status = FindSecond(ipa, second, Smmu3FaultClass.Input, access, checksRights: false, path.Scope, out page);
            if (status != Smmu3EventType.None)
            {
                return status;
            }

            // The smaller page of the two.
            int shift = Math.Min(first.SizeLog2, page.SizeLog2);
            ulong start = page.PhysicalOf(ipa) >> shift << shift;
            ulong rights = Smmu3Rights.Combine(first.Rights, page.Rights, second.Tables.Has(Smmu3StageFlags.ForcesWriteBack));
            page = new Page(start, ipa >> shift << shift, rights, shift);
            origin = first.SizeLog2 > shift ? first.SizeLog2 : 0;
        }

        if (!path.EndsAtIpa)
        {
            AddPage(path.Address, path.Tag, page, stage.Granule, level, isGlobal, origin, path.Scope);
        }

        return Smmu3EventType.None;
    }

    /// <summary>Where an entry of a table of stage 1 is in memory.</summary>
    private Smmu3EventType ReachTable(ulong entry, in SecondStage second, Smmu3Access access, Scope scope, out ulong place)
    {
        var status = FindSecond(entry, second, Smmu3FaultClass.Table, access | Smmu3Access.Privileged, checksRights: true, scope, out var page);
        place = page.PhysicalOf(entry);
        return status;
    }

    // What a descriptor is that points to the next table.
    private const Smmu3EventType NextTable = (Smmu3EventType)(-2);

    /// <summary>What a descriptor is, and the address in it.</summary>
    /// <returns>None for a page or block, <see cref="NextTable"/>, or a fault.</returns>
    private static Smmu3EventType Decode(ulong value, int level, in Smmu3Stage stage, out ulong output)
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

    /// <summary>The rights of a descriptor of stage 1. Nearly all pages are as the one before, so that they are found out once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong RightsOf(ulong value, ulong limits, in Smmu3Stage stage, ulong memoryTypes)
    {
        value &= RightsMask;
        if (_lastAttributes != value || _lastLimits != limits || _lastFlags != stage.Flags || _lastTypes != memoryTypes)
        {
            _lastRights = FirstRights(value, limits, stage, memoryTypes);
            (_lastAttributes, _lastLimits, _lastFlags, _lastTypes) = (value, limits, stage.Flags, memoryTypes);
        }

        return _lastRights;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong FirstRights(ulong value, ulong limits, in Smmu3Stage stage, ulong memoryTypes)
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

    private static ulong SecondRights(ulong value, in Smmu3Stage stage)
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

    /// <summary>The lowest level whose table on the way to an address is cached, or the first.</summary>
    private int FindTable(ulong address, in Smmu3Stage stage, ulong tag, ref ulong table, ref ulong limits)
    {
        ulong classes = _tables.Classes;
        for (int level = Smmu3Stage.LastLevel - 1; level >= stage.StartLevel && classes != 0; level--)
        {
            int shift = stage.ShiftOf(level);
            if ((classes >> shift & 1) == 0)
            {
                continue;
            }

            ref readonly var entry = ref _tables.Find(address >> shift, tag | ClassOf(shift), LookUpMask);
            if (entry.Space != 0)
            {
                table = entry.A;
                limits = entry.B;
                return level + 1;
            }
        }

        return stage.StartLevel;
    }

    private void AddTable(ulong address, int level, in Smmu3Stage stage, ulong tag, ulong table, ulong limits, Scope scope)
    {
        if (IsUndisturbed(scope))
        {
            int shift = stage.ShiftOf(level);
            _tables.Add(new CacheEntry
            {
                Key = address >> shift,
                Space = tag | ClassOf(shift) | GranuleOf(stage.Granule) | ((ulong)(level + 1) << LevelShift),
                Mask = ulong.MaxValue,
                A = table,
                B = limits,
            });
        }
    }

    private void AddPage(ulong address, ulong tag, in Page page, int granule, int level, bool isGlobal, int origin, Scope scope)
    {
        _piecedSizes |= origin != 0 ? 1ul << origin : 0;
        if (!IsUndisturbed(scope) || scope.LeavesNoTrace)
        {
            return;
        }

        _pages.Add(new CacheEntry
        {
            Key = address >> page.SizeLog2,
            Space = tag
                | ClassOf(page.SizeLog2)
                | GranuleOf(granule)
                | ((ulong)(level + 1) << LevelShift)
                | ((ulong)(uint)origin << OriginShift)
                | (isGlobal ? GlobalBit : 0),
            Mask = isGlobal ? ~AsidMask : ulong.MaxValue,
            A = page.Address,
            B = page.Ipa,
            C = page.Rights,
            D = ProtectionsOf(page.Rights),
        });
        _brokenSizes |= origin != 0 ? 1ul << origin : 0;
    }

    /// <summary>What unprivileged and privileged transactions may do, for a hit.</summary>
    private ulong ProtectionsOf(ulong rights)
    {
        if (rights != _lastProtected)
        {
            _lastProtected = rights;
            _lastProtections = (uint)Smmu3Rights.ProtectionOf(rights, isPrivileged: false)
                | ((ulong)Smmu3Rights.ProtectionOf(rights, isPrivileged: true) << PrivilegedProtectionShift);
        }

        return _lastProtections;
    }

    private static Smmu3EventType NoPage(Smmu3EventType type, out Page page)
    {
        page = default;
        return type;
    }

    private Smmu3EventType FirstFault(Smmu3EventType type, out Page page)
    {
        page = default;
        return Fail(type);
    }

    private Smmu3EventType Fail(Smmu3EventType type)
    {
        _fault = new Fault(IsSecond: false, Smmu3FaultClass.Input);
        return type;
    }

    private Smmu3EventType SecondFault(Smmu3EventType type, Smmu3FaultClass faultClass, ulong address, bool isTableRead = true)
    {
        bool tellsOfTable = type == Smmu3EventType.Permission && faultClass == Smmu3FaultClass.Table;
        _fault = new Fault(IsSecond: true, faultClass, Ipa: address, IsTableRead: tellsOfTable && isTableRead);
        return type;
    }

    private Smmu3EventType WalkAbort(bool isSecond, Smmu3FaultClass faultClass, ulong place)
    {
        _fault = new Fault(isSecond, faultClass, Fetch: place);
        return Smmu3EventType.WalkAbort;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadEntry(ulong address, in Smmu3Stage stage, out ulong value)
    {
        value = 0;
        _entriesRead++;
        bool isRead = !IsTooWide(address) && _memory.TryRead(address, MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
        if (stage.Has(Smmu3StageFlags.BigEndian) == BitConverter.IsLittleEndian)
        {
            value = BinaryPrimitives.ReverseEndianness(value);
        }

        return isRead;
    }

    /// <summary>Changes an entry, if it is still what was read.</summary>
    /// <param name="address">Where the entry is.</param>
    /// <param name="value">The entry.</param>
    /// <param name="wanted">What it is to be.</param>
    /// <param name="stage">Its stage.</param>
    /// <param name="scope">Whether anything may be stored.</param>
    /// <param name="isChanged">Whether the entry is another one by now; then nothing was stored.</param>
    /// <returns>False if nothing can be stored there.</returns>
    private bool TryUpdate(ulong address, ulong value, ulong wanted, in Smmu3Stage stage, Scope scope, out bool isChanged)
    {
        isChanged = false;
        if (value == wanted || scope.LeavesNoTrace)
        {
            return true;
        }

        if (stage.Has(Smmu3StageFlags.BigEndian))
        {
            value = BinaryPrimitives.ReverseEndianness(value);
            wanted = BinaryPrimitives.ReverseEndianness(wanted);
        }

        bool isReached = _memory.TryCompareExchange(address, value, wanted, out ulong seen);
        isChanged = isReached && seen != value;
        return isReached;
    }

    /// <summary>Stage 2 of a stream.</summary>
    /// <param name="Tables">Its tables.</param>
    /// <param name="Tag">The space of its translations in the caches.</param>
    /// <param name="ProtectsWalks">S2PTW.</param>
    private readonly record struct SecondStage(Smmu3Stage Tables, ulong Tag, bool ProtectsWalks);

    /// <summary>A page as the IOTLB has it.</summary>
    /// <param name="Address">Its physical address.</param>
    /// <param name="Ipa">Its address between the stages; without stage 2 the same.</param>
    /// <param name="Rights"><see cref="Smmu3Rights"/>.</param>
    /// <param name="SizeLog2">Log2 of its bytes.</param>
    private readonly record struct Page(ulong Address, ulong Ipa, ulong Rights, int SizeLog2)
    {
        public ulong PhysicalOf(ulong address) => Address | Offset(address);

        public ulong IpaOf(ulong address) => Ipa | Offset(address);

        private ulong Offset(ulong address) => address & ((1ul << SizeLog2) - 1);
    }

    /// <summary>What a record tells of a fault, beside the transaction.</summary>
    private readonly record struct Fault(
        bool IsSecond, Smmu3FaultClass Class, ulong Ipa = 0, ulong Fetch = 0, bool IsTableRead = false, bool IsBypassed = false,
        bool IsReadDenied = false);
}
