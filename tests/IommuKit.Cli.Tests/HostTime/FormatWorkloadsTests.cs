using IommuKit.Cli.HostTime;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.Tests.HostTime;

/// <summary>What is measured does what it says, in every format, and leaves nothing behind.</summary>
public class FormatWorkloadsTests
{
    public static TheoryData<string> Names => [.. FormatCatalog.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_work_of_every_format_is_right(string name) => FormatCatalog.Find(name)!.Accept(new DoEverything()).ShouldBe(0);

    private sealed class DoEverything : IFormatVisitor<long>
    {
        public long Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat
        {
            using var works = new FormatWorkloads<TFormat>(kind);
            int entries = FormatWorkloads<TFormat>.TableEntries;
            Func<PairWork>[] pairs =
            [
                () => works.Pages(1),
                () => works.Pages(32),
                () => works.Pages(FormatWorkloads<TFormat>.PagesOfTable),
                () => works.Pages(32, maxSlots: 1),
                () => works.Blocks(),
                () => works.Cold(1),
                () => works.Cold(9 * entries),
                () => works.WholeTables(2),
                () => works.WholeTables(9),
                () => works.Lists(32),
                () => works.Lists(512),
                () => works.Domain(1),
                () => works.Domain(32),
                () => works.PagesOfThreads(32, 3)[2],
            ];
            foreach (var create in pairs)
            {
                var work = create();
                work.Slots.ShouldBeGreaterThan(0);
                work.DoVerified();
                work.DoVerified();
                works.Clear();
            }

            foreach (var order in Enum.GetValues<LookUpOrder>())
            {
                works.LookUps(order).Run(1000);
            }

            var fill = works.Fill();
            fill.Run(fill.Entries);
            works.Clear();
            return works.TablesOutstanding;
        }
    }
}
