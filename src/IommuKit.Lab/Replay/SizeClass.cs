using System.Numerics;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>Sizes of maps and unmaps that are counted together: one page, and from there on up to four times as much in each class.</summary>
/// <param name="FromBytes">The least.</param>
/// <param name="ToBytes">The most; null if there is no limit.</param>
public sealed record SizeClass(ulong FromBytes, ulong? ToBytes)
{
    private const int Last = 7;

    /// <summary>All of them, by size: 4K, 8K–16K, 20K–64K and so on.</summary>
    public static IReadOnlyList<SizeClass> All { get; } =
    [
        .. Enumerable.Range(0, Last + 1).Select(index => new SizeClass(
            index == 0 ? SmallPage.Bytes : End(index - 1) + SmallPage.Bytes,
            index == Last ? null : End(index))),
    ];

    /// <summary>The index in <see cref="All"/> of the class that a size belongs to.</summary>
    /// <param name="bytes">A multiple of a page, not 0.</param>
    public static int IndexOf(ulong bytes) =>
        bytes <= SmallPage.Bytes ? 0 : Math.Min(Last, (BitOperations.Log2((bytes - 1) / SmallPage.Bytes) + 2) / 2);

    private static ulong End(int index) => SmallPage.Bytes << (2 * index);
}
