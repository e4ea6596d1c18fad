using IommuKit.Domains;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Teardown;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Teardown;

/// <summary>A guest's memory goes in three ways: what each takes, by hand.</summary>
public class TeardownRunnerTests
{
    private const ulong Page = 4096;
    private const ulong Block = 2 << 20;

    /// <summary>Page by page it is a command and a wait for each page, and one without the leaf bit where a table goes; by range it is one in all.</summary>
    [Theory]
    [InlineData("smmuv3")]
    [InlineData("smmuv3-s2")]
    [InlineData("vtd-server")]
    public void Where_ranges_can_be_invalidated_a_range_takes_one_command_and_pages_one_each(string iommu)
    {
        var rows = Run(iommu, 64 << 20, [Page]);
        const int pages = (64 << 20) / 4096;
        CommandsOf(rows, TeardownWay.Pages).ShouldBe(2 * pages);
        CommandsOf(rows, TeardownWay.Range).ShouldBe(2);
        CommandsOf(rows, TeardownWay.Space).ShouldBeInRange(2, 8);
        rows.ShouldAllBe(row => row.Pages == pages && row.Windows == 1 && row.HostNanoseconds > 0);
        TimeOf(rows, TeardownWay.Pages).ShouldBeGreaterThan(1000 * TimeOf(rows, TeardownWay.Range));
    }

    [Fact]
    public void Without_ranges_a_page_is_a_command_by_range_too_and_only_the_address_space_is_one()
    {
        var rows = Run("smmuv3-mmu600", 64 << 20, [Page, Block]);
        const int pages = (64 << 20) / 4096;
        long range = rows.Single(row => row is { Way: TeardownWay.Range, PageBytes: Page }).Counts[OperationKind.Command];
        range.ShouldBeInRange(pages + 1, pages + 2);
        rows.Single(row => row is { Way: TeardownWay.Space, PageBytes: Page }).Counts[OperationKind.Command].ShouldBeLessThan(8);
        rows.Single(row => row is { Way: TeardownWay.Range, PageBytes: Block }).Counts[OperationKind.Command].ShouldBe(32 + 1);
    }

    [Fact]
    public void A_guest_whose_tables_do_not_fit_is_done_in_windows_that_add_up()
    {
        var whole = Run("smmuv3", 3ul << 30, [Page], TeardownWay.Range).Single();
        var pieces = TeardownRunner.Run(OptionsFor("smmuv3", 3ul << 30, [Page], TeardownWay.Range) with { MostTableBytes = 2 << 20 }).Single();
        (whole.Windows, pieces.Windows).ShouldBe((1, 3));
        pieces.Pages.ShouldBe(whole.Pages);
        pieces.Counts[OperationKind.EntryStored].ShouldBeGreaterThanOrEqualTo(whole.Counts[OperationKind.EntryStored]);
        pieces.Counts[OperationKind.Command].ShouldBe(3 * 2, "each window is an invalidation and a wait");
    }

    /// <summary>Page by page no table goes before its domain: those of the windows before must not fill the memory for tables.</summary>
    [Fact]
    public void Any_number_of_windows_can_be_torn_down_page_by_page()
    {
        var row = TeardownRunner.Run(OptionsFor("smmuv3", 20ul << 30, [Page], TeardownWay.Pages) with { MostTableBytes = 2 << 20 }).Single();
        row.Windows.ShouldBe(20);
        row.Counts[OperationKind.Command].ShouldBe(2 * (20L << 30) / 4096);
    }

    [Fact]
    public void What_IOVAs_cannot_name_is_left_out_and_page_sizes_that_are_not_there_too()
    {
        var rows = Run("tegra30", 1ul << 40, [Page, Block, 1 << 30], TeardownWay.Space);
        var row = rows.ShouldHaveSingleItem();
        (row.Size, row.PageBytes).ShouldBe((3ul << 30, Page));
        Should.Throw<InputException>(() => Run("tegra30", 1 << 20, [Block])).Message.ShouldContain("nothing can be torn down");
        Should.Throw<InputException>(() => Run("tegra30", 4097, [Page])).Message.ShouldContain("not a multiple");
    }

    [Fact]
    public void Every_machine_can_be_torn_down_and_progress_ends_at_the_end()
    {
        var told = new Dictionary<string, double>(StringComparer.Ordinal);
        var options = OptionsFor("smmuv3", 4 << 20, [Page]) with { Machines = MachineCatalog.All, Policies = Enum.GetValues<SyncPolicy>() };
        var rows = TeardownRunner.Run(options, (what, share) => told[what] = share);
        rows.Count.ShouldBe(MachineCatalog.All.Count * options.Policies.Count * options.Ways.Count);
        told.Count.ShouldBe(rows.Count);
        told.Values.ShouldAllBe(share => share == 1);
    }

    private static IReadOnlyList<TeardownRow> Run(string iommu, ulong size, ulong[] pages, params TeardownWay[] ways) =>
        TeardownRunner.Run(OptionsFor(iommu, size, pages, ways));

    private static TeardownOptions OptionsFor(string iommu, ulong size, ulong[] pages, params TeardownWay[] ways) => new()
    {
        Machines = [MachineCatalog.Find(iommu)!],
        Policies = [SyncPolicy.Gather],
        Size = size,
        PageSizes = pages,
        Ways = ways.Length == 0 ? Enum.GetValues<TeardownWay>() : ways,
    };

    private static long CommandsOf(IReadOnlyList<TeardownRow> rows, TeardownWay way) => rows.Single(row => row.Way == way).Counts[OperationKind.Command];

    private static double TimeOf(IReadOnlyList<TeardownRow> rows, TeardownWay way) => rows.Single(row => row.Way == way).VirtualMicroseconds;
}
