using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Vtd;

/// <content>
/// Page walks, under the lock. What the tables say is decoded by the formats; here are the levels, the caches, accessed and dirty bits, and how
/// two stages combine.
/// </content>
public sealed partial class VtdModel<TMemory>
{
    private const int TopLevelOf4 = 3;
    private const int TopLevelOf5 = 4;
    private const int HighestLeaf = 2;

    // An entry that somebody else changes again and again while a bit is being set in it.
    private const int MostTries = 64;

    // Cached pointers to tables have rights of the way in their low bits.
    private const ulong PointerRights = 0xfff;

    private const ulong ExtendedAccessed = 1ul << 10;
    private const ulong TransientMapping = 1ul << 62;

    // What tells a pointer, and a pointer that grants everything.
    private const ulong SecondPointer = VtdSecondStageEntry.Readable | VtdSecondStageEntry.Writable;
    private const ulong SecondPointerMask = SecondPointer | VtdSecondStageEntry.PageSize;
    private const ulong FirstPointer = X86Entry.Present | X86Entry.Writable | X86Entry.User;
    private const ulong FirstPointerMask = FirstPointer | X86Entry.PageSize | X86Entry.NoExecute;

    private Page Walk(ulong address, bool isWrite, in Space space, bool isPrivileged)
    {
        _misses++;
        var page = space.Type == VtdPasidType.SecondStage
            ? WalkSecond(address, space, isWrite)
            : WalkFirst(address, space, isWrite, isPrivileged);

        // What is not there is cached in caching mode alone, and never of a first stage.
        bool isCached = page.Reason == VtdFaultReason.None || (_cap.CachingMode && space.Type == VtdPasidType.SecondStage);
        if (isCached && space.Drops == _drops)
        {
            var cache = page.SizeLog2 >= ShiftOf(2) ? _pages1G : page.SizeLog2 >= ShiftOf(1) ? _pages2M : _pages;
            int shift = page.SizeLog2 >= ShiftOf(2) ? ShiftOf(2) : page.SizeLog2 >= ShiftOf(1) ? ShiftOf(1) : PageShift;
            cache.Add(new VtdCacheEntry(address >> shift, space.Tag, page.Data, (ulong)page.Reason));
            _hasNested |= space.Type == VtdPasidType.Nested;
        }

        return page;
    }

