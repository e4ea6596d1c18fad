using System.CommandLine;
using IommuKit.Analysis.Calibration;
using IommuKit.Analysis.Calibration.Gaps;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Cli.Runs;
using IommuKit.Lab.Costs;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit calibrate</c>: costs of operations from measured times, or from those that a trace has.</summary>
internal static class CalibrateCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new(
        "calibrate",
        "Fit what operations cost to measured times or to a trace; say how well they fit, how well they are known, and what they predict.",
        "FILE",
        Create);

    private static Command Create(CommandContext context)
    {
        var file = new Argument<string?>("FILE")
        {
            Description = "Measured times: CSV with operation, size, policy and us (see docs/cost-model.md). Or a trace of a real kernel with events of "
                + "flushes, whose gaps say what commands and their waits took at most. -: a trace from the standard input.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var costsOut = new Option<string?>("--costs-out")
        {
            Description = "Write the fitted costs to this file, for --costs and --prior.",
            HelpName = "FILE",
        };
        var name = new Option<string?>("--name")
        {
            Description = "The name of the fitted costs. Default: that of the file that they are fitted to.",
            HelpName = "NAME",
        };
        var source = new CalibrationSource();
        var lenient = TraceOptions.Lenient();
        var results = new ResultOptions();
        var command = new Command(Entry.Name, Entry.Description)
        {
            file, costsOut, name,
        };
        foreach (var option in source.Options)
        {
            command.Options.Add(option);
        }

        command.Options.Add(lenient);
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string? path = parsed.GetValue(file);
            if (path is null != source.WantsSeedTable(parsed))
            {
                throw new InputException(path is null
                    ? "calibrate: there is nothing to fit to; name a trace or a file of measured times, or --seed-table"
                    : "--seed-table: the times are in a file already");
            }

            bool isTrace = path is not null && CalibrationInput.IsTrace(path);
            var options = source.OptionsIn(parsed, isTrace ? RecordedOrigins.Of([path!]).KindIn(context.Catalog)?.Costs : null);
            string costsName = parsed.GetValue(name) ?? (path is null ? "seed-table-fitted" : $"{NameOf(path)}-fitted");
            string[] inputs = [.. source.FilesIn(parsed), .. path is null ? Array.Empty<string>() : [path]];
            using var costFile = parsed.GetValue(costsOut) is { } output ? ResultFile.Open(output, context.Output, inputs, costsOut.Name) : null;
            return results.Collect(parsed, context, inputs, writer =>
            {
                if (isTrace)
                {
                    Trace(writer, path!, options, parsed.GetValue(lenient));
                }
                else
                {
                    Times(writer, path, options);
                }

                if (costFile is not null)
                {
                    costFile.Commit();
                    context.Announce(costFile);
                }
            },
            costFile);

            void Times(Results writer, string? times, CalibrationOptions how)
            {
                var calibration = Progress.Phases(context, report => CostRequest.Fit(times, how, report));
                var costs = calibration.ToVector(costsName);
                costFile?.Writer.Write(CostFileWriter.Write(costs));
                CalibrateOutput.Write(writer, calibration, costs);
            }

            void Trace(Results writer, string trace, CalibrationOptions how, bool isLenient)
            {
                var calibration = Progress.Read(context, trace, onRead => TraceCalibration.Run(trace, how, isLenient, onRead));
                var costs = calibration.ToVector(costsName);
                costFile?.Writer.Write(CostFileWriter.Write(costs));
                CalibrateTraceOutput.Write(writer, calibration, costs);
            }
        });
        return command;
    }

    /// <summary>A file's name without what says how it is packed.</summary>
    private static string NameOf(string path)
    {
        string name = path == "-" ? "trace" : Path.GetFileNameWithoutExtension(path);
        return name.EndsWith(".trace", StringComparison.Ordinal) ? Path.GetFileNameWithoutExtension(name) : name;
    }
}
