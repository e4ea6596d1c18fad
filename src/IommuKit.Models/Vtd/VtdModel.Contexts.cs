using System.Buffers.Binary;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Root, context and PASID entries, and their caches.</content>
public sealed partial class VtdModel<TMemory>
{
    // What a look-up says that may not read memory, and would have to.
    private const VtdFaultReason NeedsLock = (VtdFaultReason)(-1);

    // The space of a cached context or PASID entry has a reason in these bits, if the entry is erroneous.
    private const int ReasonShift = 40;
    private const ulong ReasonMask = 0xfful << ReasonShift;
    private const ulong DisablesFaultsBit = 2;

    private static bool DisablesFaults(ulong entry) => (entry & DisablesFaultsBit) != 0;

    private static VtdFaultReason ReasonOf(in VtdCacheEntry entry) => (VtdFaultReason)(byte)(entry.Space >> ReasonShift);

    /// <summary>The context entry of a device: its first two quadwords.</summary>
    private VtdFaultReason FindContext(ushort source, bool mayRead, out VtdCacheEntry context)
    {
        if (_contexts.TryFind(source, VtdCache.Valid, VtdCache.Valid, out context))
        {
            return ReasonOf(context);
        }

        if (!mayRead)
        {
            return NeedsLock;
        }

        long drops = _drops;
        var reason = _tableMode == VtdTableMode.Scalable
            ? ReadScalableContext(source, out ulong first, out ulong second)
            : ReadLegacyContext(source, out first, out second);

        // What is erroneous is cached under domain 0, which software leaves free in caching mode.
        ulong domain = reason == VtdFaultReason.None && _tableMode != VtdTableMode.Scalable
            ? new VtdContextEntry(first, second).DomainId
            : 0ul;
        context = new VtdCacheEntry(source, VtdCache.Valid | ((ulong)reason << ReasonShift) | domain, first, second);
        if ((reason == VtdFaultReason.None || _cap.CachingMode) && drops == _drops)
        {
            _contexts.Add(context);
        }

        return reason;
    }

    private VtdFaultReason ReadLegacyContext(ushort source, out ulong lower, out ulong upper)
    {
        lower = 0;
        upper = 0;
        if (!TryReadPair(_root + ((ulong)(source >> 8) * VtdRootEntry.Bytes), out ulong root, out ulong rootUpper))
        {
            return VtdFaultReason.RootNotReadable;
        }

        if ((root & VtdRootEntry.Present) == 0)
        {
            return VtdFaultReason.RootNotPresent;
        }

        if ((root & VtdRootEntry.ReservedMask) != 0 || rootUpper != 0 || IsTooWide(root))
        {
            return VtdFaultReason.RootReserved;
        }

        if (!TryReadPair((root & VtdRootEntry.AddressMask) + ((ulong)(source & 0xff) * VtdContextEntry.Bytes), out lower, out upper))
        {
            return VtdFaultReason.ContextNotReadable;
        }

        var entry = new VtdContextEntry(lower, upper);
        if (!entry.IsPresent)
        {
            return VtdFaultReason.ContextNotPresent;
        }

        if (entry.HasReservedBits || entry.DomainId >> _cap.DomainIdBits != 0 || IsTooWide(lower))
        {
            return VtdFaultReason.ContextReserved;
        }

        bool isServed = entry.Type switch
        {
            VtdContextType.Untranslated => true,
            VtdContextType.All => _ecap.DeviceTlb,
            VtdContextType.PassThrough => _ecap.PassThrough,
            _ => false,
        };
        return isServed && _cap.SupportsWidth(entry.Width) ? VtdFaultReason.None : VtdFaultReason.ContextInvalid;
    }

    private VtdFaultReason ReadScalableContext(ushort source, out ulong first, out ulong second)
    {
        first = 0;
        second = 0;
        if (!TryReadPair(_root + ((ulong)(source >> 8) * VtdRootEntry.Bytes), out ulong lower, out ulong upper))
        {
            return VtdFaultReason.ScalableRootNotReadable;
        }

        ulong half = new VtdRootEntry(lower, upper).HalfOf(source & 0xff);
        if ((half & VtdRootEntry.Present) == 0)
        {
            return VtdFaultReason.ScalableRootNotPresent;
        }

        if ((half & VtdRootEntry.ReservedMask) != 0 || IsTooWide(half))
        {
            return VtdFaultReason.ScalableRootReserved;
        }

        Span<byte> bytes = stackalloc byte[VtdScalableContextEntry.Bytes];
        _structuresRead++;
        if (!_memory.TryRead((half & VtdRootEntry.AddressMask) + ((ulong)(source & 0x7f) * VtdScalableContextEntry.Bytes), bytes))
        {
            return VtdFaultReason.ScalableContextNotReadable;
        }

        first = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        second = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        var entry = new VtdScalableContextEntry(
            first, second, BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));
        if (!entry.IsPresent)
        {
            return VtdFaultReason.ScalableContextNotPresent;
        }

        if (entry.HasReservedBits || IsTooWide(first))
        {
            return VtdFaultReason.ScalableContextReserved;
        }

