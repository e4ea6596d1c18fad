using IommuKit.Specs.Memory;

namespace IommuKit.Models.Dma;

/// <summary>A device that reads and writes memory through an IOMMU. A transfer is split where the translation changes, and each piece is an access of
/// its own: an invalidation that completes in between holds for the rest. One that would go past the last IOVA ends there, incomplete.</summary>
/// <remarks>As thread-safe as the IOMMU and the memory.</remarks>
/// <typeparam name="TMemory">Accessor to the memory behind the IOMMU.</typeparam>
public sealed class DmaDevice<TMemory>
    where TMemory : struct, IMemoryAccessor
{
    private readonly IIommuModel _iommu;
    private readonly TMemory _memory;

    /// <summary>Makes a device.</summary>
    /// <param name="iommu">The IOMMU in front of it.</param>
    /// <param name="memory">The memory behind the IOMMU.</param>
    /// <param name="readSource">The source id of its reads.</param>
    /// <param name="writeSource">The source id of its writes; on most hardware the same.</param>
    public DmaDevice(IIommuModel iommu, TMemory memory, int readSource, int writeSource)
    {
        _iommu = iommu;
        _memory = memory;
        ReadSource = readSource;
        WriteSource = writeSource;
    }

    /// <summary>The source id of its reads.</summary>
    public int ReadSource { get; }

    /// <summary>The source id of its writes.</summary>
    public int WriteSource { get; }

    /// <summary>Reads memory.</summary>
    /// <exception cref="InvalidOperationException">The IOMMU let the access through, and its answer does not cover the first byte.</exception>
    public DmaResult Read(ulong iova, Span<byte> data)
    {
        int done = 0;
        while (done < data.Length)
        {
            using var access = _iommu.Accesses.Enter();
            if (!TryTranslate(iova, done, data.Length, isWrite: false, out var request, out ulong address, out int count))
            {
                return new DmaResult(IsComplete: false, done);
            }

            if (!_memory.TryRead(address, data.Slice(done, count)))
            {
                _iommu.ReportDecodeError(request, address);
                return new DmaResult(IsComplete: false, done);
            }

            done += count;
        }

        return new DmaResult(IsComplete: true, done);
    }

    /// <summary>Writes memory.</summary>
    /// <inheritdoc cref="Read" path="/exception"/>
    public DmaResult Write(ulong iova, ReadOnlySpan<byte> data)
    {
        int done = 0;
        while (done < data.Length)
        {
            using var access = _iommu.Accesses.Enter();
            if (!TryTranslate(iova, done, data.Length, isWrite: true, out var request, out ulong address, out int count))
            {
                return new DmaResult(IsComplete: false, done);
            }

            if (!_memory.TryWrite(address, data.Slice(done, count)))
            {
                _iommu.ReportDecodeError(request, address);
                return new DmaResult(IsComplete: false, done);
            }

            done += count;
        }

        return new DmaResult(IsComplete: true, done);
    }

    /// <summary>
    /// Begins one access to a range of IOVA, which yields the memory behind it piece by piece. Invalidations that are made from now on complete only when it is
    /// disposed of, so do so soon, and on the same thread.
    /// </summary>
    /// <param name="iova">The first IOVA.</param>
    /// <param name="length">Bytes, 0 to 2 GiB.</param>
    /// <param name="isWrite">Whether the device writes. It may read what it writes to then.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    /// <example>
    /// <code>
    /// using var access = device.Acquire(iova, 4096, isWrite: true);
    /// while (access.TryNext(out var piece))
    /// {
    ///     piece.Fill(0xff);
    /// }
    ///
    /// if (!access.IsComplete) { … the IOMMU has recorded a fault … }
    /// </code>
    /// </example>
    public DmaLease<TMemory> Acquire(ulong iova, int length, bool isWrite)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new DmaLease<TMemory>(this, _memory, iova, length, isWrite);
    }

    internal AccessGate.Lease Enter() => _iommu.Accesses.Enter();

    internal DmaRequest RequestAt(ulong iova, int offset, bool isWrite) => new(isWrite ? WriteSource : ReadSource, iova + (ulong)offset, isWrite);

    internal void ReportDecodeError(in DmaRequest request, ulong address) => _iommu.ReportDecodeError(request, address);

    internal bool TryTranslate(ulong iova, int done, int length, bool isWrite, out DmaRequest request, out ulong address, out int count)
    {
        request = RequestAt(iova, done, isWrite);

        // There is nothing after the last IOVA, and 0 does not follow it.
        if (request.Iova >= iova)
        {
            return TryTranslate(request, length - done, out address, out count);
        }

        address = 0;
        count = 0;
        return false;
    }

    private bool TryTranslate(in DmaRequest request, int wanted, out ulong address, out int count)
    {
        var translation = _iommu.Translate(request);
        if (!translation.IsAllowed)
        {
            address = 0;
            count = 0;
            return false;
        }

        // Otherwise a model that answers with nothing would be asked for ever.
        if (!translation.Contains(request.Iova))
        {
            throw new InvalidOperationException(
                $"The IOMMU translates 0x{request.Iova:x} by 0x{translation.Length:x} bytes at 0x{translation.Iova:x}, which it is not in.");
        }

        address = translation.PhysicalOf(request.Iova);
        count = (int)Math.Min((ulong)wanted, translation.BytesFrom(request.Iova));
        return true;
    }
}
