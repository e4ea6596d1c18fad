using System.Numerics;
using IommuKit.Specs.Vtd;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>What is put into the queue so that caches forget.</summary>
/// <remarks>
/// Methods whose names begin with Invalidate add to the piece of the queue that the caller has begun; those that begin with Drop are a piece, and
/// wait for it.
/// </remarks>
internal sealed class VtdInvalidator
{
    private const int PageShift = 12;
    private const int DefaultBlocks = 4;

    // What a device drops has no limit.
    private const int LargestDeviceBlock = 64 - PageShift;

    private readonly VtdQueue _queue;
    private readonly int _blocksPerRange;

    // One less: from the first page of a range to its last.
    private readonly ulong _domainThreshold;
    private readonly int _largestBlock;
    private readonly bool _usesHint;
    private readonly bool _waitsBeforeDevices;
    private readonly bool _waitsForEach;

    /// <summary>Makes it for a unit.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="options">The rules.</param>
    /// <param name="queue">Its queue.</param>
    public VtdInvalidator(VtdUnit unit, VtdDriverOptions options, VtdQueue queue)
    {
        var capability = unit.Capability;
        _queue = queue;
        _blocksPerRange = options.BlocksPerRange == 0 ? DefaultBlocks : options.BlocksPerRange;
        _domainThreshold = options.DomainThreshold == 0 ? ulong.MaxValue : (ulong)options.DomainThreshold - 1;
        _largestBlock = capability.PageSelectiveInvalidation ? capability.MaxAddressMask : -1;
        _usesHint = options.UsesHint;
        _waitsForEach = options.WaitsForEach;
        _waitsBeforeDevices = options.WaitsBeforeDeviceTlb && !_waitsForEach;
    }

    /// <summary>Invalidates what the unit holds of a range, by naturally aligned blocks, or all of the domain.</summary>
    /// <param name="tags">Where it may be held.</param>
    /// <param name="iova">The first IOVA.</param>
    /// <param name="lastIova">The last IOVA.</param>
    /// <param name="changesTables">Whether pointers to tables must go too.</param>
    public void Invalidate(VtdTags tags, ulong iova, ulong lastIova, bool changesTables)
    {
        ulong first = iova >> PageShift;
        ulong last = lastIova >> PageShift;
        bool hint = _usesHint && !changesTables;
        foreach (var tag in tags.Translations)
        {
            Invalidate(tag, first, last, hint);
        }
    }

    /// <summary>Invalidates everything that is cached of a domain, in the unit and in devices.</summary>
    public void InvalidateEverything(VtdTags tags)
    {
        foreach (var tag in tags.Translations)
        {
            InvalidateAllOf(tag);
        }

        if (tags.Devices.Length != 0)
        {
            InvalidateBeforeDevices();
            foreach (var device in tags.Devices)
            {
                InvalidateDevice(device, 0, 64);
            }
        }
    }

    /// <summary>
    /// Invalidates what devices hold of ranges. The unit's own translations were invalidated in the same piece before: a device could ask for what it
    /// dropped, and be given it from there.
    /// </summary>
    /// <param name="devices">The devices.</param>
    /// <param name="ranges">The ranges.</param>
    public void InvalidateDevices(VtdDeviceTag[] devices, ReadOnlySpan<Interval> ranges)
    {
        InvalidateBeforeDevices();
        foreach (var range in ranges)
        {
            foreach (var device in devices)
            {
                InvalidateDevice(device, range.First >> PageShift, range.Last >> PageShift);
            }
        }
    }

