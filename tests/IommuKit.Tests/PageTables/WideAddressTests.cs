using IommuKit.PageTables;
using IommuKit.Specs.Arm;

namespace IommuKit.Tests.PageTables;

/// <summary>
/// Physical addresses of 52 bits have their top four elsewhere in the descriptor: leaves across a multiple of 2^48 do not follow from each other by
/// addition.
/// </summary>
public class WideAddressTests
{
    private const ulong Page = 1ul << 16;
    private const ulong Block = 1ul << 29;

    public static TheoryData<bool, bool, ulong> Cases
    {
        get
        {
            var cases = new TheoryData<bool, bool, ulong>();
            foreach (bool isStage2 in (bool[])[false, true])
            {
                foreach (ulong bound in (ulong[])[1ul << 48, 7ul << 48, 15ul << 48])
                {
                    cases.Add(isStage2, false, bound);
                    cases.Add(isStage2, true, bound);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Runs_cross_the_bound(bool isStage2, bool isPageByPage, ulong bound)
    {
        // Single pages, pages in groups, blocks, blocks in groups.
        foreach (var (iova, before, after) in ((ulong, ulong, ulong)[])
            [
                (3 * Page, 7 * Page, 9 * Page),
                (0x20_0000, 0x40_0000, 0x40_0000),
                (Block, 3 * Block, 2 * Block),
                (1ul << 34, 2ul << 34, 1ul << 34),
                ((1ul << 34) - (2 * Page), (2 * Page) + Block, Block + Page),
            ])
        {
            using var table = Make(isStage2);
            table.IsPageByPage = isPageByPage;

            // The second time into tables that are there.
            Check(table, iova, bound - before, before + after);
            Check(table, iova, bound - before, before + after);
        }
    }

    private static void Check(TestTable table, ulong iova, ulong address, ulong size)
    {
        table.Map(iova, address, size).ShouldBe(default);
        for (ulong at = 0; at < size; at += Math.Min(Block / 2, size / 16 & ~(Page - 1)) + Page)
        {
            table.ShouldTranslate(iova + at + 42, address + at + 42);
        }

        for (ulong next = 0; next < size;)
        {
            table.TryFind(iova + next, out var mapping).ShouldBeTrue();
            mapping.PhysicalAddress.ShouldBe(address + next);
            next += 1ul << mapping.PageLog2;
        }

        table.ShouldTranslate(iova + (size - 1), address + (size - 1));
        table.ShouldNotTranslate(iova + size);
        table.Unmap(iova, size).ShouldBe(size);
    }

    private static TestTable Make(bool isStage2)
    {
        TableSetup setup = isStage2
            ? new TableSetup<ArmLpae<ArmGranule64K, ArmStage2>>("", 52, 52)
            : new TableSetup<ArmLpae<ArmGranule64K, ArmStage1>>("", 52, 52);
        return (setup with { Release = TableRelease.Never }).Make();
    }
}
