namespace IommuKit.Checker.Scenarios;

/// <summary>
/// Ranges at both ends of the address space and, where it has two halves with a gap between them, at both sides of the gap: where sums of an
/// IOVA and a size come to the end of what numbers can say.
/// </summary>
public sealed class EndsLayout : ICheckedRanges
{
    /// <summary>Chooses ranges.</summary>
    /// <param name="pageBytes">Bytes in a page.</param>
    /// <param name="inputBits">Bits of an IOVA.</param>
    /// <param name="isSigned">Whether there are two halves, the upper one at the end of the 64-bit numbers.</param>
    public EndsLayout(ulong pageBytes, int inputBits, bool isSigned)
    {
        PageBytes = pageBytes;

        // The first IOVA that there is not, as a number that may have wrapped; below the gap, the same for the lower half.
        ulong end = isSigned || inputBits == 64 ? 0 : 1ul << inputBits;
        ulong half = 1ul << (inputBits - 1);
        (ulong Iova, ulong Size) first = (0, 2 * pageBytes);
        (ulong Iova, ulong Size) last = (end - (2 * pageBytes), 2 * pageBytes);
        Maps = isSigned ? [first, (half - (2 * pageBytes), 2 * pageBytes), (0 - half, 2 * pageBytes), last] : [first, last];

        // What goes past an end, or over the gap, takes nothing away.
        Beyond = isSigned
            ? [(half - pageBytes, 2 * pageBytes), (0 - half - pageBytes, 2 * pageBytes), (end - pageBytes, 2 * pageBytes)]
            : [(end - pageBytes, 2 * pageBytes)];
        Unmaps = [.. Maps, (0, pageBytes), (end - pageBytes, pageBytes), .. Beyond];
        Pages = [.. Maps.SelectMany(range => (ulong[])[range.Iova, range.Iova + pageBytes])];
    }

    /// <inheritdoc/>
    public ulong PageBytes { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ulong> Pages { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(ulong Iova, ulong Size)> Maps { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(ulong Iova, ulong Size)> Unmaps { get; }

    /// <summary>Ranges that are partly outside of the address space.</summary>
    public IReadOnlyList<(ulong Iova, ulong Size)> Beyond { get; }
}
