using System.CommandLine;
using System.Globalization;
using System.Numerics;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Lab.Dump;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit dump</c>: what a page table looks like.</summary>
internal static class DumpCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "dump",
        "Build a page table, or read one from a dump of memory, and print it as a tree: ranges merged, flags decoded, cache lines counted.",
        "FILE",
        Create);

    private static Command Create(CommandContext context)
    {
        var trace = new Argument<string?>("FILE")
        {
            Description = "A trace, as for replay: the page table is what it leaves mapped.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var formatName = new Option<string>("--format", "-f")
        {
            HelpName = "NAME",
            Required = true,
        };
        context.Describe(formatName, () => $"The format: {string.Join(", ", context.Catalog.Formats.Select(kind => kind.Name))}.");
        var map = new Option<string[]>("--map", "-m")
        {
            Description = "A range to map, hexadecimal IOVA and physical address; repeatable. "
                + "Letters: r(ead), w(rite), c(ache), n(o execute), m(mio), p(rivileged). Default: rw.",
            HelpName = "IOVA:PA:SIZE[:rwcnmp]",
        };
        var pageSizes = new Option<string[]>("--page-sizes")
        {
            Description = "The page sizes to use, with commas. Default: all of the format's.",
            HelpName = "SIZE,…",
        };
        var inputBits = new Option<string?>("--input-bits")
        {
            Description = "Bits of an IOVA. Default: the format's usual width.",
            HelpName = "BITS",
        };
        var outputBits = new Option<string?>("--output-bits")
        {
            Description = "Bits of a physical address. Default: the format's usual width.",
            HelpName = "BITS",
        };
        var peak = new Option<bool>("--peak")
        {
            Description = "Stop in the trace where most is mapped, rather than at its end. It is read twice, so it must be a file.",
        };
        var lenient = TraceOptions.Lenient();
        var memory = new Option<string[]>("--memory")
        {
            Description = "Read tables that somebody else wrote, from a file of physical memory: raw, at a hexadecimal address if not at 0, or an ELF core "
                + "(QEMU's dump-guest-memory, kdump); repeatable for holes. With --root.",
            HelpName = "FILE[@ADDRESS]",
        };
        var root = new Option<string?>("--root")
        {
            Description = "The hexadecimal physical address of their root.",
            HelpName = "ADDRESS",
        };
        var raw = new Option<bool>("--raw") { Description = "Show the values of entries; of a range, the first one." };
        var walk = new Option<string?>("--walk")
        {
            Description = "Look up this IOVA (hexadecimal) instead of printing the tree: each entry that hardware reads, and what it makes of it.",
            HelpName = "IOVA",
        };
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            trace,
            formatName,
            map,
            pageSizes,
            inputBits,
            outputBits,
            peak,
            lenient,
            memory,
            root,
            raw,
            walk,
            LoadOption.Create(),
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = new DumpOptions
            {
                Format = Choices.Format(context.Catalog, "--format", parsed.GetValue(formatName)!),
                InputBits = Bits(inputBits, parsed),
                OutputBits = Bits(outputBits, parsed),
                PageSizes = PageSizes(pageSizes.Name, parsed.GetValue(pageSizes) ?? []),
                Trace = parsed.GetValue(trace),
                IsPeak = parsed.GetValue(peak),
                IsLenient = parsed.GetValue(lenient),
                Walk = parsed.GetValue(walk) is { } iova ? Address(iova) : null,
                Maps = [.. (parsed.GetValue(map) ?? []).Select(Map)],
            };
            string[] files = parsed.GetValue(memory) ?? [];
            if (files.Length != 0 || parsed.GetValue(root) is not null)
            {
                ulong at = RootOf(options, files, parsed.GetValue(root));
                return results.Collect(parsed, context, [.. files.Select(ForeignDump.FileOf)], writer =>
                {
                    var foreign = ForeignDump.Run(options.Format, files, at, options.InputBits, options.OutputBits, options.Walk);
                    writer.Write((output, format) => DumpOutput.Write(output, format, foreign.Dump, parsed.GetValue(raw), foreign));
                });
            }

            if (options.Trace is null && options.Maps.Count == 0)
            {
                throw new InputException("dump: nothing is mapped; give --map IOVA:PA:SIZE, or a trace");
            }

            CheckTraceOptions(options);
            return results.Collect(parsed, context, options.Trace is { } input ? [input] : [], writer =>
            {
                var dump = Progress.Steps(context, options.Trace, (onStep, onRead) => Dumper.Run(options, onStep, onRead));
                writer.Write((output, format) => DumpOutput.Write(output, format, dump, parsed.GetValue(raw)));
            });
        });
        return command;
    }

    /// <summary>The root of tables in files, and nothing beside them that would be built.</summary>
    private static ulong RootOf(DumpOptions options, string[] files, string? root)
    {
        if (files.Length == 0 || root is null)
        {
            throw new InputException("--memory and --root go together: where the memory is, and where the root is in it");
        }

        if (options.Trace is not null || options.Maps.Count != 0 || options.PageSizes != 0 || options.IsPeak || options.IsLenient)
        {
            throw new InputException("--memory: these tables are there already; a trace with its options, --map and --page-sizes build others");
        }

        string digits = root.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? root[2..] : root;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address)
            ? address
            : throw new InputException($"--root: \"{root}\" is no hexadecimal address");
    }

    /// <summary>Refuses options that the trace, or its absence, makes impossible.</summary>
    private static void CheckTraceOptions(DumpOptions options)
    {
        if (options.Trace is null && (options.IsPeak || options.IsLenient))
        {
            throw new InputException($"{(options.IsPeak ? "--peak" : "--lenient")}: this is for a trace; name one");
        }

        if (options.IsPeak && (options.Trace == "-" || FileIdentity.Of(options.Trace!) is { IsRegular: false } && !Directory.Exists(options.Trace)))
        {
            throw new InputException("--peak: the trace is read twice, so it must be a file and not a pipe");
        }
    }

    private static int? Bits(Option<string?> option, ParseResult parsed) =>
        parsed.GetValue(option) is { } text ? Choices.Number(option.Name, text) : null;

    private static ulong Address(string text)
    {
        try
        {
            return DumpMap.ParseAddress(text);
        }
        catch (InputException e)
        {
            throw new InputException($"--walk: {e.Message}", e);
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
