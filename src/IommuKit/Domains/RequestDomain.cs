using System.Numerics;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Domains;

/// <summary>
/// A domain without a page table of ours: maps and unmaps are requests to somebody else, who has one, such as a hypervisor or the host's kernel. A
/// driver derives from it and says how a request is made.
/// </summary>
/// <remarks>
/// <para>What was mapped in one call is one mapping, which goes as a whole, as a large page does: no request ever splits one.</para>
/// <para>
/// Requests take effect before they return, so that there is nothing to put off: of the policies there is only <see cref="SyncPolicy.Gather"/>. They
/// are made one after the other; look-ups are answered from what was asked for, without a request.
/// </para>
/// </remarks>
public abstract class RequestDomain : IommuDomain
{
    private readonly Lock _gate = new();
    private readonly MappingMap _mappings = new();
    private readonly ulong _lastAddress;
    private bool _isClosed;

    /// <summary>Makes an empty domain.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="options">What was asked for; page sizes, counters, and nothing that is about page tables.</param>
    /// <exception cref="IommuException">The options ask for what only page tables have, or for other page sizes than the driver's
    /// (EINVAL).</exception>
    protected RequestDomain(IommuDriver driver, DomainOptions options)
        : base(driver, options)
    {
        var traits = driver.Traits;
        if (options.Policy != SyncPolicy.Gather || options.SplitsPages || options.FlushAllPages != 0 || options.Release is not null)
        {
            throw new IommuException(
                IommuError.EINVAL, $"{traits.Name} maps by requests: there is no policy but Gather, and no page is split, flushed or released.");
        }

        PageSizes = ChoosePageSizes(traits, options);
        ApertureEnd = ulong.MaxValue >> (64 - traits.InputBits);
        _lastAddress = ulong.MaxValue >> (64 - traits.OutputBits);
        driver.Add(this);
    }

    /// <inheritdoc/>
    public sealed override ulong PageSizes { get; }

    /// <inheritdoc/>
    public sealed override ulong ApertureEnd { get; }

    /// <inheritdoc/>
    public override IommuError TryMap(ulong iova, ulong physicalAddress, ulong size, Protection protection) =>
        TryMapScatterGather(iova, [new PhysicalRange(physicalAddress, size)], protection, out _);

    /// <inheritdoc/>
    public override IommuError TryMapScatterGather(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size)
    {
        size = 0;
        var error = PhysicalRanges.Check(ranges, Granule - 1, _lastAddress, larger: 0, out var found);
        if (error != IommuError.None)
        {
            return error;
        }

        error = CheckRange(iova, found.Total);
        if (error != IommuError.None || (protection & (Protection.Read | Protection.Write)) == 0)
        {
            return error == IommuError.None ? IommuError.EINVAL : error;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (_mappings.TryFindFrom(iova, out var other) && other.First <= iova + (found.Total - 1))
            {
                return IommuError.EEXIST;
            }

            error = MapAll(iova, ranges, protection);
        }

        size = error == IommuError.None ? found.Total : 0;
        return error;
    }

