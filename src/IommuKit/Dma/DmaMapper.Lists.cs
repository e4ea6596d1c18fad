using System.Buffers;
using System.Runtime.CompilerServices;
using IommuKit.PageTables;

namespace IommuKit.Dma;

/// <content>Scatter lists.</content>
public sealed partial class DmaMapper
{
    private const int UsualPieces = 32;

    /// <summary>Maps a scatter list as one range of IOVAs.</summary>
    /// <param name="list">
    /// The pieces, anywhere in memory and of any length; empty ones are left out. The device reaches all granules that they touch, as a whole: nothing is
    /// copied. Of a mapper whose devices are not trusted (<see cref="DmaBounce.All"/>) each is whole granules, and refused otherwise.
    /// </param>
    /// <param name="direction">Which way data goes.</param>
    /// <param name="segments">
    /// What the device is told. Pieces that follow each other in IOVAs are one segment, and segments are cut where they are too long or would cross a
    /// boundary (<see cref="DmaMapperOptions"/>). How many there are is in the result.
    /// </param>
    /// <param name="attributes">What is special.</param>
    /// <exception cref="IommuException">As <see cref="TryMapList"/> says.</exception>
    public DmaListMapping MapList(
        ReadOnlySpan<PhysicalRange> list, DmaDirection direction, Span<DmaSegment> segments, DmaAttributes attributes = DmaAttributes.None)
    {
        var error = TryMapList(list, direction, segments, out var mapping, attributes);
        return error == IommuError.None
            ? mapping
            : throw new IommuException(error, $"Cannot map a list of {list.Length} pieces for a device in {segments.Length} segments.{AdviceOnParts(BitsOf(list))}");
    }

