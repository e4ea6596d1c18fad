using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.PageTables;

namespace IommuKit.Dma;

/// <content>Memory of this process, such as arrays.</content>
public sealed partial class DmaMapper
{
    /// <summary>Maps memory of this process, such as an array or a part of one.</summary>
    /// <param name="memory">The memory. It stays where it is until no device can use it.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <returns>What <see cref="UnmapMemory"/> takes; <see cref="DmaMemoryMapping.Iova"/> is for the device.</returns>
    /// <remarks>
    /// What shares a granule with something else is copied, so that the device cannot reach that (<see cref="DmaMapperOptions.Bounce"/>): to it when it
    /// is mapped and by <see cref="SyncForDevice(in DmaMemoryMapping, ulong, ulong)"/>, and back when it is unmapped and by
    /// <see cref="SyncForCpu(in DmaMemoryMapping, ulong, ulong)"/>. Between map and unmap the memory is the device's.
    /// </remarks>
    /// <exception cref="IommuException">As <see cref="TryMapMemory"/> says.</exception>
    /// <exception cref="InvalidOperationException">Something has to be copied, and there is nowhere to (<see cref="DmaMapperOptions.Memory"/>).</exception>
    public DmaMemoryMapping MapMemory(Memory<byte> memory, DmaDirection direction)
    {
        var error = TryMapMemory(memory, direction, out var mapping);
        return error == IommuError.None
            ? mapping
            : throw new IommuException(error, $"Cannot map {memory.Length} bytes of this process for a device.{Domain.Advice(error)}");
    }

    /// <summary>Maps memory of this process, without an exception on failure.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <param name="mapping">What <see cref="UnmapMemory"/> takes.</param>
    /// <returns>EINVAL empty; ENOMEM no memory for a copy; ENOSPC no place among the IOVAs that the device reaches; what the domain says.</returns>
    /// <inheritdoc cref="MapMemory" path="/remarks"/>
    /// <exception cref="InvalidOperationException">Something has to be copied, and there is nowhere to (<see cref="DmaMapperOptions.Memory"/>).</exception>
    public IommuError TryMapMemory(Memory<byte> memory, DmaDirection direction, out DmaMemoryMapping mapping)
    {
        mapping = default;
        if (memory.IsEmpty)
        {
            return IommuError.EINVAL;
        }

        var bounced = _bounces.Rent();
        try
        {
            var error = MapPinned(memory, direction, bounced, out mapping);
            if (error != IommuError.None)
            {
                _bounces.Return(bounced);
            }

            return error;
        }
        catch (IommuException failure) when (failure.Error == IommuError.ENOMEM)
        {
            _bounces.Return(bounced);
            return IommuError.ENOMEM;
        }
        catch
        {
            _bounces.Return(bounced);
            throw;
        }
    }

    /// <summary>
    /// Unmaps memory, after what the device wrote to copies of it is there. Under a policy that flushes later the memory stays where it is, and a device
    /// may use it or its copies, until the flush.
    /// </summary>
    /// <exception cref="ArgumentException">It is not mapped by this mapper.</exception>
    public void UnmapMemory(in DmaMemoryMapping mapping)
    {
        var bounced = Check(mapping);
        CopyForCpu(mapping, bounced, 0, (ulong)mapping.Memory.Length);
        Remove(mapping.Range, bounced.Release);
    }

    /// <summary>Has the CPU see what the device wrote so far.</summary>
    /// <param name="mapping">What is mapped.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentException">The bytes are not in it, or it is not mapped by this mapper.</exception>
    public void SyncForCpu(in DmaMemoryMapping mapping, ulong offset, ulong length)
    {
        var bounced = Check(mapping, offset, length);
        CopyForCpu(mapping, bounced, offset, length);
    }

    /// <summary>Has the device see what the CPU stored so far; nothing if it only writes (<see cref="DmaDirection.FromDevice"/>).</summary>
    /// <inheritdoc cref="SyncForCpu(in DmaMemoryMapping, ulong, ulong)" path="/param"/>
    /// <inheritdoc cref="SyncForCpu(in DmaMemoryMapping, ulong, ulong)" path="/exception"/>
    public void SyncForDevice(in DmaMemoryMapping mapping, ulong offset, ulong length)
    {
        var bounced = Check(mapping, offset, length);
        if (mapping.Direction == DmaDirection.FromDevice)
        {
            // What the device wrote since the last look would be gone.
            return;
        }

        bounced.CopyIn(mapping.Memory.Span, offset, length);
        CleanCopies(bounced);
    }