    /// <summary>Walks the second stage.</summary>
    /// <param name="address">The address that it translates.</param>
    /// <param name="space">Where its tables are.</param>
    /// <param name="isWrite">Whether the page is about to be written.</param>
    [SkipLocalsInit]
    private Page WalkSecond(ulong address, in Space space, bool isWrite)
    {
        ulong tag = SpaceOf(SecondKind, space.Domain, 0);
        ulong pointer = space.SecondRoot | (ulong)(PageRights.Read | PageRights.Write);
        int level = FindTable(address, tag, space.SecondLevel, ref pointer);
        for (int tries = 0; ; tries++)
        {
            ulong place = (pointer & ~PointerRights) + EntryOffset(address, level);
            if (!TryReadEntry(place, out ulong value))
            {
                return NoPage(level == space.SecondLevel
                    ? VtdFaultReason.ScalableSecondStageRootNotReadable
                    : VtdFaultReason.ScalableSecondStageNotReadable);
            }

            // The usual pointer grants everything: nothing more is to be found out about it.
            if (level != 0 && (value & SecondPointerMask) == SecondPointer && !space.SetsSecondBits && IsInMemory(value))
            {
                pointer = (value & VtdSecondStageEntry.AddressMask) | (pointer & PointerRights);
                AddTable(level--, address, tag, pointer, space.Drops);
                continue;
            }

            // And the usual page has nothing but an address and both rights.
            if (level == 0 && (value & ~VtdSecondStageEntry.AddressMask) == SecondPointer && !space.SetsSecondBits && IsInMemory(value))
            {
                var way = (PageRights)(pointer & PointerRights) & (PageRights.Read | PageRights.Write);
                return new Page((value & VtdSecondStageEntry.AddressMask) | (ulong)SecondRights(way, isDirty: true), PageShift, VtdFaultReason.None);
            }

            var entry = VtdSecondStageFormat.Decode(value, level, _unit.HostAddressBits);
            if (entry.Kind == WalkEntryKind.NotPresent)
            {
                return NoPage(VtdFaultReason.ScalableSecondStageNotPresent);
            }

            bool isLeaf = entry.Kind == WalkEntryKind.Leaf;
            if (entry.Kind is not (WalkEntryKind.Leaf or WalkEntryKind.Table) || (isLeaf && IsReservedLeaf(value, level)))
            {
                return NoPage(VtdFaultReason.ScalableSecondStageReserved);
            }

            var granted = RightsOf(entry.Rights) & (PageRights)(pointer & PointerRights);
            if (space.SetsSecondBits)
            {
                bool isDirtied = isLeaf && isWrite && (granted & PageRights.Write) != 0;
                ulong bits = VtdSecondStageEntry.Accessed | (isDirtied ? VtdSecondStageEntry.Dirty : 0);
                if (!TrySetBits(place, ref value, bits, out bool isChanged))
                {
                    return NoPage(VtdFaultReason.ScalableSecondStageNotReadable);
                }

                if (isChanged)
                {
                    // Somebody else stored there: look again.
                    if (tries < MostTries)
                    {
                        continue;
                    }

                    return NoPage(VtdFaultReason.ScalableSecondStageNotReadable);
                }
            }

            if (isLeaf)
            {
                bool isDirty = !space.SetsSecondBits || (value & VtdSecondStageEntry.Dirty) != 0;
                return new Page(entry.Address | (ulong)SecondRights(granted, isDirty), entry.SizeLog2, VtdFaultReason.None);
            }

            pointer = entry.Address | (ulong)granted;
            AddTable(level, address, tag, pointer, space.Drops);
            level--;
        }
    }

    /// <summary>Walks the first stage, alone or on top of the second.</summary>
    private Page WalkFirst(ulong address, in Space space, bool isWrite, bool isPrivileged)
    {
        var control = new VtdPasidEntry(0, 0, space.Control);
        bool isNested = space.Type == VtdPasidType.Nested;
        int topLevel = control.FirstStageMode == 1 ? TopLevelOf5 : TopLevelOf4;
        ulong usedBits = X86Entry.Accessed | (control.EnablesExtendedAccessed ? ExtendedAccessed : 0);
        ulong pointer = 0;
        int level = FindTable(address, space.Tag, topLevel, ref pointer);
        if (level == topLevel)
        {
            pointer = control.FirstStage | (ulong)(PageRights.Write | PageRights.User | PageRights.Execute);
            if (isNested && TranslateTable(ref pointer, space, isRoot: true) is var reason and not VtdFaultReason.None)
            {
                return NoPage(reason);
            }
        }

        for (int tries = 0; ; tries++)
        {
            ulong place = (pointer & ~PointerRights) + EntryOffset(address, level);
            if (!TryReadEntry(place, out ulong value))
            {
                return NoPage(level == topLevel ? VtdFaultReason.FirstStageRootNotReadable : VtdFaultReason.FirstStageNotReadable);
            }

            // As above; here it has been used before, too.
            if (level != 0 && (value & FirstPointerMask) == FirstPointer && (value & usedBits) == usedBits && !isNested && IsInMemory(value))
            {
                pointer = (value & X86Entry.AddressMask) | (pointer & PointerRights);
                AddTable(level--, address, space.Tag, pointer, space.Drops);
                continue;
            }

            // The addresses of a nested first stage are those of the second.
            var entry = X86Format.Decode(value, level, isNested ? X86Format.MaxOutputBits : _unit.HostAddressBits);
            if (entry.Kind == WalkEntryKind.NotPresent)
            {
                return NoPage(VtdFaultReason.FirstStageNotPresent);
            }

            bool isLeaf = entry.Kind == WalkEntryKind.Leaf;
            if (entry.Kind is not (WalkEntryKind.Leaf or WalkEntryKind.Table) || (isLeaf && level == HighestLeaf && !_cap.FirstStage1G))
            {
                return NoPage(VtdFaultReason.FirstStageReserved);
            }

            // SupervisorWrite stands here for "the table itself may be written", which the second stage says.
            var way = (PageRights)(pointer & PointerRights);
            var granted = way & FirstRightsOf(entry.Rights, control);
            bool mayWrite = (granted & PageRights.Write) != 0 || (isPrivileged && !control.ProtectsWrites);
            ulong bits = usedBits | (isLeaf && isWrite && mayWrite ? X86Entry.Dirty : 0);
            if ((value & bits) != bits && isNested && (way & PageRights.SupervisorWrite) == 0)
            {
                return NoPage(VtdFaultReason.NestedEntryNotWritable);
            }

            if (!TrySetBits(place, ref value, bits, out bool isChanged) || (isChanged && tries >= MostTries))
            {
                return NoPage(VtdFaultReason.BitUpdateFailed);
            }

            if (isChanged)
            {
                continue;
            }

            if (isLeaf)
            {
                return FinishFirst(address, space, entry, granted, control, (value & X86Entry.Dirty) != 0, isWrite && mayWrite);
            }

            pointer = entry.Address | (ulong)(granted & ~PageRights.SupervisorWrite);
            if (isNested && TranslateTable(ref pointer, space, isRoot: false) is var failure and not VtdFaultReason.None)
            {
                return NoPage(failure);
            }

            AddTable(level, address, space.Tag, pointer, space.Drops);
            _hasNested |= isNested;
            level--;
        }
    }

