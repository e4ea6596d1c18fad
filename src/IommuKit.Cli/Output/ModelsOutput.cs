using System.Globalization;
using IommuKit.Domains;
using IommuKit.Lab;
using IommuKit.Lab.Machines;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>An IOMMU that is modelled.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Traits">Its traits.</param>
/// <param name="Devices">How many devices, or groups of them, it has.</param>
internal sealed record Model(IommuKind Kind, IommuTraits Traits, int Devices)
{
    /// <summary>Its traits that page tables have to do with.</summary>
    public PagingTraits Paging => Traits.Paging!;
}

/// <summary>What <c>iommukit models</c> says: the traits are the rows of its table, and each IOMMU is a column.</summary>
internal static class ModelsOutput
{
    /// <summary>A model. What shows in the table has the name of its row.</summary>
    public static FieldList<Model> Fields { get; } = new("models")
    {
        { "iommu", "its name", model => model.Kind.Name },
        { "description", "what it is", model => model.Kind.Description },
        { "format", "the page-table format", model => model.Paging.Format, new("page-table format") },
        { "input_bits", "bits of an IOVA", model => model.Traits.InputBits, new("IOVA bits", 0, Number) },
        { "output_bits", "bits of a physical address", model => model.Traits.OutputBits, new("physical address bits", 0, Number) },
        { "page_sizes", "the page sizes that Linux uses", model => Sizes(model.Traits.PageSizes), new("page sizes used by Linux") },
        {
            "supported_page_sizes",
            "the page sizes of the hardware",
            model => Sizes(model.Traits.SupportedPageSizes),
            new("page sizes of the hardware")
        },
        { "address_spaces", "how many there are", model => model.Traits.AddressSpaces, new("address spaces", 0, Number) },
        { "devices", "devices, or groups of them", model => model.Devices, new("devices (groups)", 0, Number) },
        {
            "coherent_walk",
            "whether the walker sees the CPU's caches",
            model => model.Paging.Flush.HasCoherentWalk,
            new("walker sees the CPU's caches")
        },
        {
            "caches_invalid_entries",
            "whether it may cache entries that are not present",
            model => model.Paging.Flush.CachesInvalidEntries,
            new("caches entries not present")
        },
        {
            "table_cache_line_bytes",
            "a line of the cache of table memory",
            model => model.Paging.Flush.TableCacheLine,
            new("line of the table cache", 0, Bytes)
        },
        { "tlb_lines", "lines of the TLB", model => model.Paging.Flush.TlbLines, new("TLB lines", 0, Number) },
        {
            "tlb_group_bytes",
            "IOVA that one flush of a group covers: the driver's guess at a line of the TLB",
            model => model.Paging.Flush.TlbGroup,
            new("IOVA in a TLB line (as guessed)", 0, Bytes)
        },
        {
            "range_flush",
            "whether a range can be invalidated by one command",
            model => model.Paging.Flush.HasRangeFlush,
            new("range flush")
        },
        {
            "table_release",
            "when a table is given back: `when-covered`, `when-empty` or `never`",
            model => Names.Of(model.Paging.Release),
            new("a table is given back")
        },
    };

    private static IReadOnlyList<Column<Model>> Traits { get; } = [.. Fields.Select(field => field.Column).OfType<Column<Model>>()];

    public static void Write(Results results, IReadOnlyList<Model> models) =>
        results.Write(Fields, models, (console, isMarkdown) => WriteTables(console, models, isMarkdown));

    /// <summary>Writes as many tables as the width needs.</summary>
    private static void WriteTables(IAnsiConsole console, IReadOnlyList<Model> models, bool isMarkdown)
    {
        const string title = "IOMMUs and their traits";
        bool isFirst = true;
        foreach (var part in Split(models, console.Profile.Width))
        {
            var table = new ColumnTable(isFirst ? title : $"{title}, continued", isMarkdown);
            isFirst = false;
            table.AddColumn("Trait", isNumber: false);
            part.ForEach(model => table.AddColumn(model.Kind.Name, isNumber: false));
            foreach (var trait in Traits)
            {
                table.AddRow([trait.Header, .. part.Select(trait.Cell)]);
            }

            table.Write(console);
        }

        if (isMarkdown)
        {
            console.WriteLine();
        }

        foreach (var model in models)
        {
            console.Note(isMarkdown, $"{model.Kind.Name}: {model.Kind.Description}");
        }
    }

    private static IEnumerable<List<Model>> Split(IEnumerable<Model> models, int width)
    {
        int names = Traits.Max(trait => trait.Header.Length);
        var part = new List<Model>();
        foreach (var model in models)
        {
            if (part.Count != 0 && ColumnTable.WidthOf([names, .. part.Select(WidthOf), WidthOf(model)]) > width)
            {
                yield return part;
                part = [];
            }

            part.Add(model);
        }

        yield return part;
    }

    private static int WidthOf(Model model) => Traits.Select(trait => trait.Cell(model).Length).Append(model.Kind.Name.Length).Max();

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => bytes switch
    {
        0 => "none",
        < 1024 => $"{Number(bytes)} bytes",
        _ => ByteSize.Format((ulong)bytes),
    };

    private static string Sizes(ulong bitmap) => string.Join(
        ' ', Enumerable.Range(0, 64).Where(bit => (bitmap >> bit & 1) != 0).Select(bit => ByteSize.Format(1ul << bit)));
}
