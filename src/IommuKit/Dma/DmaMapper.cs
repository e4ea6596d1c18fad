using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using IommuKit.Domains;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Dma;

/// <summary>
/// Maps buffers and scatter lists for devices: it chooses the IOVAs, turns directions into rights, keeps the CPU's cache in step where devices do not
/// snoop it, and hands an IOVA out again only when no device can use what was there. Any number of threads may use it at once.
/// </summary>
/// <remarks>
/// <para>It makes a domain of its own with any driver; when devices may still use what was unmapped is that domain's policy. Under
/// <see cref="SyncPolicy.Deferred"/> the domain's queue is the flush queue: its capacity holds back who unmaps faster than it is flushed, and
/// <see cref="UnmapAsync"/> ends when the flush is done.</para>
/// <para>To map and unmap a buffer allocates nothing once it has run before. Faster yet are buffers that stay mapped: <see cref="DmaPool"/>.</para>
/// </remarks>
public sealed partial class DmaMapper : IUnmapListener, IDisposable
{
    private const int ActionShift = 32;

    // IOVAs that are given back in one step.
    private const int MostReturned = 128;

    private readonly GoneActions _actions = new();
    private readonly UnmapFlushedAction? _flushed;
    private readonly IovaAllocator _iovas;
    private readonly IovaSource _source;
    private readonly BounceBuffers _bounces;
    private readonly IDmaCache? _cache;
    private readonly DmaMapperOptions _options;
    private readonly ulong _mask;
    private readonly bool _isDeferred;

    // Bits of a physical address and a length that must be 0: those in a granule where devices are not trusted with what else is in it.
    private readonly ulong _refusedBits;

    /// <summary>Makes a mapper, and its domain.</summary>
    /// <param name="driver">The driver of the IOMMU.</param>
    /// <param name="options">What devices and machine are like; null for the usual.</param>
    /// <param name="domainOptions">The domain's policy and page sizes; null for the usual.</param>
    /// <exception cref="IommuException">The domain cannot be made (EINVAL, ENOMEM).</exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public DmaMapper(IommuDriver driver, DmaMapperOptions? options = null, DomainOptions? domainOptions = null)
    {
        ArgumentNullException.ThrowIfNull(driver);
        _options = options ?? new DmaMapperOptions();
        if (_options.SegmentBoundary != 0 && !BitOperations.IsPow2(_options.SegmentBoundary))
        {
            throw new ArgumentException("The boundary of segments is not a power of two.", nameof(options));
        }

        if (_options.MostSegmentBytes == 0)
        {
            throw new ArgumentException("A segment has at least one byte.", nameof(options));
        }

        domainOptions ??= new DomainOptions();
        _flushed = domainOptions.UnmapFlushed is { } flushed ? new UnmapFlushedAction(flushed) : null;
        Domain = driver.CreateDomain(domainOptions with { UnmapListener = this });
        try
        {
            _isDeferred = Domain.Policy == SyncPolicy.Deferred;
            _cache = _options.Cache;
            _mask = Domain.Granule - 1;
            _refusedBits = _options.Bounce == DmaBounce.All ? _mask : 0;
            _bounces = new BounceBuffers(_options.Memory, Domain.Granule);
            _iovas = new IovaAllocator(_options.Iovas with { Granule = Domain.Granule, Last = Math.Min(_options.Iovas.Last, Domain.ApertureEnd) });
            foreach (var (first, last) in Domain.ReservedIovas.Concat(_options.Reserved))
            {
                _iovas.Reserve(first, last);
            }

            _source = new IovaSource(_iovas, Math.Min(_options.DeviceLast, Domain.ApertureEnd), _options.PrefersLow);
        }
        catch
        {
            Domain.Dispose();
            throw;
        }
    }

    /// <summary>The domain: devices are attached to it. What is mapped in it otherwise must be at IOVAs that are reserved.</summary>
    public IommuDomain Domain { get; }

    /// <summary>How IOVAs are doing.</summary>
    public IovaStatistics Statistics => _iovas.Statistics;

    /// <summary>The largest mapping in bytes whose IOVAs come from caches; 0 if there are none.</summary>
    public ulong OptimalSize => _iovas.OptimalSize;