    /// <summary>Drops the context entry of a device.</summary>
    /// <param name="domainId">The domain that it had; 0 in scalable mode.</param>
    /// <param name="source">The device.</param>
    public void DropContext(ushort domainId, ushort source) =>
        _queue.Do(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Selective, domainId, source));

    /// <summary>Drops all context entries.</summary>
    public void DropContexts() => _queue.Do(VtdInvalidationDescriptor.InvalidateContexts(VtdGranularity.Global));

    /// <summary>Drops the entries of a PASID in a domain.</summary>
    public void DropPasid(ushort domainId, int pasid) => _queue.Do(VtdInvalidationDescriptor.InvalidatePasids(domainId, (uint)pasid));

    /// <summary>Drops all PASID entries.</summary>
    public void DropPasids() => _queue.Do(VtdInvalidationDescriptor.InvalidateAllPasids());

    /// <summary>Drops all translations of the unit.</summary>
    public void DropTranslations() => _queue.Do(VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Global));

    /// <summary>Drops the unit's translations of a tag.</summary>
    public void Drop(VtdTag tag) => _queue.Do(AllOf(tag));

    /// <summary>Drops all that a device holds, if it is one that holds any.</summary>
    public void DropDevice(VtdDevice device, int pasid)
    {
        if (device.HasDeviceTlb)
        {
            _queue.Do(OfDevice(new VtdDeviceTag(device.SourceId, pasid), 0, 64));
        }
    }

    private static VtdInvalidationDescriptor AllOf(VtdTag tag) => tag.HasPasid
        ? VtdInvalidationDescriptor.InvalidatePasidIotlb(VtdGranularity.Domain, tag.DomainId, (uint)tag.Pasid)
        : VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Domain, tag.DomainId);

    private static VtdInvalidationDescriptor OfDevice(VtdDeviceTag device, ulong address, int sizeLog2) => device.Pasid == 0
        ? VtdInvalidationDescriptor.InvalidateDeviceTlb(device.SourceId, address, sizeLog2)
        : VtdInvalidationDescriptor.InvalidatePasidDeviceTlb(device.SourceId, (uint)device.Pasid, address, sizeLog2);

    private void Invalidate(VtdTag tag, ulong first, ulong last, bool hint)
    {
        if (_largestBlock < 0 || last - first >= _domainThreshold)
        {
            InvalidateAllOf(tag);
        }
        else if (IsWorthParts(first, last, _largestBlock))
        {
            for (ulong page = first; page - first <= last - first;)
            {
                int log2 = BlockLog2(page, last, _largestBlock);
                InvalidateBlock(tag, page, log2, hint);
                page += 1ul << log2;
            }
        }
        else if (AroundLog2(first, last) is var log2 && log2 <= _largestBlock)
        {
            InvalidateBlock(tag, first >> log2 << log2, log2, hint);
        }
        else
        {
            InvalidateAllOf(tag);
        }
    }

    private void InvalidateDevice(VtdDeviceTag device, ulong first, ulong last)
    {
        if (device.IsNested)
        {
            InvalidateDevice(device, 0, 64);
        }
        else if (IsWorthParts(first, last, LargestDeviceBlock))
        {
            for (ulong page = first; page - first <= last - first;)
            {
                int log2 = BlockLog2(page, last, LargestDeviceBlock);
                InvalidateDevice(device, page << PageShift, log2 + PageShift);
                page += 1ul << log2;
            }
        }
        else
        {
            int log2 = AroundLog2(first, last);
            InvalidateDevice(device, first >> log2 << log2 << PageShift, log2 + PageShift);
        }
    }

    private void InvalidateDevice(VtdDeviceTag device, ulong address, int sizeLog2) => Add(OfDevice(device, address, sizeLog2));

    private void InvalidateBeforeDevices()
    {
        if (_waitsBeforeDevices)
        {
            _queue.Add(VtdInvalidationDescriptor.Fence());
        }
    }

    private void InvalidateAllOf(VtdTag tag) => Add(AllOf(tag));

    private void InvalidateBlock(VtdTag tag, ulong page, int log2, bool hint) => Add(tag.HasPasid
        ? VtdInvalidationDescriptor.InvalidatePasidIotlb(
            VtdGranularity.Selective, tag.DomainId, (uint)tag.Pasid, page << PageShift, log2, hint)
        : VtdInvalidationDescriptor.InvalidateIotlb(VtdGranularity.Selective, tag.DomainId, page << PageShift, log2, hint));

    private void Add(in VtdInvalidationDescriptor descriptor)
    {
        // The last has the wait at the end of the piece.
        if (_waitsForEach && _queue.HasPiece)
        {
            _queue.Add(VtdInvalidationDescriptor.Fence());
        }

        _queue.Add(descriptor);
    }

    /// <summary>Log2 of the pages of the smallest aligned block around a range.</summary>
    private static int AroundLog2(ulong first, ulong last) => first == last ? 0 : BitOperations.Log2(first ^ last) + 1;

    /// <summary>Log2 of the pages of the largest block that starts at a page and ends before another at the latest.</summary>
    private static int BlockLog2(ulong page, ulong last, int largest) =>
        Math.Min(Math.Min(BitOperations.TrailingZeroCount(page), BitOperations.Log2(last - page + 1)), largest);

    private bool IsWorthParts(ulong first, ulong last, int largest)
    {
        if (_blocksPerRange == 1)
        {
            return false;
        }

        int count = 0;
        for (ulong page = first; page - first <= last - first && count <= _blocksPerRange; count++)
        {
            page += 1ul << BlockLog2(page, last, largest);
        }

        return count <= _blocksPerRange;
    }
}
