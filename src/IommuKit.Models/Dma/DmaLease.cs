using System.Buffers;
using IommuKit.Specs.Memory;

namespace IommuKit.Models.Dma;

/// <summary>
/// One access of a device to a range of IOVA, under way until it is disposed of: what an unmap waits for. It yields the memory itself where that can be
/// had, and else a copy, which is written back before the next piece and at the end.
/// </summary>
/// <typeparam name="TMemory">Accessor to the memory behind the IOMMU.</typeparam>
public ref struct DmaLease<TMemory>
    where TMemory : struct, IMemoryAccessor
{
    // A longer piece is copied in parts.
    private const int MaxCopy = 1 << 16;

    private readonly DmaDevice<TMemory>? _device;
    private readonly TMemory _memory;
    private readonly AccessGate.Lease _access;
    private readonly ulong _iova;
    private readonly int _length;
    private readonly bool _isWrite;

    // What is left of the current translation.
    private ulong _next;
    private int _left;

    // The piece that was handed out last, and the array that it is in if it is a copy.
    private ulong _address;
    private int _count;
    private byte[]? _copy;
    private bool _isCopied;
    private bool _hasFailed;
    private bool _isEnded;

    internal DmaLease(DmaDevice<TMemory> device, TMemory memory, ulong iova, int length, bool isWrite)
    {
        _device = device;
        _memory = memory;
        _iova = iova;
        _length = length;
        _isWrite = isWrite;
        _access = device.Enter();
    }

    /// <summary>Bytes handed out so far.</summary>
    public int Transferred { get; private set; }

    /// <summary>Whether all of the range was handed out, and nothing of it failed. Copies fail, if they do, before the next piece or at the end.</summary>
    public readonly bool IsComplete => !_hasFailed && Transferred == _length;

    /// <summary>The next piece of the range, in order.</summary>
    /// <param name="piece">Valid until the next call, or until the access is disposed of.</param>
    /// <returns>Whether there is one; not where the range ends, the IOMMU refuses the access, or nothing answers at the address.</returns>
    /// <exception cref="InvalidOperationException">The IOMMU let the access through, and its answer does not cover the first byte.</exception>
    public bool TryNext(out Span<byte> piece)
    {
        Commit();
        piece = default;
        if (_device is null || _isEnded || _hasFailed || Transferred == _length)
        {
            return false;
        }

        if (_left == 0 && !_device.TryTranslate(_iova, Transferred, _length, _isWrite, out _, out _next, out _left))
        {
            _hasFailed = true;
            return false;
        }

        _isCopied = !_memory.TryGetSpan(_next, _left, _isWrite, out piece);
        if (_isCopied)
        {
            _copy ??= ArrayPool<byte>.Shared.Rent(Math.Min(_length, MaxCopy));
            piece = _copy.AsSpan(0, Math.Min(_left, _copy.Length));
            if (!_memory.TryRead(_next, piece))
            {
                Fail(Transferred, _next);
                piece = default;
                return false;
            }
        }

        _address = _next;
        _count = piece.Length;
        _next += (ulong)_count;
        _left -= _count;
        Transferred += _count;
        return true;
    }

    /// <summary>Ends the access. A second time, it does nothing.</summary>
    public void Dispose()
    {
        try
        {
            Commit();
        }
        finally
        {
            if (_copy is { } copy)
            {
                _copy = null;
                ArrayPool<byte>.Shared.Return(copy);
            }

            _isEnded = true;
            _access.Dispose();
        }
    }

    private void Commit()
    {
        int count = _count;
        _count = 0;
        if (count == 0 || !_isWrite)
        {
            return;
        }

        if (!_isCopied)
        {
            _memory.NoteWritten(_address, count);
        }
        else if (!_memory.TryWrite(_address, _copy.AsSpan(0, count)))
        {
            Fail(Transferred - count, _address);
        }
    }

    private void Fail(int offset, ulong address)
    {
        _hasFailed = true;
        _device!.ReportDecodeError(_device.RequestAt(_iova, offset, _isWrite), address);
    }
}