    /// <summary>Where in a scatter list pieces become one segment: where both ends are multiples of this.</summary>
    public ulong MergeBoundary => Domain.Granule;

    /// <summary>Maps a buffer.</summary>
    /// <param name="physicalAddress">
    /// Its first byte. It may be anywhere in a granule, and then the device reaches the whole granule: nothing is copied, as only the address is known.
    /// Of a mapper whose devices are not trusted (<see cref="DmaBounce.All"/>) it is a whole number of granules, and refused otherwise.
    /// </param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <param name="attributes">What is special.</param>
    /// <returns>What <see cref="Unmap"/> takes; <see cref="DmaMapping.Iova"/> is for the device.</returns>
    /// <exception cref="IommuException">As <see cref="TryMap"/> says.</exception>
    public DmaMapping Map(
        ulong physicalAddress, ulong length, DmaDirection direction, DmaAttributes attributes = DmaAttributes.None)
    {
        var error = TryMap(physicalAddress, length, direction, out var mapping, attributes);
        return error == IommuError.None
            ? mapping
            : throw new IommuException(error, $"Cannot map 0x{length:x} bytes at 0x{physicalAddress:x} for a device.{AdviceOnParts(physicalAddress | length)}{Domain.Advice(error)}");
    }

    /// <summary>Maps a buffer, without an exception on failure.</summary>
    /// <param name="physicalAddress">Its first byte.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="direction">Which way data goes.</param>
    /// <param name="mapping">What <see cref="Unmap"/> takes.</param>
    /// <param name="attributes">What is special.</param>
    /// <returns>
    /// EINVAL empty, or a part of a granule for devices that are not trusted; EOVERFLOW wraps around; ENOSPC no place among the IOVAs that the device
    /// reaches; what the domain says.
    /// </returns>
    public IommuError TryMap(
        ulong physicalAddress, ulong length, DmaDirection direction, out DmaMapping mapping, DmaAttributes attributes = DmaAttributes.None)
    {
        mapping = default;
        ulong offset = physicalAddress & _mask;
        if (length == 0 || ((physicalAddress | length) & _refusedBits) != 0)
        {
            return IommuError.EINVAL;
        }

        if (length > ulong.MaxValue - physicalAddress || length > ulong.MaxValue - offset - _mask)
        {
            return IommuError.EOVERFLOW;
        }

        ulong size = (length + offset + _mask) & ~_mask;
        if (!TryTakeIovas(size, physicalAddress - offset, out var range))
        {
            return IommuError.ENOSPC;
        }

        if (NeedsSync(attributes))
        {
            SyncDevice(physicalAddress, length);
            _cache!.Barrier();
        }

        var error = Domain.TryMap(range.Iova, physicalAddress - offset, size, RightsOf(direction, attributes));
        if (error != IommuError.None)
        {
            _iovas.Free(range);
            return error;
        }

        mapping = new DmaMapping(range, offset, physicalAddress, length, direction, attributes);
        return IommuError.None;
    }

    /// <summary>Unmaps a buffer. Under a policy that flushes later a device may still use it: its memory must not be used for something else until the
    /// flush.</summary>
    /// <exception cref="ArgumentException">It is not mapped by this mapper.</exception>
    public void Unmap(in DmaMapping mapping) => End(mapping, gone: null);

    /// <summary>Unmaps a buffer, and ends when no device can use it any more.</summary>
    /// <remarks>It causes no flush: the queue's timer or capacity does, or <see cref="IommuDomain.Flush()"/>.</remarks>
    /// <exception cref="ArgumentException">It is not mapped by this mapper.</exception>
    public Task UnmapAsync(in DmaMapping mapping)
    {
        if (!_isDeferred)
        {
            Unmap(mapping);
            return Task.CompletedTask;
        }

        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        End(mapping, gone.SetResult);
        return gone.Task;
    }

    /// <summary>Has the CPU see what the device wrote so far. Nothing to do where devices snoop the CPU's cache.</summary>
    /// <param name="mapping">What is mapped.</param>
    /// <param name="offset">The first byte.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bytes are not in it.</exception>
    public void SyncForCpu(in DmaMapping mapping, ulong offset, ulong length)
    {
        CheckPart(mapping, offset, length);
        if (_cache is not null && length != 0 && mapping.Direction != DmaDirection.ToDevice)
        {
            _cache.Invalidate(mapping.PhysicalAddress + offset, length);
        }
    }

