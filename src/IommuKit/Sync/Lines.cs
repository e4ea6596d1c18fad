using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>A run of whole cache lines.</summary>
/// <param name="Start">First byte of the first line.</param>
/// <param name="Bytes">Bytes in all.</param>
internal readonly record struct Lines(ulong Start, ulong Bytes)
{
    /// <summary>The lines that hold <paramref name="bytes"/> bytes at <paramref name="address"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lines Around(ulong address, ulong bytes, int lineSize)
    {
        ulong mask = (ulong)lineSize - 1;
        ulong start = address & ~mask;
        return new Lines(start, ((address - start) + bytes + mask) & ~mask);
    }

    /// <summary>What is left of these lines if the first are already in <paramref name="done"/>.</summary>
    public Lines After(Lines done)
    {
        ulong before = Start - done.Start;
        if (before >= done.Bytes)
        {
            return this;
        }

        ulong shared = Math.Min(Bytes, done.Bytes - before);
        return new Lines(Start + shared, Bytes - shared);
    }
}
