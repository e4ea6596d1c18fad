using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace IommuKit.Traces;

/// <summary>Numbers in order, in an array that can be searched a vector at a time.</summary>
/// <param name="capacity">How many there may be at first.</param>
internal sealed class SortedKeys(int capacity)
{
    // Searched without halving it further.
    private const int Window = 32;

    // What is beyond the last key counts as greater than everything, as far as a window can reach.
    private ulong[] _keys = NewArray(capacity);

    public int Count { get; private set; }

    public ulong this[int index]
    {
        get => _keys[index];
        set => _keys[index] = value;
    }

    /// <summary>How many keys are less than a number.</summary>
    public int CountBelow(ulong number)
    {
        // Without branches on keys, which nothing could foresee.
        int low = 0;
        for (int left = Count; left > Window;)
        {
            int half = left >> 1;
            low += _keys[low + half - 1] < number ? half : 0;
            left -= half;
        }

        ref ulong window = ref MemoryMarshal.GetReference(_keys.AsSpan(low, Window));
        var bound = Vector256.Create(number);
        var below = Vector256<ulong>.Zero;
        for (int i = 0; i < Window; i += Vector256<ulong>.Count)
        {
            // True is -1.
            below -= Vector256.LessThan(Vector256.LoadUnsafe(ref window, (nuint)i), bound);
        }

        return low + (int)Vector256.Sum(below);
    }

    /// <summary>Makes some keys more or fewer. Those that are new have any value.</summary>
    /// <param name="index">The first of them.</param>
    /// <param name="count">How many they are.</param>
    /// <param name="newCount">How many they are to be.</param>
    public void Resize(int index, int count, int newCount)
    {
        int end = Count;
        int newEnd = end + newCount - count;
        if (LengthFor(newEnd) > _keys.Length)
        {
            var keys = NewArray(2 * newEnd);
            _keys.AsSpan(..end).CopyTo(keys);
            _keys = keys;
        }

        _keys.AsSpan((index + count)..end).CopyTo(_keys.AsSpan(index + newCount));
        if (newEnd < end)
        {
            _keys.AsSpan(newEnd..end).Fill(ulong.MaxValue);
        }

        Count = newEnd;
    }

    /// <summary>Adds the keys of others, from one on.</summary>
    public void Append(SortedKeys others, int index)
    {
        int start = Count;
        Resize(start, 0, others.Count - index);
        others._keys.AsSpan(index..others.Count).CopyTo(_keys.AsSpan(start));
    }

    private static int LengthFor(int keys) => keys <= Window ? Window : keys + (Window / 2);

    private static ulong[] NewArray(int capacity)
    {
        ulong[] keys = new ulong[LengthFor(capacity)];
        keys.AsSpan().Fill(ulong.MaxValue);
        return keys;
    }
}
