using System.Globalization;
using IommuKit.Cli.HostTime;
using IommuKit.Lab;
using IommuKit.Lab.Bench;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>The table of <c>iommukit bench --host-time</c>.</summary>
internal static class HostTimeTable
{
    public static void Write(IAnsiConsole console, IReadOnlyList<HostTimeRow> rows, BenchOptions options, bool isMarkdown)
    {
        var leftOut = new List<string>();
        foreach (var machine in rows.GroupBy(row => row.Iommu, StringComparer.Ordinal))
        {
            string tuning = Tuning.InTitle(options.Settings, options.FlushAllPages);
            var table = new ColumnTable($"{machine.Key}: time of IommuKit's code on this host, hardware that does nothing{tuning}", isMarkdown);
            table.AddColumn("Size", isNumber: false);
            table.AddColumn("Op", isNumber: false);
            table.AddColumn("Policy", isNumber: false);
            table.AddColumn("Median ns");
            table.AddColumn("ns/page", rank: 1);
            table.AddColumn("Min ns", rank: 3);
            table.AddColumn("P90 ns", rank: 4);
            table.AddColumn("Bytes allocated", rank: 2);
            foreach (var row in machine.OrderBy(row => row.Size).ThenBy(row => row.Operation).ThenBy(row => row.Policy))
            {
                table.AddRow(
                    ByteSize.Format(row.Size),
                    Names.Of(row.Operation),
                    row.Policy.ToString(),
                    Number(row.MedianNanoseconds),
                    Number(row.MedianNanoseconds / row.Pages),
                    Number(row.MinNanoseconds),
                    Number(row.P90Nanoseconds),
                    row.BytesAllocated.ToString("0.##", CultureInfo.InvariantCulture));
            }

            leftOut.AddRange(table.Write(console));
            console.WriteLine();
        }

        ColumnTable.WriteLeftOut(console, leftOut);
        console.Note(isMarkdown, "Host time: says how fast this code is, and nothing about the modelled hardware.");
        if (rows.Any(row => !row.IsCodeFinal))
        {
            console.Note(
                isMarkdown, "These times may be several times too long: the runtime went on compiling. Run it again when the machine is idle.");
        }
    }

    private static string Number(double value) => value.ToString(value < 100 ? "0.00" : "#,0", CultureInfo.InvariantCulture);
}
