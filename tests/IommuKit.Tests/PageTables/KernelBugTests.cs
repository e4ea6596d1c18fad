namespace IommuKit.Tests.PageTables;

/// <summary>Ranges that have found bugs in kernels.</summary>
public class KernelBugTests
{
    private const ulong KernelSizes = (1ul << 12) | (1ul << 21) | (1ul << 30);

    public static TheoryData<string> FormatsWithSmallPages =>
        [.. TableSetups.All.Where(setup => Fits(setup, 1ul << 12, 32, 38)).Select(setup => setup.Name)];

    public static TheoryData<string> FormatsWithKernelSizes =>
        [.. TableSetups.All.Where(setup => Fits(setup, KernelSizes, 36, 36)).Select(setup => setup.Name)];

    /// <summary>From AMD and VFIO: the two addresses never align together.</summary>
    [Theory]
    [MemberData(nameof(FormatsWithSmallPages))]
    public void Addresses_that_never_align_together(string format)
    {
        using var table = TableSetups.Make(format);
        ulong iova = table.Base | 0xfef8_0000;
        table.Map(iova, 0x20_8b95_d000, 0x2_0000).ShouldBe(default);
        for (ulong at = 0; at < 0x2_0000; at += 0x1000)
        {
            table.ShouldTranslate(iova + at, 0x20_8b95_d000 + at);
        }

        table.PagesOf(iova, 0x2_0000).ShouldBe(Enumerable.Repeat(12, 32));
        table.ShouldNotTranslate(iova - 1);
        table.ShouldNotTranslate(iova + 0x2_0000);
        table.Unmap(iova, 0x2_0000).ShouldBe(0x2_0000ul);
        table.ShouldLeaveNothing();
    }

    /// <summary>From Amazon: an identity map that starts and ends between boundaries of the largest page.</summary>
    [Theory]
    [MemberData(nameof(FormatsWithKernelSizes))]
    public void Mixed_page_sizes(string format)
    {
        const ulong Start = 0x3_fe40_0000;
        const ulong Size = 0x4_c060_0000 - Start;
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format, setup => setup with { PageSizes = KernelSizes });
            table.IsPageByPage = isPageByPage;
            ulong iova = table.Base | Start;
            table.Map(iova, Start, Size).ShouldBe(default);
            table.PagesOf(iova, Size).ShouldBe([.. Enumerable.Repeat(21, 14), .. Enumerable.Repeat(30, 3), .. Enumerable.Repeat(21, 3)]);
            table.ShouldTranslate(iova, Start);
            table.ShouldTranslate(iova + (Size - 1), Start + (Size - 1));
            table.Unmap(iova, Size).ShouldBe(Size);
            table.ShouldLeaveNothing();
        }
    }

    private static bool Fits(TableSetup setup, ulong pageSizes, int inputBits, int outputBits)
    {
        using var table = setup.Make();
        return (table.PageSizes & pageSizes) == pageSizes && setup.InputBits >= inputBits && setup.OutputBits >= outputBits;
    }
}
