using System.Numerics;
using IommuKit.Specs.Smmu3;
using IommuKit.Sync;

namespace IommuKit.Drivers.Smmu3;

/// <summary>Turns a range of IOVAs into ATC_INV, each of which is for an aligned power of two of pages (IHI 0070, section 4.5).</summary>
/// <remarks>
/// A range that takes few is told exactly; of others the smallest block around them goes, as a device takes far longer over a command than it does to
/// ask again for some pages.
/// </remarks>
internal struct Smmu3DeviceEncoder
{
    /// <summary>Log2 of the pages that are all there are.</summary>
    public const int All = 52;

    private const int PageShift = 12;
    private const int MostBlocks = 4;

    private readonly Smmu3DeviceTag _device;
    private readonly bool _isOne;
    private readonly ulong _last;
    private ulong _page;
    private bool _isDone;

    /// <summary>Begins with the first command.</summary>
    public Smmu3DeviceEncoder(Smmu3DeviceTag device, Interval range)
    {
        _device = device;
        _page = range.First >> PageShift;
        _last = range.Last >> PageShift;
        _isOne = !TakesFew(_page, _last);
    }

    /// <summary>The command for everything that a device holds, or one of its PASIDs.</summary>
    public static Smmu3Command Everything(Smmu3DeviceTag device) => Smmu3Command.DropDeviceTlb(device.StreamId, 0, All, device.Substream);

    /// <summary>The next command.</summary>
    /// <returns>False if the range is covered.</returns>
    public bool TryNext(out Smmu3Command command)
    {
        if (_isDone)
        {
            command = default;
            return false;
        }

        int log2 = _isOne ? AroundLog2(_page, _last) : BlockLog2(_page, _last);
        ulong first = _page >> log2 << log2;
        command = Smmu3Command.DropDeviceTlb(_device.StreamId, first << PageShift, log2, _device.Substream);
        _isDone = _isOne || (1ul << log2) > _last - _page;
        _page = first + (1ul << log2);
        return true;
    }

    private static bool TakesFew(ulong first, ulong last)
    {
        int count = 0;
        for (ulong page = first; page - first <= last - first && count <= MostBlocks; count++)
        {
            page += 1ul << BlockLog2(page, last);
        }

        return count <= MostBlocks;
    }

    /// <summary>Log2 of the pages of the smallest aligned block around a range.</summary>
    private static int AroundLog2(ulong first, ulong last) => first == last ? 0 : BitOperations.Log2(first ^ last) + 1;

    /// <summary>Log2 of the pages of the largest block that starts at a page and ends before another at the latest.</summary>
    private static int BlockLog2(ulong page, ulong last) =>
        Math.Min(BitOperations.TrailingZeroCount(page), BitOperations.Log2(last - page + 1));
}
