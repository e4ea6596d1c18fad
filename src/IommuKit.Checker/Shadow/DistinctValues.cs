using System.Numerics;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// Numbers the different values that each of many places ever had, from 0 on, so that a set of values of one place is a word with a bit for each.
/// </summary>
/// <param name="places">How many places there are.</param>
internal sealed class DistinctValues(int places)
{
    /// <summary>The most values that one place can have.</summary>
    public const int Capacity = 64;

    private readonly ulong[] _values = new ulong[places * Capacity];
    private readonly byte[] _counts = new byte[places];

    /// <summary>Whether some place had more values than there are bits; from then on nothing can be said.</summary>
    public bool IsFull { get; private set; }

    /// <summary>The bit of a value of a place, which is new or was there before.</summary>
    public ulong BitOf(int place, ulong value)
    {
        int first = place * Capacity;
        int count = _counts[place];
        for (int i = 0; i < count; i++)
        {
            if (_values[first + i] == value)
            {
                return 1ul << i;
            }
        }

        if (count == Capacity)
        {
            IsFull = true;
            return 1ul << (Capacity - 1);
        }

        _values[first + count] = value;
        _counts[place]++;
        return 1ul << count;
    }

    /// <summary>The value that the lowest bit of a set stands for.</summary>
    public ulong ValueOf(int place, ulong set) => _values[(place * Capacity) + BitOperations.TrailingZeroCount(set)];
}
