using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

public class PageSizesTests
{
    private const ulong K4 = 1ul << 12;
    private const ulong M2 = 1ul << 21;
    private const ulong G1 = 1ul << 30;

    // Those of every format, and some others.
    private static readonly ulong[] Bitmaps =
        [K4, K4 | M2, K4 | M2 | G1, .. TableSetups.All.Select(BitmapOf).Distinct()];

    [Theory]
    [InlineData(0x1000ul, 0x1000ul, 0x1000ul, 12, 1ul)]
    [InlineData(0x0ul, 0x0ul, 0x4000_0000ul, 30, 1ul)]
    [InlineData(0x20_0000ul, 0x40_0000ul, 0x40_0000ul, 21, 2ul)]
    [InlineData(0x20_0000ul, 0x40_1000ul, 0x40_0000ul, 12, 1024ul)]
    [InlineData(0x1f_f000ul, 0x3f_f000ul, 0x20_1000ul, 12, 1ul)]
    [InlineData(0x1f_f000ul, 0x3f_f000ul, 0x20_0ffful & ~0xffful, 12, 512ul)]
    [InlineData(0x3fe0_0000ul, 0x7fe0_0000ul, 0x8020_0000ul, 21, 1ul)]
    public void The_rule_of_the_kernel(ulong iova, ulong address, ulong size, int log2, ulong count)
    {
        PageSizes.Select(K4 | M2 | G1, iova, address, size, out ulong pages).ShouldBe(log2);
        pages.ShouldBe(count);
    }

    /// <summary>An AMD VFIO bug: 0xfef80000 + 0x20000 to 0x208b95d000.</summary>
    [Fact]
    public void Addresses_that_never_align_together_take_the_smallest_pages()
    {
        PageSizes.Select(K4 | (1ul << 16) | M2, 0xfef8_0000, 0x20_8b95_d000, 0x2_0000, out ulong pages).ShouldBe(12);
        pages.ShouldBe(32ul);
    }

    [Fact]
    public void Agrees_with_brute_force()
    {
        var numbers = ArbMap.Default.ArbFor<ulong>().Generator;
        var cases =
            from bitmap in Gen.Elements(Bitmaps)
            from shift in Gen.Choose(0, 50)
            from iova in numbers
            from address in numbers
            from size in numbers
            from areAlike in Gen.Elements(false, true)
            let mask = ulong.MaxValue << BitOperations.TrailingZeroCount(bitmap)
            let start = (iova >> shift) & mask
            let other = areAlike ? start + (1ul << 34) : (address >> shift) & mask
            select (Bitmap: bitmap, Iova: start, Address: other, Size: Math.Max(~mask + 1, (size >> shift) & mask));
        var property = Prop.ForAll(cases.ToArbitrary(), c =>
        {
            int log2 = PageSizes.Select(c.Bitmap, c.Iova, c.Address, c.Size, out ulong count);
            var expected = BruteForce(c.Bitmap, c.Iova, c.Address, c.Size);
            return log2 == expected.Log2 && count == expected.Count;
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), property);
    }

    private static ulong BitmapOf(TableSetup setup)
    {
        using var table = setup.Make();
        return table.PageSizes;
    }

    /// <summary>The rule of iommu_pgsize as the fact sheet words it, step by step.</summary>
    private static (int Log2, ulong Count) BruteForce(ulong bitmap, ulong iova, ulong address, ulong size)
    {
        int best = Enumerable.Range(0, 63)
            .Where(bit => (bitmap >> bit & 1) != 0 && 1ul << bit <= size && (iova | address) % (1ul << bit) == 0)
            .Max();
        int? next = Enumerable.Range(best + 1, 63 - best).Select(bit => (int?)bit).FirstOrDefault(bit => (bitmap >> bit!.Value & 1) != 0);
        ulong count = size >> best;
        if (next is { } larger && ((iova ^ address) & ((1ul << larger) - 1)) == 0)
        {
            UInt128 offset = (1ul << larger) - ((iova | address) % (1ul << larger));
            if (offset + (1ul << larger) <= size)
            {
                count = (ulong)offset >> best;
            }
        }

        return (best, count);
    }
}
