using System.Runtime.CompilerServices;

namespace IommuKit.Models.Caches;

/// <summary>
/// Counts hits of threads that take no lock, each thread in a word on lines of its own: one word for all would cost them more than the hits.
/// </summary>
/// <remarks>
/// Words are shared by threads whose numbers differ by a multiple of 64, and a count may be lost where two of them hit at the same moment: up to 64
/// threads the count is exact.
/// </remarks>
internal sealed class HitCount
{
    private const int Stripes = 64;

    // Two lines, as processors fetch them in pairs.
    private const int WordsEach = 16;

    // The word of the thread; 0 before it is known. Asking for the thread's number takes longer than the rest.
    [ThreadStatic]
    private static int t_word;

    // With room in front, so that what stands before the array shares no line with it.
    private readonly long[] _counts = new long[(Stripes + 1) * WordsEach];

    /// <summary>All hits until now.</summary>
    public long Total
    {
        get
        {
            long total = 0;
            for (int stripe = 1; stripe <= Stripes; stripe++)
            {
                total += Volatile.Read(ref _counts[stripe * WordsEach]);
            }

            return total;
        }
    }

    /// <summary>Counts a hit of the calling thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add()
    {
        int word = t_word;
        ref long count = ref _counts[word != 0 ? word : FindWord()];
        Volatile.Write(ref count, count + 1);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int FindWord() => t_word = ((Environment.CurrentManagedThreadId & (Stripes - 1)) + 1) * WordsEach;

    /// <summary>Sets the total, while no thread counts.</summary>
    public void Set(long total)
    {
        Array.Clear(_counts);
        _counts[WordsEach] = total;
    }
}
