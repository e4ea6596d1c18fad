using System.Runtime.CompilerServices;

namespace IommuKit.Sync;

/// <summary>A run of whole cache lines.</summary>
/// <param name="Start">First byte of the first line.</param>
/// <param name="Bytes">Bytes in all.</param>
internal readonly record struct Lines(ulong Start, ulong Bytes)
{
    public ulong End => Start + Bytes;

    /// <summary>The lines that hold <paramref name="bytes"/> bytes at <paramref name="address"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lines Around(ulong address, ulong bytes, int lineSize)
    {
        ulong mask = (ulong)lineSize - 1;
        ulong start = address & ~mask;
        return new Lines(start, ((address + bytes + mask) & ~mask) - start);
    }

    /// <summary>What is left of these lines if the first are already in <paramref name="done"/>.</summary>
    public Lines After(Lines done) =>
        Start >= done.Start && Start < done.End ? new Lines(done.End, End > done.End ? End - done.End : 0) : this;
}