    /// <summary>Maps a scatter list, without an exception on failure.</summary>
    /// <param name="list">The pieces.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <param name="segments">What the device is told.</param>
    /// <param name="mapping">What <see cref="UnmapList"/> takes.</param>
    /// <param name="attributes">What is special.</param>
    /// <returns>
    /// EINVAL empty, or parts of granules for devices that are not trusted; EOVERFLOW wraps around; ENOSPC no place among the IOVAs that the device reaches, or more segments than there is room for; what the
    /// domain says. Nothing is mapped then.
    /// </returns>
    [SkipLocalsInit]
    public IommuError TryMapList(
        ReadOnlySpan<PhysicalRange> list,
        DmaDirection direction,
        Span<DmaSegment> segments,
        out DmaListMapping mapping,
        DmaAttributes attributes = DmaAttributes.None)
    {
        PhysicalRange[]? rented = list.Length > UsualPieces ? ArrayPool<PhysicalRange>.Shared.Rent(list.Length) : null;
        try
        {
            var pieces = rented is null ? stackalloc PhysicalRange[UsualPieces] : rented.AsSpan();
            return MapPieces(list, pieces[..list.Length], direction, segments, out mapping, attributes);
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<PhysicalRange>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Unmaps a scatter list.</summary>
    /// <param name="mapping">What <see cref="MapList"/> returned.</param>
    /// <param name="list">The list that was mapped; looked at only where devices do not snoop the CPU's cache.</param>
    /// <exception cref="ArgumentException">It is not mapped by this mapper.</exception>
    public void UnmapList(in DmaListMapping mapping, ReadOnlySpan<PhysicalRange> list)
    {
        Remove(mapping.Range, gone: null);
        if (NeedsSync(mapping.Attributes))
        {
            SyncListForCpu(mapping, list);
        }
    }

    /// <summary>Has the CPU see what the device wrote so far. Nothing to do where devices snoop the CPU's cache.</summary>
    /// <inheritdoc cref="UnmapList" path="/param"/>
    public void SyncListForCpu(in DmaListMapping mapping, ReadOnlySpan<PhysicalRange> list)
    {
        if (_cache is not null && mapping.Direction != DmaDirection.ToDevice)
        {
            foreach (var piece in list)
            {
                _cache.Invalidate(piece.Address, piece.Length);
            }
        }
    }

    /// <summary>Has the device see what the CPU stored so far. Nothing to do where devices snoop the CPU's cache.</summary>
    /// <param name="list">The list that is mapped.</param>
    public void SyncListForDevice(ReadOnlySpan<PhysicalRange> list)
    {
        if (_cache is not null)
        {
            foreach (var piece in list)
            {
                SyncDevice(piece.Address, piece.Length);
            }

            _cache.Barrier();
        }
    }

    private IommuError MapPieces(
        ReadOnlySpan<PhysicalRange> list,
        Span<PhysicalRange> pieces,
        DmaDirection direction,
        Span<DmaSegment> segments,
        out DmaListMapping mapping,
        DmaAttributes attributes)
    {
        mapping = default;
        if (_refusedBits != 0 && (BitsOf(list) & _refusedBits) != 0)
        {
            return IommuError.EINVAL;
        }

        var error = TryWiden(list, pieces, out ulong size);
        if (error != IommuError.None)
        {
            return error;
        }

        if (!TryTakeIovas(size, pieces[0].Address, out var range))
        {
            return IommuError.ENOSPC;
        }

        if (!TrySegment(list, range.Iova, segments, out int count))
        {
            _iovas.Free(range);
            return IommuError.ENOSPC;
        }

        if (NeedsSync(attributes))
        {
            SyncListForDevice(list);
        }

        error = Domain.TryMapScatterGather(range.Iova, pieces, RightsOf(direction, attributes), out _);
        if (error != IommuError.None)
        {
            _iovas.Free(range);
            return error;
        }

        mapping = new DmaListMapping(range, count, direction, attributes);
        return IommuError.None;
    }

    /// <summary>The bits of all addresses and lengths; those of empty pieces are no matter.</summary>
    private static ulong BitsOf(ReadOnlySpan<PhysicalRange> list)
    {
        ulong bits = 0;
        foreach (var (address, length) in list)
        {
            bits |= length == 0 ? 0 : address | length;
        }

        return bits;
    }

    /// <summary>Makes whole granules of the pieces.</summary>
    private IommuError TryWiden(ReadOnlySpan<PhysicalRange> list, Span<PhysicalRange> pieces, out ulong size)
    {
        size = 0;
        for (int i = 0; i < list.Length; i++)
        {
            var (address, length) = list[i];
            ulong offset = address & _mask;
            if (length > ulong.MaxValue - address || length > ulong.MaxValue - offset - _mask)
            {
                return IommuError.EOVERFLOW;
            }

            ulong wide = length == 0 ? 0 : (length + offset + _mask) & ~_mask;
            if (wide > ulong.MaxValue - size)
            {
                return IommuError.EOVERFLOW;
            }

            pieces[i] = new PhysicalRange(address - offset, wide);
            size += wide;
        }

        return size == 0 ? IommuError.EINVAL : IommuError.None;
    }

    /// <summary>Says how the device sees the list.</summary>
    private bool TrySegment(ReadOnlySpan<PhysicalRange> list, ulong iova, Span<DmaSegment> segments, out int count)
    {
        count = 0;
        foreach (var (address, length) in list)
        {
            ulong offset = length == 0 ? 0 : address & _mask;
            ulong at = iova + offset;
            for (ulong left = length; left != 0;)
            {
                ulong room = Math.Min(left, RoomToBoundary(at));
                bool joins = count != 0 && segments[count - 1] is var last && last.Iova + last.Length == at
                    && last.Length < _options.MostSegmentBytes && !IsOnBoundary(at);
                if (!joins && count == segments.Length)
                {
                    return false;
                }

                ulong used = joins ? segments[count - 1].Length : 0;
                ulong taken = Math.Min(room, _options.MostSegmentBytes - used);
                if (joins)
                {
                    segments[count - 1] = segments[count - 1] with { Length = used + taken };
                }
                else
                {
                    segments[count++] = new DmaSegment(at, taken);
                }

                at += taken;
                left -= taken;
            }

            iova += length == 0 ? 0 : (length + offset + _mask) & ~_mask;
        }

        return true;
    }

    private ulong RoomToBoundary(ulong iova) =>
        _options.SegmentBoundary == 0 ? ulong.MaxValue : _options.SegmentBoundary - (iova & (_options.SegmentBoundary - 1));

    private bool IsOnBoundary(ulong iova) => _options.SegmentBoundary != 0 && (iova & (_options.SegmentBoundary - 1)) == 0;
}
