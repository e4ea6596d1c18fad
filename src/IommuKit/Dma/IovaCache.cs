using System.Runtime.InteropServices;

namespace IommuKit.Dma;

/// <summary>Ranges of few sizes that were given back, a stack for each size. Each thread has one, shared with few others, and all have one more together.</summary>
internal sealed class IovaCache(RangeNodes nodes, int orders, int capacity)
{
    private readonly int[]?[] _stacks = new int[orders][];
    private Guarded _guarded;

    /// <summary>How often it was found taken.</summary>
    public long Contentions => Volatile.Read(ref _guarded.Contentions);

    /// <summary>Ranges in it.</summary>
    public long Count => Volatile.Read(ref _guarded.Total);

    /// <summary>Bytes of its stacks.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (int[]? stack in _stacks)
            {
                bytes += stack is null ? 0 : sizeof(int) * (long)stack.Length;
            }

            return bytes;
        }
    }

    /// <summary>Takes a range of an order that ends at a granule or before: the one that was given back last; 0 if there is none.</summary>
    public int Take(int order, ulong last)
    {
        Enter();
        int found = 0;
        if (_stacks[order] is { } stack)
        {
            int count = stack[0];
            for (int i = count; i > 0; i--)
            {
                ref var node = ref nodes[stack[i]];
                if (node.Start + (node.Length - 1) <= last)
                {
                    // The top one fills the hole, so that those that are of no use do not gather there.
                    found = stack[i];
                    stack[i] = stack[count];
                    stack[0] = count - 1;
                    _guarded.Total--;
                    break;
                }
            }
        }

        Exit();
        return found;
    }

    /// <summary>Puts a range in. False if there is no room.</summary>
    public bool TryPut(int order, int index)
    {
        Enter();
        int[] stack = _stacks[order] ??= new int[capacity + 1];
        int count = stack[0];
        bool hasRoom = count < capacity;
        if (hasRoom)
        {
            stack[count + 1] = index;
            stack[0] = count + 1;
            _guarded.Total++;
        }

        Exit();
        return hasRoom;
    }

    /// <summary>Takes several ranges of an order at once, those that were given back first of all.</summary>
    /// <returns>How many.</returns>
    public int Take(int order, Span<int> indices)
    {
        Enter();
        int taken = 0;
        if (_stacks[order] is { } stack)
        {
            int count = stack[0];
            taken = Math.Min(count, indices.Length);
            stack.AsSpan(1, taken).CopyTo(indices);
            stack.AsSpan(1 + taken, count - taken).CopyTo(stack.AsSpan(1));
            stack[0] = count - taken;
            _guarded.Total -= taken;
        }

        Exit();
        return taken;
    }

    /// <summary>Puts several ranges of an order in, as many as there is room for.</summary>
    /// <returns>How many.</returns>
    public int Put(int order, ReadOnlySpan<int> indices)
    {
        Enter();
        int[] stack = _stacks[order] ??= new int[capacity + 1];
        int put = Math.Min(indices.Length, capacity - stack[0]);
        indices[..put].CopyTo(stack.AsSpan(1 + stack[0]));
        stack[0] += put;
        _guarded.Total += put;
        Exit();
        return put;
    }

    private void Enter()
    {
        if (Interlocked.CompareExchange(ref _guarded.IsTaken, 1, 0) != 0)
        {
            Wait();
        }
    }

    private void Wait()
    {
        Interlocked.Increment(ref _guarded.Contentions);
        var spin = default(SpinWait);
        while (Interlocked.CompareExchange(ref _guarded.IsTaken, 1, 0) != 0)
        {
            // Its holder may not run at all at this moment.
            spin.SpinOnce();
        }
    }

    private void Exit() => Volatile.Write(ref _guarded.IsTaken, 0);

    /// <summary>What changes, on lines of its own, so that processors do not take each other's.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct Guarded
    {
        [FieldOffset(64)]
        public int IsTaken;

        [FieldOffset(72)]
        public long Total;

        [FieldOffset(80)]
        public long Contentions;
    }
}
