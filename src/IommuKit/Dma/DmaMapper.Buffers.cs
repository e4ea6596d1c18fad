using IommuKit.Specs.PageTables;

namespace IommuKit.Dma;

/// <content>Windows and buffers, which are mapped once.</content>
public sealed partial class DmaMapper
{
    /// <summary>Takes IOVAs, with nothing behind them.</summary>
    /// <param name="size">Bytes, at least 1.</param>
    /// <exception cref="IommuException">There is no place (ENOSPC).</exception>
    public DmaWindow CreateWindow(ulong size) => TryTakeIovas(size, 0, out var range)
        ? new DmaWindow(this, range)
        : throw new IommuException(IommuError.ENOSPC, $"There is no place for a window of 0x{size:x} bytes.");

    /// <summary>Takes memory, and maps it until it is disposed of.</summary>
    /// <param name="size">Bytes, at least 1; whole granules are mapped, and zeroed.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <exception cref="IommuException">There is no memory (ENOMEM), or no place (ENOSPC).</exception>
    /// <exception cref="InvalidOperationException">The mapper has no memory (<see cref="DmaMapperOptions.Memory"/>).</exception>
    public DmaBuffer CreateBuffer(ulong size, DmaDirection direction = DmaDirection.Bidirectional)
    {
        var source = _options.Memory ?? throw new InvalidOperationException("This mapper has no memory to make buffers of.");
        if (size == 0 || size > ulong.MaxValue - _mask)
        {
            throw new IommuException(IommuError.EINVAL, $"There is no buffer of 0x{size:x} bytes.");
        }

        var memory = source.Allocate((size + _mask) & ~_mask);
        try
        {
            return new DmaBuffer(this, source, memory, Map(memory.PhysicalAddress, memory.Length, direction));
        }
        catch
        {
            source.Free(memory);
            throw;
        }
    }

    /// <summary>Unmaps a buffer, and calls when no device can use it.</summary>
    internal void Remove(in DmaMapping mapping, Action gone) => End(mapping, gone);

    internal IommuError Link(ulong iova, ulong physicalAddress, ulong size, DmaDirection direction, DmaAttributes attributes)
    {
        if (NeedsSync(attributes) && size != 0 && size <= ulong.MaxValue - physicalAddress)
        {
            SyncDevice(physicalAddress, size);
            _cache!.Barrier();
        }

        return Domain.TryMap(iova, physicalAddress, size, RightsOf(direction, attributes));
    }

    /// <summary>Unmaps a part of a window, flushed, and calls when no listener will be told of it any more.</summary>
    internal ulong Unlink(ulong iova, ulong size, DmaAttributes attributes, Action gone)
    {
        var written = NeedsSync(attributes) ? Written(iova, size) : [];
        ulong tag = _isDeferred ? TagOf(node: 0, gone) : 0;
        var error = Domain.TryUnmap(iova, size, tag, out ulong unmapped);
        if (!_isDeferred)
        {
            gone();
        }
        else if (unmapped == 0)
        {
            _actions.Take((int)(tag >> ActionShift))();
        }

        if (error != IommuError.None || unmapped == 0)
        {
            error = error == IommuError.None ? IommuError.EINVAL : error;
            throw new IommuException(error, $"Cannot unlink 0x{size:x} bytes at IOVA 0x{iova:x}.");
        }

        Domain.Flush(iova, size);
        foreach (var (physicalAddress, bytes) in written)
        {
            _cache!.Invalidate(physicalAddress, bytes);
        }

        return unmapped;
    }

    /// <summary>What devices may have written by a part of a window, up to the first hole. What they only read may hold newer stores of the CPU.</summary>
    private List<(ulong PhysicalAddress, ulong Bytes)> Written(ulong iova, ulong size)
    {
        var ranges = new List<(ulong PhysicalAddress, ulong Bytes)>();
        for (ulong done = 0; done < size && Domain.TryFind(iova + done, out var mapping); done += Domain.Granule)
        {
            if ((mapping.Protection & (Protection.Write | Protection.Mmio)) != Protection.Write || !Domain.TryTranslate(iova + done, out ulong address))
            {
                continue;
            }

            if (ranges is [.., var last] && last.PhysicalAddress + last.Bytes == address)
            {
                ranges[^1] = (last.PhysicalAddress, last.Bytes + Domain.Granule);
            }
            else
            {
                ranges.Add((address, Domain.Granule));
            }
        }

        return ranges;
    }

    /// <summary>Takes back the IOVAs of a window.</summary>
    internal void Release(IovaRange range) => _iovas.Free(range);
}
