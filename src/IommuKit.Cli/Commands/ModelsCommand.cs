using System.CommandLine;
using System.Globalization;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Machines;
using Spectre.Console;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit models</c>: what hardware there is.</summary>
internal static class ModelsCommand
{
    public static Command Create(CommandContext context)
    {
        var results = new ResultOptions();
        var command = new Command("models", "List the IOMMUs that are modelled, with the traits that decide what a flush must do.");
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var format = results.FormatIn(parsed);
            using var result = results.Open(parsed, context);
            ModelRecord[] records = [.. MachineCatalog.All.Select(Describe)];
            switch (format)
            {
                case OutputFormat.Json:
                    Records.WriteJsonArray(result.Writer, records);
                    break;
                case OutputFormat.Csv:
                    Records.WriteCsv(result.Writer, records);
                    break;
                default:
                    WriteTable(context.ConsoleFor(result.Writer), records, format == OutputFormat.Markdown);
                    break;
            }

            result.Commit();
            return ExitCode.Success;
        });
        return command;
    }

    private static ModelRecord Describe(MachineKind kind)
    {
        using var machine = kind.Create(new MachineSettings());
        return new ModelRecord(kind, machine.Driver.Traits, machine.Driver.Devices.Count);
    }

    /// <summary>One column for each IOMMU: the traits are the rows.</summary>
    private static void WriteTable(IAnsiConsole console, ModelRecord[] records, bool isMarkdown)
    {
        var table = Tables.Create(console, "IOMMUs and their traits", isMarkdown);
        table.AddColumn("Trait");
        foreach (var record in records)
        {
            table.AddColumn(record.Iommu);
        }

        Row("page-table format", record => record.Format);
        Row("IOVA bits", record => Number(record.InputBits));
        Row("physical address bits", record => Number(record.OutputBits));
        Row("page sizes used by Linux", record => record.PageSizes);
        Row("page sizes of the hardware", record => record.SupportedPageSizes);
        Row("address spaces", record => Number(record.AddressSpaces));
        Row("devices (groups)", record => Number(record.Devices));
        Row("walker sees the CPU's caches", record => YesNo(record.CoherentWalk));
        Row("caches entries that are not present", record => YesNo(record.CachesInvalidEntries));
        Row("line of the table cache", record => ByteSize.Format((ulong)record.TableCacheLineBytes));
        Row("TLB lines", record => Number(record.TlbLines));
        Row("IOVA in a TLB line (as the driver assumes)", record => ByteSize.Format((ulong)record.TlbGroupBytes));
        Row("range flush", record => YesNo(record.RangeFlush));
        Row("a table is given back", record => record.TableRelease);
        console.Write(table);
        foreach (var record in records)
        {
            console.WriteLine($"{record.Iommu}: {record.Description}");
        }

        void Row(string trait, Func<ModelRecord, string> value) => table.AddRow([trait, .. records.Select(value)]);
    }

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string YesNo(bool value) => value ? "yes" : "no";
}
