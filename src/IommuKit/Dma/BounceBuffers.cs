using System.Numerics;

namespace IommuKit.Dma;

/// <summary>Memory for copies, kept by size: powers of two of granules. What is kept is bounded. Thread-safe.</summary>
/// <param name="memory">Where it comes from; null if nowhere.</param>
/// <param name="granule">The smallest piece.</param>
internal sealed class BounceBuffers(IDmaMemory? memory, ulong granule)
{
    private const ulong MostKept = 4 << 20;
    private const int Classes = 20;

    private readonly Lock _gate = new();
    private readonly Stack<DmaMemory>[] _kept = [.. Enumerable.Range(0, Classes).Select(_ => new Stack<DmaMemory>())];
    private readonly Stack<BouncedMemory> _idle = new();
    private readonly List<BouncedMemory> _all = [];
    private ulong _keptBytes;
    private bool _isClosed;

    /// <summary>Takes an object that nothing is mapped with.</summary>
    public BouncedMemory Rent()
    {
        lock (_gate)
        {
            if (_idle.TryPop(out var one))
            {
                return one;
            }

            one = new BouncedMemory(this);
            _all.Add(one);
            _idle.EnsureCapacity(_all.Count);
            return one;
        }
    }

    /// <summary>Gives it back, with its pin and its copies.</summary>
    public void Return(BouncedMemory one)
    {
        one.Clear();
        lock (_gate)
        {
            _idle.Push(one);
        }
    }

    /// <summary>Takes memory for a copy: whole granules, whatever was in it before.</summary>
    /// <exception cref="IommuException">There is none left (ENOMEM).</exception>
    /// <exception cref="InvalidOperationException">There is nowhere to take it from.</exception>
    public DmaMemory Allocate(ulong size)
    {
        var source = memory ?? throw new InvalidOperationException("This mapper has no memory to copy to (DmaMapperOptions.Memory).");
        int log2 = ClassOf(size);
        if (log2 >= Classes)
        {
            return source.Allocate(size);
        }

        lock (_gate)
        {
            if (_kept[log2].TryPop(out var kept))
            {
                _keptBytes -= kept.Length;
                return kept;
            }
        }

        return source.Allocate(granule << log2);
    }

    /// <summary>Gives it back.</summary>
    public void Free(DmaMemory slot)
    {
        if (slot.Length == 0)
        {
            return;
        }

        int log2 = ClassOf(slot.Length);
        lock (_gate)
        {
            if (!_isClosed && log2 < Classes && slot.Length == granule << log2 && _keptBytes + slot.Length <= MostKept)
            {
                _keptBytes += slot.Length;
                _kept[log2].Push(slot);
                return;
            }
        }

        memory!.Free(slot);
    }

    /// <summary>No device can use anything any more: gives all back that is kept or mapped.</summary>
    public void Close()
    {
        BouncedMemory[] all;
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
            all = [.. _all];
        }

        foreach (var one in all)
        {
            one.Clear();
        }

        foreach (var slot in _kept.SelectMany(slots => slots))
        {
            memory!.Free(slot);
        }
    }

    private int ClassOf(ulong size) => BitOperations.Log2(BitOperations.RoundUpToPowerOf2((size + granule - 1) / granule));
}
