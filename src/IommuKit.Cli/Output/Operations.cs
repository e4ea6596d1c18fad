using IommuKit.Lab.Costs;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>What was counted, as outputs have it.</summary>
internal static class Operations
{
    /// <summary>The fields of counts, for outputs that have counts among other things.</summary>
    public static FieldList<OperationCounts> Fields { get; } = new("operations")
    {
        {
            "operations",
            "how often each kind of operation happened; kinds that did not are left out, and 0 in CSV",
            new NamedValues<OperationCounts>(
                [.. OperationKinds.All.Select(OperationKinds.NameOf)],
                (counts, name) => counts[OperationKinds.Find(name)!.Value] is not 0 and var count ? new(count) : null,
                "0")
        },
        {
            "purposes",
            "register accesses and commands by what they are for: `table_cache` and `tlb` are the invalidations of either, `completion` waits until "
                + "they took effect, `other` is all else; left out where there are none, and 0 in CSV",
            new NamedValues<OperationCounts>(
                [.. OperationKinds.Purposes.Select(OperationKinds.NameOf)],
                (counts, name) => counts.For(OperationKinds.FindPurpose(name)!.Value) is not 0 and var count ? new(count) : null,
                "0")
        },
        {
            "maintenance",
            "operations that keep caches in step: register accesses, commands, doorbells, requests, lines cleaned",
            counts => counts.Maintenance
        },
    };

    /// <summary>Columns of tables, of kinds that occur only.</summary>
    /// <param name="items">All rows of the table.</param>
    /// <param name="countsOf">What a row counts.</param>
    /// <param name="kinds">The kinds in order, each with the rank of its column.</param>
    public static IEnumerable<Column<T>> Columns<T>(
        IReadOnlyList<T> items, Func<T, OperationCounts> countsOf, params IEnumerable<(OperationKind Kind, int Rank)> kinds) => kinds
            .Where(column => items.Any(item => countsOf(item)[column.Kind] != 0))
            .Select(column => new Column<T>(HeaderOf(column.Kind), column.Rank, item => Numbers.Count(countsOf(item)[column.Kind])));

    /// <summary>Says what of costs is no measure of an IOMMU: those of another one, and operations that they know nothing of.</summary>
    /// <param name="results">The IOMMU and the costs of each result, and what of it they do not know.</param>
    public static IEnumerable<string> CostNotes(IReadOnlyList<(string Iommu, string Costs, IReadOnlyList<OperationKind> Unpriced)> results)
    {
        foreach (var (iommu, costs) in results.Select(result => (result.Iommu, result.Costs)).Distinct())
        {
            bool isBuiltIn = CostFile.BuiltIn.Any(vector => vector.Name == costs);
            if (isBuiltIn && MachineCatalog.Find(iommu) is { } kind && CostFile.Of(kind).Name is { } own && own != costs)
            {
                yield return $"Costs {costs} are not those of a {iommu} ({own}): what it does otherwise counts as nothing, or wrongly.";
            }
        }

        foreach (var same in results.Where(result => result.Unpriced.Count != 0).GroupBy(result => result.Costs, result => result.Unpriced, StringComparer.Ordinal))
        {
            var names = same.SelectMany(kinds => kinds).Distinct().Order().Select(OperationKinds.NameOf);
            yield return $"Costs {same.Key} are assumed to be 0 for what is not in the file: {string.Join(", ", names)}.";
        }
    }

    /// <summary>The heading of a column of such operations.</summary>
    public static string HeaderOf(OperationKind kind) => kind switch
    {
        OperationKind.RegisterWrite => "Writes",
        OperationKind.RegisterRead => "Reads",
        OperationKind.Command => "Commands",
        OperationKind.Doorbell => "Doorbells",
        OperationKind.Request => "Requests",
        OperationKind.LineCleaned => "Lines",
        OperationKind.Barrier => "Barriers",
        OperationKind.EntryStored => "Stores",
        _ => OperationKinds.NameOf(kind),
    };
}