    /// <inheritdoc/>
    /// <returns>
    /// EINVAL misaligned, empty, or beginning inside a mapping; EOVERFLOW if the range wraps around; ERANGE beyond the aperture; what the request
    /// fails with, and then everything is still mapped. A hole is not an error.
    /// </returns>
    public override IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped)
    {
        unmapped = 0;
        var error = CheckRange(iova, size);
        if (error != IommuError.None)
        {
            return error;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            if (!_mappings.TryFindFrom(iova, out var mapping) || mapping.First > iova)
            {
                return IommuError.None;
            }

            return mapping.First < iova ? IommuError.EINVAL : UnmapRun(mapping, iova + (size - 1), out unmapped);
        }
    }

    /// <inheritdoc/>
    public override bool TryTranslate(ulong iova, out ulong physicalAddress)
    {
        bool isMapped = TryFindMapping(iova, out var mapping);
        physicalAddress = isMapped ? mapping.PhysicalAddress + (iova - mapping.First) : 0;
        return isMapped;
    }

    /// <inheritdoc/>
    /// <remarks>What the page sizes of the other side's tables are is not known: it is the smallest.</remarks>
    public override bool TryFind(ulong iova, out PageMapping mapping)
    {
        bool isMapped = TryFindMapping(iova, out var found);
        mapping = isMapped
            ? new PageMapping(found.PhysicalAddress + (iova - found.First), BitOperations.TrailingZeroCount(PageSizes), found.Protection)
            : default;
        return isMapped;
    }

    /// <inheritdoc/>
    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped)
    {
        lock (_gate)
        {
            bool isFound = _mappings.TryFindFrom(iova, out var mapping) && mapping.First <= last && iova <= last;
            mapped = isFound ? Math.Max(iova, mapping.First) : 0;
            return isFound;
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
        // Every request has taken effect.
    }

    /// <inheritdoc/>
    public override void Flush(ulong iova, ulong size)
    {
        // Every request has taken effect.
    }

    /// <summary>Asks for a mapping, and returns when every device of the domain can use it.</summary>
    /// <param name="iova">First IOVA; nothing of the range is mapped.</param>
    /// <param name="physicalAddress">What it is mapped to.</param>
    /// <param name="size">Bytes. All three are multiples of <see cref="IommuDomain.Granule"/>.</param>
    /// <param name="protection">What devices may do.</param>
    /// <returns>Why it was refused: then nothing has changed.</returns>
    protected abstract IommuError RequestMap(ulong iova, ulong physicalAddress, ulong size, Protection protection);

    /// <summary>Asks to remove whole mappings that follow each other without a hole, and returns when no device can use them any more.</summary>
    /// <param name="iova">First IOVA of the first.</param>
    /// <param name="size">Bytes of all.</param>
    /// <returns>Why it was refused: then nothing has changed.</returns>
    protected abstract IommuError RequestUnmap(ulong iova, ulong size);

    /// <summary>Does something while no request is under way, such as what decides whether requests are made at all.</summary>
    /// <param name="action">What to do; it may <see cref="Replay"/>.</param>
    protected void BetweenRequests(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        lock (_gate)
        {
            action();
        }
    }

    /// <summary>Asks for everything again that is mapped: the other side had forgotten it, or was not there yet.</summary>
    /// <returns>Why one was refused: then what was asked for is taken back.</returns>
    protected IommuError Replay()
    {
        lock (_gate)
        {
            for (ulong at = 0; _mappings.TryFindFrom(at, out var mapping);)
            {
                ulong size = mapping.Last - mapping.First + 1;
                var error = RequestMap(mapping.First, mapping.PhysicalAddress, size, mapping.Protection);
                if (error != IommuError.None)
                {
                    TakeBackRequests(mapping.First);
                    return error;
                }

                if (mapping.Last == ulong.MaxValue)
                {
                    break;
                }

                at = mapping.Last + 1;
            }

            return IommuError.None;
        }
    }

    private protected override void FreeTables()
    {
        lock (_gate)
        {
            while (_mappings.TryFindFrom(0, out var mapping))
            {
                var error = UnmapRun(mapping, ulong.MaxValue, out _);
                if (error != IommuError.None)
                {
                    throw new IommuException(error, $"Cannot unmap IOVA 0x{mapping.First:x}, so the domain cannot be disposed of.");
                }
            }

            _isClosed = true;
        }
    }

    /// <summary>Takes back what was asked for below an IOVA; what is mapped here stays.</summary>
    private void TakeBackRequests(ulong end)
    {
        for (ulong at = 0; _mappings.TryFindFrom(at, out var mapping) && mapping.First < end; at = mapping.Last + 1)
        {
            _ = RequestUnmap(mapping.First, mapping.Last - mapping.First + 1);
        }
    }

    private IommuError CheckRange(ulong iova, ulong size)
    {
        if (size == 0 || ((iova | size) & (Granule - 1)) != 0)
        {
            return IommuError.EINVAL;
        }

        return size - 1 > ulong.MaxValue - iova ? IommuError.EOVERFLOW
            : iova + (size - 1) > ApertureEnd ? IommuError.ERANGE
            : IommuError.None;
    }

    /// <summary>Maps a list, neighbours in one request; what was done goes again if one is refused.</summary>
    private IommuError MapAll(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection)
    {
        ulong next = iova;
        for (int i = 0; i < ranges.Length;)
        {
            var piece = ranges[i++];
            while (i < ranges.Length && (ranges[i].Length == 0 || ranges[i].Address == piece.Address + piece.Length))
            {
                piece = piece with { Length = piece.Length + ranges[i++].Length };
            }

            if (piece.Length == 0)
            {
                continue;
            }

            var error = RequestMap(next, piece.Address, piece.Length, protection);
            if (error != IommuError.None)
            {
                TakeBack(iova, next);
                return error;
            }

            _mappings.Add(new MappingMap.Mapping(next, next + (piece.Length - 1), piece.Address, protection));
            next += piece.Length;
        }

        Options.Counters?.AddRanges(ranges.Length);
        return IommuError.None;
    }

    private void TakeBack(ulong iova, ulong end)
    {
        if (iova == end || !_mappings.TryFindFrom(iova, out var mapping))
        {
            return;
        }

        var error = UnmapRun(mapping, end - 1, out _);
        if (error != IommuError.None)
        {
            throw new IommuException(error, $"A part of a list was mapped at IOVA 0x{iova:x}, the rest was refused, and so was to unmap that part.");
        }
    }

    /// <summary>Removes mappings from one on: up to the first hole, and with the one that the range ends in.</summary>
    private IommuError UnmapRun(MappingMap.Mapping first, ulong last, out ulong unmapped)
    {
        ulong end = first.Last;
        while (end < last && _mappings.TryFindFrom(end + 1, out var next) && next.First == end + 1 && next.Last - first.First != ulong.MaxValue)
        {
            end = next.Last;
        }

        unmapped = 0;
        var error = RequestUnmap(first.First, end - first.First + 1);
        if (error != IommuError.None)
        {
            return error;
        }

        for (ulong at = first.First; at <= end && _mappings.TryFindFrom(at, out var gone) && gone.First <= end;)
        {
            _mappings.Remove(gone.First);
            if (gone.Last == ulong.MaxValue)
            {
                break;
            }

            at = gone.Last + 1;
        }

        unmapped = end - first.First + 1;
        return IommuError.None;
    }

    private bool TryFindMapping(ulong iova, out MappingMap.Mapping mapping)
    {
        lock (_gate)
        {
            return _mappings.TryFindFrom(iova, out mapping) && mapping.First <= iova;
        }
    }
}
