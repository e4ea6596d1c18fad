using System.Globalization;
using IommuKit.Lab;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit models</c>: the traits are the rows, and each IOMMU is a column.</summary>
internal static class ModelsTable
{
    private static readonly (string Name, Func<ModelRecord, string> Value)[] Traits =
    [
        ("page-table format", record => record.Format),
        ("IOVA bits", record => Number(record.InputBits)),
        ("physical address bits", record => Number(record.OutputBits)),
        ("page sizes used by Linux", record => record.PageSizes),
        ("page sizes of the hardware", record => record.SupportedPageSizes),
        ("address spaces", record => Number(record.AddressSpaces)),
        ("devices (groups)", record => Number(record.Devices)),
        ("walker sees the CPU's caches", record => YesNo(record.CoherentWalk)),
        ("caches entries that are not present", record => YesNo(record.CachesInvalidEntries)),
        ("line of the table cache", record => ByteSize.Format((ulong)record.TableCacheLineBytes)),
        ("TLB lines", record => Number(record.TlbLines)),
        ("IOVA in a TLB line (driver's guess)", record => ByteSize.Format((ulong)record.TlbGroupBytes)),
        ("range flush", record => YesNo(record.RangeFlush)),
        ("a table is given back", record => record.TableRelease),
    ];

    /// <summary>Writes as many tables as the width needs.</summary>
    public static void Write(IAnsiConsole console, IReadOnlyList<ModelRecord> records, bool isMarkdown)
    {
        const string title = "IOMMUs and their traits";
        bool isFirst = true;
        foreach (var part in Split(records, console.Profile.Width))
        {
            var table = new ColumnTable(isFirst ? title : $"{title}, continued", isMarkdown);
            isFirst = false;
            table.AddColumn("Trait", isNumber: false);
            part.ForEach(record => table.AddColumn(record.Iommu, isNumber: false));
            foreach (var (name, value) in Traits)
            {
                table.AddRow([name, .. part.Select(value)]);
            }

            table.Write(console);
        }

        if (isMarkdown)
        {
            console.WriteLine();
        }

        foreach (var record in records)
        {
            console.Note(isMarkdown, $"{record.Iommu}: {record.Description}");
        }
    }

    private static IEnumerable<List<ModelRecord>> Split(IEnumerable<ModelRecord> records, int width)
    {
        int names = Traits.Max(trait => trait.Name.Length);
        var part = new List<ModelRecord>();
        foreach (var record in records)
        {
            if (part.Count != 0 && ColumnTable.WidthOf([names, .. part.Select(WidthOf), WidthOf(record)]) > width)
            {
                yield return part;
                part = [];
            }

            part.Add(record);
        }

        yield return part;
    }

    private static int WidthOf(ModelRecord record) => Traits.Select(trait => trait.Value(record).Length).Append(record.Iommu.Length).Max();

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string YesNo(bool value) => value ? "yes" : "no";
}
