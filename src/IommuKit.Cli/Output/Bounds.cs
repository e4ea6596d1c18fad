using System.Globalization;
using IommuKit.Lab.Bench;
using IommuKit.Lab.Machines;

namespace IommuKit.Cli.Output;

/// <summary>The least that would have sufficed, as outputs have it: a number for each kind of operation, with plus signs between.</summary>
internal static class Bounds
{
    private static readonly OperationKind[] Order =
    [
        OperationKind.RegisterWrite, OperationKind.Command, OperationKind.Doorbell, OperationKind.RegisterRead, OperationKind.LineCleaned,
    ];

    /// <summary>The kinds that a bound can have.</summary>
    public static IEnumerable<OperationKind> Kinds => Order.Order();

    /// <summary>What the numbers of <see cref="Text"/> are of.</summary>
    /// <param name="rows">All rows of the table.</param>
    public static string Legend(IReadOnlyList<BenchRow> rows) => KindsOf(rows).Any()
        ? string.Join(" + ", KindsOf(rows).Select(kind => Operations.HeaderOf(kind).ToLowerInvariant()))
        : "operations";

    /// <summary>The least of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="rows">All rows of the table, so that each has the same kinds.</param>
    public static string Text(BenchRow row, IReadOnlyList<BenchRow> rows) => row.Bound switch
    {
        null => string.Empty,
        { Maintenance: 0 } => "0",
        { } least => string.Join('+', KindsOf(rows).Select(kind => least[kind].ToString(CultureInfo.InvariantCulture))),
    };

    private static IEnumerable<OperationKind> KindsOf(IReadOnlyList<BenchRow> rows) => Order.Where(kind => rows.Any(row => row.Bound?[kind] is > 0));
}
