using System.CommandLine;
using System.Numerics;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.PageTables;
using IommuKit.Lab.PageTables.Dump;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit dump</c>: what a page table looks like.</summary>
internal static class DumpCommand
{
    public static Command Create(CommandContext context)
    {
        var trace = new Argument<string?>("FILE")
        {
            Description = "A trace, as for replay: the page table is what it leaves mapped.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var formatName = new Option<string>("--format", "-f")
        {
            Description = $"The format: {string.Join(", ", FormatCatalog.All.Select(kind => kind.Name))}.",
            HelpName = "NAME",
            Required = true,
        };
        var map = new Option<string[]>("--map", "-m")
        {
            Description = "A range to map, hexadecimal IOVA and physical address; repeatable. Letters: r(ead), w(rite), c(ache), n(o execute), m(mio), "
                + "p(rivileged). Default: rw.",
            HelpName = "IOVA:PA:SIZE[:rwcnmp]",
        };
        var pageSizes = new Option<string[]>("--page-sizes")
        {
            Description = "The page sizes to use, with commas. Default: all of the format's.",
            HelpName = "SIZE,…",
        };
        var inputBits = new Option<int?>("--input-bits")
        {
            Description = "Bits of an IOVA. Default: the format's usual width.",
            HelpName = "BITS",
        };
        var raw = new Option<bool>("--raw") { Description = "Show the values of entries; of a range, the first one." };
        var results = new ResultOptions();
        var command = new Command("dump", "Build a page table and print it as a tree: ranges merged, flags decoded, cache lines counted.")
        {
            trace,
            formatName,
            map,
            pageSizes,
            inputBits,
            raw,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = new DumpOptions
            {
                Format = Choices.Format("--format", parsed.GetValue(formatName)!),
                InputBits = parsed.GetValue(inputBits),
                PageSizes = PageSizes(pageSizes.Name, parsed.GetValue(pageSizes) ?? []),
                Trace = parsed.GetValue(trace),
                Maps = [.. (parsed.GetValue(map) ?? []).Select(Map)],
            };
            if (options.Trace is null && options.Maps.Count == 0)
            {
                throw new InputException("dump: nothing is mapped; give --map IOVA:PA:SIZE, or a trace");
            }

            return results.Collect(parsed, context, options.Trace is { } input ? [input] : [], writer =>
            {
                var dump = options.Trace is { } file
                    ? Progress.Read(context, file, onRead => Dumper.Run(options, onRead))
                    : Dumper.Run(options);
                writer.Write((output, format) => Write(output, format, dump, parsed.GetValue(raw)));
            });
        });
        return command;
    }

    private static void Write(TextWriter writer, OutputFormat format, DumpResult dump, bool isRaw)
    {
        switch (format)
        {
            case OutputFormat.Json:
                Records.WriteJson(writer, new DumpRecord(dump));
                break;
            case OutputFormat.Csv:
                Records.WriteCsv(writer, [.. dump.Root.Ranges.Select(range => new DumpRangeRecord(range))]);
                break;
            case OutputFormat.Markdown:
                writer.WriteLine("```text");
                DumpTree.Write(writer, dump, isRaw);
                writer.WriteLine("```");
                break;
            default:
                DumpTree.Write(writer, dump, isRaw);
                break;
        }
    }

    private static DumpMap Map(string text)
    {
        try
        {
            return DumpMap.Parse(text);
        }
        catch (InputException e)
        {
            throw new InputException($"--map: {e.Message}", e);
        }
    }

    private static ulong PageSizes(string option, string[] values)
    {
        ulong bitmap = 0;
        foreach (ulong size in Choices.Sizes(option, values))
        {
            bitmap |= BitOperations.IsPow2(size) ? size : throw new InputException($"{option}: {ByteSize.Format(size)} is not a power of two");
        }

        return bitmap;
    }
}