    /// <summary>A leaf of the first stage, and what the second says of it.</summary>
    private Page FinishFirst(
        ulong address, in Space space, in WalkEntry entry, PageRights granted, in VtdPasidEntry control, bool isDirty, bool isWritten)
    {
        var rights = granted & (PageRights.User | PageRights.Execute | PageRights.Write);
        rights |= PageRights.Read;
        rights |= (rights & PageRights.Write) != 0 || !control.ProtectsWrites ? PageRights.SupervisorWrite : 0;
        rights |= isDirty ? PageRights.Dirty : 0;
        if (space.Type != VtdPasidType.Nested)
        {
            return new Page(entry.Address | (ulong)rights, entry.SizeLog2, VtdFaultReason.None);
        }

        ulong guest = entry.Address | (address & ((1ul << entry.SizeLog2) - 1));
        if (guest >> SecondWidth(space.SecondLevel) != 0)
        {
            return NoPage(VtdFaultReason.NestedAddressBeyondWidth);
        }

        var second = WalkSecond(guest, space, isWritten);
        if (second.Reason != VtdFaultReason.None)
        {
            return second;
        }

        // The smaller page of the two, and what both allow.
        int sizeLog2 = Math.Min(entry.SizeLog2, second.SizeLog2);
        const PageRights writing = PageRights.Write | PageRights.SupervisorWrite;
        var both = rights & (second.Rights | PageRights.User | PageRights.Execute);
        both &= (second.Rights & PageRights.Write) != 0 ? both : ~writing;
        ulong start = second.PhysicalOf(guest) & ~((1ul << sizeLog2) - 1);
        return new Page(start | (ulong)both, sizeLog2, VtdFaultReason.None);
    }

    /// <summary>Makes a pointer to a table of a nested first stage one to memory.</summary>
    private VtdFaultReason TranslateTable(ref ulong pointer, in Space space, bool isRoot)
    {
        ulong guest = pointer & ~PointerRights;
        if (guest >> SecondWidth(space.SecondLevel) != 0)
        {
            return VtdFaultReason.NestedTableBeyondWidth;
        }

        // Accessed bits are set in it, so that it counts as written.
        var page = WalkSecond(guest, space, isWrite: true);
        if (page.Reason is not (VtdFaultReason.None or VtdFaultReason.ScalableSecondStageNotPresent))
        {
            return page.Reason;
        }

        if (page.Reason != VtdFaultReason.None || (page.Rights & PageRights.Read) == 0)
        {
            return isRoot ? VtdFaultReason.NestedTableNotReadable : VtdFaultReason.NestedEntryNotReadable;
        }

        pointer = (page.PhysicalOf(guest) & ~PointerRights)
            | (pointer & PointerRights)
            | (ulong)(page.Rights & PageRights.SupervisorWrite);
        return VtdFaultReason.None;
    }