    private IommuError MapPinned(Memory<byte> memory, DmaDirection direction, BouncedMemory bounced, out DmaMemoryMapping mapping)
    {
        mapping = default;
        ulong length = (ulong)memory.Length;
        Span<PhysicalRange> pieces = stackalloc PhysicalRange[3];
        ulong offset = 0;
        if (_options.Bounce == DmaBounce.All || !Domain.MapsProcess)
        {
            bounced.Head = new BouncedPart(_bounces.Allocate(length), 0, 0, length);
            pieces[0] = new PhysicalRange(bounced.Head.Slot.PhysicalAddress, (length + _mask) & ~_mask);
        }
        else
        {
            bounced.Pin(memory);
            ref byte first = ref MemoryMarshal.GetReference(memory.Span);
            ulong address = (ulong)Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref first);
            offset = address & _mask;
            BounceEdges(address, length, bounced, pieces);
            if (direction == DmaDirection.ToDevice)
            {
                Own(memory.Span, (int)bounced.Head.Length, memory.Length - (int)bounced.Tail.Length);
            }
        }

        bounced.Head.Fill(memory.Span, _mask);
        bounced.Tail.Fill(memory.Span, _mask);
        CleanCopies(bounced);
        ulong size = (length + offset + _mask) & ~_mask;
        if (!TryTakeIovas(size, pieces[0].Address, out var range))
        {
            return IommuError.ENOSPC;
        }

        var error = Domain.TryMapScatterGather(range.Iova, pieces, RightsOf(direction, DmaAttributes.None), out _);
        if (error != IommuError.None)
        {
            _iovas.Free(range);
            return error;
        }

        bounced.Range = range;
        mapping = new DmaMemoryMapping(range, range.Iova + offset, memory, direction, bounced.Head.Length + bounced.Tail.Length, bounced);
        return IommuError.None;
    }

    /// <summary>Copies the parts that share a granule with something else, and says which granules the device sees in their order.</summary>
    private void BounceEdges(ulong address, ulong length, BouncedMemory bounced, Span<PhysicalRange> pieces)
    {
        ulong granule = _mask + 1;
        ulong offset = address & _mask;
        ulong end = (address + length) & _mask;
        ulong size = (length + offset + _mask) & ~_mask;
        ulong head = offset != 0 || (size == granule && end != 0) ? granule : 0;
        ulong tail = end != 0 && head != size ? granule : 0;
        if (head != 0)
        {
            bounced.Head = new BouncedPart(_bounces.Allocate(granule), offset, 0, Math.Min(length, granule - offset));
            pieces[0] = new PhysicalRange(bounced.Head.Slot.PhysicalAddress, granule);
        }

        pieces[1] = new PhysicalRange((address & ~_mask) + head, size - head - tail);
        if (tail != 0)
        {
            bounced.Tail = new BouncedPart(_bounces.Allocate(granule), 0, length - end, end);
            pieces[2] = new PhysicalRange(bounced.Tail.Slot.PhysicalAddress, granule);
        }
    }

    /// <summary>
    /// Stores to each granule what is in it. Of pages that nobody wrote to, a kernel may pin the one page of zeros that all share, and a device that only
    /// reads would go on to see it.
    /// </summary>
    private void Own(Span<byte> data, int first, int end)
    {
        for (int at = first; at < end; at += (int)Domain.Granule)
        {
            // Where granules begin, so it is aligned.
            Interlocked.Or(ref Unsafe.As<byte, int>(ref data[at]), 0);
        }
    }

    private void CopyForCpu(in DmaMemoryMapping mapping, BouncedMemory bounced, ulong offset, ulong length)
    {
        if (mapping.Direction == DmaDirection.ToDevice)
        {
            return;
        }

        if (_cache is not null)
        {
            Invalidate(bounced.Head);
            Invalidate(bounced.Tail);
        }

        bounced.CopyOut(mapping.Memory.Span, offset, length);
    }

    private void CleanCopies(BouncedMemory bounced)
    {
        if (_cache is not null)
        {
            Clean(bounced.Head);
            Clean(bounced.Tail);
            _cache.Barrier();
        }
    }

    private void Clean(in BouncedPart part)
    {
        if (part.Length != 0)
        {
            _cache!.Clean(part.Slot.PhysicalAddress, part.Slot.Length);
        }
    }

    private void Invalidate(in BouncedPart part)
    {
        if (part.Length != 0)
        {
            _cache!.Invalidate(part.Slot.PhysicalAddress, part.Slot.Length);
        }
    }

    private BouncedMemory Check(in DmaMemoryMapping mapping, ulong offset = 0, ulong length = 0)
    {
        if (mapping.Bounced is not { } bounced || bounced.Range != mapping.Range || !_iovas.IsHandedOut(mapping.Range))
        {
            throw NotMapped(nameof(mapping));
        }

        ulong all = (ulong)mapping.Memory.Length;
        return offset <= all && length <= all - offset
            ? bounced
            : throw new ArgumentOutOfRangeException(nameof(offset), $"0x{length:x} bytes at 0x{offset:x} are outside of {all} bytes.");
    }
}