    /// <summary>Has the device see what the CPU stored so far. Nothing to do where devices snoop the CPU's cache.</summary>
    /// <inheritdoc cref="SyncForCpu(in DmaMapping, ulong, ulong)" path="/param"/>
    /// <inheritdoc cref="SyncForCpu(in DmaMapping, ulong, ulong)" path="/exception"/>
    public void SyncForDevice(in DmaMapping mapping, ulong offset, ulong length)
    {
        CheckPart(mapping, offset, length);
        if (_cache is not null && length != 0)
        {
            SyncDevice(mapping.PhysicalAddress + offset, length);
            _cache.Barrier();
        }
    }

    /// <summary>Disposes of the domain, with everything that is mapped in it.</summary>
    public void Dispose()
    {
        Domain.Dispose();
        _bounces.Close();
    }

    /// <summary>What a device may do.</summary>
    internal static Protection RightsOf(DmaDirection direction, DmaAttributes attributes)
    {
        var rights = direction switch
        {
            DmaDirection.ToDevice => Protection.Read,
            DmaDirection.FromDevice => Protection.Write,
            _ => Protection.Read | Protection.Write,
        };
        rights |= (attributes & DmaAttributes.Mmio) != 0 ? Protection.Mmio : Protection.Cache;
        return (attributes & DmaAttributes.Privileged) != 0 ? rights | Protection.Privileged : rights;
    }

    /// <summary>Why parts of granules are refused, if they are; else nothing.</summary>
    /// <param name="bits">The bits of all addresses and lengths.</param>
    private string AdviceOnParts(ulong bits) => (bits & _refusedBits) == 0 ? string.Empty
        : $" Devices that are not trusted (DmaBounce.All) are given whole granules of 0x{Domain.Granule:x} bytes: copy parts into a buffer (CreateBuffer), "
            + "or map memory of the process (MapMemory), which copies them.";

    private void End(in DmaMapping mapping, Action? gone)
    {
        Remove(mapping.Range, gone);
        if (NeedsSync(mapping.Attributes) && mapping.Direction != DmaDirection.ToDevice)
        {
            _cache!.Invalidate(mapping.PhysicalAddress, mapping.Length);
        }
    }

    /// <summary>Unmaps a range, and gives its IOVAs back when no device can use them.</summary>
    private void Remove(IovaRange range, Action? gone)
    {
        if (_isDeferred)
        {
            RemoveLater(range, gone);
            return;
        }

        if (!_iovas.IsHandedOut(range))
        {
            throw NotMapped(nameof(range));
        }

        var error = Domain.TryUnmap(range.Iova, range.Size, out ulong unmapped);
        if (error != IommuError.None || unmapped < range.Size)
        {
            throw Lost(range, error, unmapped);
        }

        _iovas.Free(range);
        gone?.Invoke();
    }

    /// <summary>Unmaps a range whose IOVAs, by the tag of the unmap, come back with the flush.</summary>
    private void RemoveLater(IovaRange range, Action? gone)
    {
        // Before the unmap, as the flush may follow on another thread. From here on nobody else can unmap the range.
        if (!_iovas.TryRetire(range))
        {
            throw NotMapped(nameof(range));
        }

        ulong tag = TagOf(range.Node, gone);
        IommuError error;
        ulong unmapped;
        try
        {
            error = Domain.TryUnmap(range.Iova, range.Size, tag, out unmapped);
        }
        catch
        {
            // What a listener threw when the timer had flushed is told first, and nothing is unmapped then.
            if (Domain.TryFindNext(range.Iova, range.Iova + (range.Size - 1), out _))
            {
                TakeBack(range, tag);
            }

            throw;
        }

        if (error != IommuError.None || unmapped < range.Size)
        {
            if (unmapped == 0)
            {
                TakeBack(range, tag);
            }

            throw Lost(range, error, unmapped);
        }
    }

    private static ArgumentException NotMapped(string parameter) => new("It was not mapped by this mapper, or is unmapped already.", parameter);

