using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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

            var kind = Smmu3Descriptor.Decode(value, level, stage, out ulong output);
            if (kind is not (Smmu3EventType.None or Smmu3Descriptor.NextTable))
            {
                return SecondFault(kind, faultClass, address);
            }

            if (kind == Smmu3Descriptor.NextTable)
            {
                AddTable(address, level, stage, second.Tag, output, 0, scope);
                table = output;
                level++;
                continue;
            }

            ulong rights = Smmu3Descriptor.SecondRights(value, stage);
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

            var kind = Smmu3Descriptor.Decode(value, level, stage, out ulong output);
            if (kind is not (Smmu3EventType.None or Smmu3Descriptor.NextTable))
            {
                return FirstFault(kind, out page);
            }

            if (kind == Smmu3Descriptor.NextTable)
            {
                limits |= stage.Has(Smmu3StageFlags.IgnoresTableLimits) ? 0 : value & Smmu3Descriptor.TableLimits;
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
}