        bool isPossible = (_ecap.DeviceTlb || !entry.EnablesDeviceTlb)
            && (_ecap.Pasid || !entry.EnablesPasid)
            && (_ecap.PageRequests || !entry.EnablesPageRequests)
            && (_ecap.RequestPasid || entry.RequestPasid == 0);
        return isPossible ? VtdFaultReason.None : VtdFaultReason.ScalableContextInvalid;
    }

    /// <summary>
    /// The entry of a PASID: its first and third quadwords; the domain is in its space. FPD is set if it is anywhere on the way; the context's is not
    /// remembered with it, as it may change while the PASID's entry stays.
    /// </summary>
    private VtdFaultReason FindPasid(ushort source, int pasid, in VtdCacheEntry context, bool mayRead, out VtdCacheEntry entry)
    {
        ulong key = ((ulong)source << 20) | (uint)pasid;
        if (_pasids.TryFind(key, VtdCache.Valid, VtdCache.Valid, out entry))
        {
            entry = entry with { Data = entry.Data | (context.Data & DisablesFaultsBit) };
            return ReasonOf(entry);
        }

        if (!mayRead)
        {
            return NeedsLock;
        }

        long drops = _drops;
        var owner = new VtdScalableContextEntry(context.Data, context.Info, 0, 0);
        var reason = ReadPasid(owner, pasid, out ulong first, out ushort domain, out ulong third);
        ulong space = VtdCache.Valid | ((ulong)reason << ReasonShift) | ((ulong)(uint)pasid << PasidShift) | domain;
        entry = new VtdCacheEntry(key, space, first, third);
        if ((reason == VtdFaultReason.None || _cap.CachingMode) && drops == _drops)
        {
            _pasids.Add(entry);
        }

        entry = entry with { Data = entry.Data | (context.Data & DisablesFaultsBit) };
        return reason;
    }

    private VtdFaultReason ReadPasid(in VtdScalableContextEntry context, int pasid, out ulong first, out ushort domain, out ulong third)
    {
        first = 0;
        domain = 0;
        third = 0;
        Span<byte> bytes = stackalloc byte[VtdPasidEntry.Bytes];
        ulong index = (ulong)(uint)pasid >> VtdPasidDirectoryEntry.PasidsLog2;
        _structuresRead++;
        if (!_memory.TryRead(context.Directory + (index * VtdPasidDirectoryEntry.Bytes), bytes[..VtdPasidDirectoryEntry.Bytes]))
        {
            return VtdFaultReason.PasidDirectoryNotReadable;
        }

        var directory = new VtdPasidDirectoryEntry(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        first = directory.Value & DisablesFaultsBit;
        if (!directory.IsPresent)
        {
            return VtdFaultReason.PasidDirectoryNotPresent;
        }

        if (directory.HasReservedBits || IsTooWide(directory.Value))
        {
            return VtdFaultReason.PasidDirectoryReserved;
        }

        ulong place = (ulong)(uint)pasid & ((1u << VtdPasidDirectoryEntry.PasidsLog2) - 1);
        _structuresRead++;
        if (!_memory.TryRead(directory.Table + (place * VtdPasidEntry.Bytes), bytes))
        {
            return VtdFaultReason.PasidNotReadable;
        }

        var entry = new VtdPasidEntry(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]));
        first |= entry.First;
        if (!entry.IsPresent)
        {
            return VtdFaultReason.PasidNotPresent;
        }

        domain = entry.DomainId;
        third = entry.Third;
        if (entry.HasReservedBits || bytes[24..].ContainsAnyExcept((byte)0) || domain >> _cap.DomainIdBits != 0)
        {
            return VtdFaultReason.PasidReserved;
        }

        return IsPossible(entry) ? VtdFaultReason.None : VtdFaultReason.PasidInvalid;
    }

    private bool IsPossible(in VtdPasidEntry entry)
    {
        bool isWidthPossible = _cap.SupportsWidth(entry.Width);
        bool isModePossible = entry.FirstStageMode == 0 || (entry.FirstStageMode == 1 && _cap.FirstStage5Levels);
        bool isTypePossible = entry.Type switch
        {
            VtdPasidType.FirstStage => _ecap.FirstStage && isModePossible,
            VtdPasidType.SecondStage => _ecap.SecondStage && isWidthPossible,
            VtdPasidType.Nested => _ecap.Nested && isModePossible && isWidthPossible,
            VtdPasidType.PassThrough => _ecap.PassThrough,
            _ => false,
        };
        return isTypePossible && (_ecap.SecondStageAccessedDirty || !entry.EnablesSecondStageAccessedDirty);
    }

    private bool IsTooWide(ulong entry) => (entry & VtdRootEntry.AddressMask) >> _unit.HostAddressBits != 0;

    private bool TryReadPair(ulong address, out ulong lower, out ulong upper)
    {
        Span<byte> bytes = stackalloc byte[16];
        _structuresRead++;
        bool isRead = _memory.TryRead(address, bytes);
        lower = isRead ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        upper = isRead ? BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) : 0;
        return isRead;
    }
}