    private static Exception Lost(IovaRange range, IommuError error, ulong unmapped) => error != IommuError.None
        ? new IommuException(error, $"Cannot unmap IOVA 0x{range.Iova:x}.")
        : new ArgumentException($"0x{range.Size - unmapped:x} bytes at IOVA 0x{range.Iova:x} were unmapped by somebody else.", nameof(range));

    /// <summary>What an unmap is known by after its flush: the node of its IOVAs, 0 for a part of a window, and the number of what to call, if any.</summary>
    private ulong TagOf(int node, Action? gone) => (gone is null ? 0 : (ulong)_actions.Add(gone) << ActionShift) | (uint)node;

    /// <summary>Nothing was unmapped.</summary>
    private void TakeBack(IovaRange range, ulong tag)
    {
        if (tag >> ActionShift != 0)
        {
            _actions.Take((int)(tag >> ActionShift));
        }

        _iovas.TakeBack(range);
    }

    /// <summary>The domain's queue was flushed.</summary>
    [SkipLocalsInit]
    void IUnmapListener.Flushed(ReadOnlySpan<FlushedUnmap> unmaps)
    {
        Span<int> nodes = stackalloc int[MostReturned];
        int count = 0;
        ulong tags = 0;
        foreach (ref readonly var unmap in unmaps)
        {
            tags |= unmap.Tag;
            nodes[count] = (int)(uint)unmap.Tag;
            count += nodes[count] != 0 ? 1 : 0;
            if (count == MostReturned)
            {
                _iovas.Return(nodes);
                count = 0;
            }
        }

        _iovas.Return(nodes[..count]);
        try
        {
            if (tags >> ActionShift != 0)
            {
                CallGone(unmaps);
            }
        }
        finally
        {
            _flushed?.Flushed(unmaps);
        }
    }

    private void CallGone(ReadOnlySpan<FlushedUnmap> unmaps)
    {
        ExceptionDispatchInfo? failure = null;
        foreach (ref readonly var unmap in unmaps)
        {
            try
            {
                if (unmap.Tag >> ActionShift != 0)
                {
                    _actions.Take((int)(unmap.Tag >> ActionShift))();
                }
            }
            catch (Exception exception)
            {
                // Of memory of the caller's own kind, say. The others are not to wait for ever.
                failure ??= ExceptionDispatchInfo.Capture(exception);
            }
        }

        failure?.Throw();
    }

    private bool TryTakeIovas(ulong size, ulong physicalAddress, out IovaRange range)
    {
        // Where sizes are not cached anyway, IOVA and address agree in their low bits, so that large pages can be used.
        ulong alignment = size > _iovas.OptimalSize ? LargestPage(size) : 0;
        ulong offset = alignment == 0 ? 0 : physicalAddress & (alignment - 1);
        if (_source.TryAllocate(size, out range, alignment, offset))
        {
            return true;
        }

        if (_isDeferred)
        {
            // What waits in the queue may be what is missing.
            Domain.Flush();
        }

        return (_isDeferred && _source.TryAllocate(size, out range, alignment, offset)) || (alignment != 0 && _source.TryAllocate(size, out range));
    }

    /// <summary>The largest page that fits, if it is larger than the granule; else 0.</summary>
    private ulong LargestPage(ulong size)
    {
        ulong sizes = Domain.PageSizes & (ulong.MaxValue >> BitOperations.LeadingZeroCount(size));
        ulong largest = sizes == 0 ? 0 : 1ul << BitOperations.Log2(sizes);
        return largest > Domain.Granule ? largest : 0;
    }

    private bool NeedsSync(DmaAttributes attributes) => _cache is not null && (attributes & (DmaAttributes.SkipCpuSync | DmaAttributes.Mmio)) == 0;

    private void SyncDevice(ulong physicalAddress, ulong length) =>
        //// Also where the device only writes: a line that is written back later would undo that.
        _cache!.Clean(physicalAddress, length);

    private static void CheckPart(in DmaMapping mapping, ulong offset, ulong length)
    {
        if (offset > mapping.Length || length > mapping.Length - offset)
        {
            throw new ArgumentOutOfRangeException(
                nameof(offset), $"0x{length:x} bytes at 0x{offset:x} are outside a mapping of 0x{mapping.Length:x} bytes.");
        }
    }
}
