using System.Globalization;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit bench --host-time</c>.</summary>
internal static class HostTimeTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<HostTimeRow> rows, bool isMarkdown)
    {
        foreach (var machine in rows.GroupBy(row => row.Iommu, StringComparer.Ordinal))
        {
            var table = Tables.Create(console, $"{machine.Key}: time of IommuKit's code on this host, hardware that does nothing", isMarkdown);
            table.AddColumn("Size").AddColumn("Op").AddColumn("Policy");
            foreach (string column in (string[])["Median ns", "ns/page", "Min ns", "P90 ns", "Bytes allocated"])
            {
                table.AddColumn(Tables.Right(column));
            }

            foreach (var row in machine.OrderBy(row => row.Size).ThenBy(row => row.Operation, StringComparer.Ordinal).ThenBy(row => row.Policy))
            {
                table.AddRow(
                    ByteSize.Format(row.Size),
                    row.Operation,
                    row.Policy.ToString(),
                    Number(row.MedianNanoseconds),
                    Number(row.MedianNanoseconds / row.Pages),
                    Number(row.MinNanoseconds),
                    Number(row.P90Nanoseconds),
                    row.BytesAllocated.ToString("0.##", CultureInfo.InvariantCulture));
            }

            console.Write(table);
            console.WriteLine();
        }

        console.WriteLine("Host time: says how fast this code is, and nothing about the modelled hardware.");
    }

    private static string Number(double value) => value.ToString(value < 100 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}