    /// <summary>The lowest level whose table on the way to an address is cached, or the top.</summary>
    private int FindTable(ulong address, ulong tag, int topLevel, ref ulong pointer)
    {
        for (int level = 1; level <= topLevel; level++)
        {
            if (_tables[level].TryFind(address >> ShiftOf(level), tag, WholeSpace, out var slot))
            {
                pointer = slot.Data;
                return level - 1;
            }

            _tableMisses[level]++;
        }

        return topLevel;
    }

    private void AddTable(int level, ulong address, ulong tag, ulong pointer, long drops)
    {
        if (drops == _drops)
        {
            _tables[level].Add(new VtdCacheEntry(address >> ShiftOf(level), tag, pointer, 0));
        }
    }

    private bool IsReservedLeaf(ulong value, int level) =>
        ((value & VtdSecondStageEntry.Snoop) != 0 && !_ecap.SnoopControl)
        || ((value & TransientMapping) != 0 && !_ecap.DeviceTlb)
        || (level == 1 && !_cap.SecondStage2M)
        || (level == HighestLeaf && !_cap.SecondStage1G);

    /// <summary>The rights of a page of the second stage, which has no privilege and no execution.</summary>
    private static PageRights SecondRights(PageRights granted, bool isDirty) =>
        granted
        | PageRights.User
        | PageRights.Execute
        | ((granted & PageRights.Write) != 0 ? PageRights.SupervisorWrite : 0)
        | (isDirty ? PageRights.Dirty : 0);

    private static PageRights RightsOf(Protection protection) =>
        ((protection & Protection.Read) != 0 ? PageRights.Read : 0) | ((protection & Protection.Write) != 0 ? PageRights.Write : 0);

    private static PageRights FirstRightsOf(Protection protection, in VtdPasidEntry control) =>
        PageRights.SupervisorWrite
        | ((protection & Protection.Write) != 0 ? PageRights.Write : 0)
        | ((protection & Protection.Privileged) == 0 ? PageRights.User : 0)
        | ((protection & Protection.NoExecute) == 0 || !control.EnablesNoExecute ? PageRights.Execute : 0);

    private bool IsInMemory(ulong pointer) => (pointer & VtdSecondStageEntry.AddressMask) >> _unit.HostAddressBits == 0;

    private static Page NoPage(VtdFaultReason reason) => new(0, PageShift, reason);

    private static ulong EntryOffset(ulong address, int level) => (address >> ShiftOf(level) & 0x1ff) * sizeof(ulong);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadEntry(ulong address, out ulong value)
    {
        value = 0;
        _entriesRead++;
        bool isRead = address >> _unit.HostAddressBits == 0 && _memory.TryRead(address, MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
        if (!BitConverter.IsLittleEndian)
        {
            value = BinaryPrimitives.ReverseEndianness(value);
        }

        return isRead;
    }

    /// <summary>Sets bits in an entry, if it is still what was read.</summary>
    /// <param name="address">Where the entry is.</param>
    /// <param name="value">The entry, which then has the bits.</param>
    /// <param name="bits">The bits.</param>
    /// <param name="isChanged">Whether the entry is another one by now; then nothing was stored.</param>
    /// <returns>False if nothing can be stored there.</returns>
    private bool TrySetBits(ulong address, ref ulong value, ulong bits, out bool isChanged)
    {
        isChanged = false;
        if ((value & bits) == bits)
        {
            return true;
        }

        bool isReached = _memory.TryCompareExchange(address, value, value | bits, out ulong seen);
        isChanged = isReached && seen != value;
        value |= bits;
        return isReached;
    }
}
