using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Cli.Runs;
using IommuKit.Lab.Costs;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit calibrate</c>: costs of operations from measured times.</summary>
internal static class CalibrateCommand
{
    public static Command Create(CommandContext context)
    {
        var file = new Argument<string?>("MEASUREMENTS")
        {
            Description = "Measured times: CSV with operation, size, policy and us (see docs/cost-model.md).",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var costsOut = new Option<string?>("--costs-out")
        {
            Description = "Write the fitted costs to this file, for --costs and --prior.",
            HelpName = "FILE",
        };
        var name = new Option<string?>("--name")
        {
            Description = "The name of the fitted costs. Default: that of the measurements' file.",
            HelpName = "NAME",
        };
        var source = new CalibrationSource();
        var results = new ResultOptions();
        var command = new Command(
            "calibrate", "Fit what operations cost to measured times; say how well they fit, how well they are known, and what they predict.")
        {
            file, costsOut, name,
        };
        foreach (var option in source.Options)
        {
            command.Options.Add(option);
        }

        results.AddTo(command);
        command.SetAction(parsed =>
        {
            string? path = parsed.GetValue(file);
            if (path is null != source.WantsSeedTable(parsed))
            {
                throw new InputException(path is null
                    ? "calibrate: there is nothing to fit to; name a file of measured times, or --seed-table"
                    : "--seed-table: the times are in a file already");
            }

            var options = source.OptionsIn(parsed);
            string costsName = parsed.GetValue(name) ?? (path is null ? "seed-table-fitted" : $"{Path.GetFileNameWithoutExtension(path)}-fitted");
            string[] inputs = [.. source.FilesIn(parsed), .. path is null ? Array.Empty<string>() : [path]];
            using var costFile = parsed.GetValue(costsOut) is { } output ? ResultFile.Open(output, context.Output, inputs, costsOut.Name) : null;
            return results.Collect(parsed, context, inputs, writer =>
            {
                var calibration = Progress.Phases(context, report => CostRequest.Fit(path, options, report));
                var costs = calibration.ToVector(costsName);
                costFile?.Writer.Write(CostFileWriter.Write(costs));
                CalibrateOutput.Write(writer, calibration, costs);
                if (costFile is not null)
                {
                    costFile.Commit();
                    context.Announce(costFile);
                }
            },
            costFile);
        });
        return command;
    }
}
