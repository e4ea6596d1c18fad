using System.Globalization;
using IommuKit.Analysis.Calibration;
using IommuKit.Cli.Commands;
using IommuKit.Lab;
using IommuKit.Lab.Costs;
using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit calibrate</c> says.</summary>
internal sealed class CalibrationView(CostCalibration calibration, CostVector costs)
{
    public CostCalibration Calibration => calibration;

    public CostVector Costs => costs;

    public void Write(Results results) => results.WriteOne(new CalibrationRecord(this), CostTermRecord.Of(this), WriteTables);

    private void WriteTables(IAnsiConsole console, bool isMarkdown)
    {
        var leftOut = new List<string>();
        leftOut.AddRange(WriteCosts(console, isMarkdown));
        leftOut.AddRange(WriteCells(console, isMarkdown));
        ColumnTable.WriteLeftOut(console, leftOut);
        foreach (string sentence in CalibrationText.Of(calibration))
        {
            console.Note(isMarkdown, sentence);
        }
    }

    private IReadOnlyList<string> WriteCosts(IAnsiConsole console, bool isMarkdown)
    {
        var table = new ColumnTable($"{costs.Name}: {costs.Description}", isMarkdown);
        table.AddColumn("Operation", isNumber: false);
        table.AddColumn("µs");
        table.AddColumn("90 % interval");
        table.AddColumn("Prior µs", 1);
        table.AddColumn("From the times alone", 2, isNumber: false);
        foreach (var record in CostTermRecord.Of(this))
        {
            table.AddRow(
                record.Term,
                Number(record.Us),
                record.Low is { } low && record.High is { } high ? $"{Number(low)}–{Number(high)}" : "not fitted",
                record.PriorUs is { } prior ? $"{Number(prior)} ± {Number(record.PriorWidthUs!.Value)}" : string.Empty,
                record.Identified);
        }

        return table.Write(console);
    }

    private IReadOnlyList<string> WriteCells(IAnsiConsole console, bool isMarkdown)
    {
        var table = new ColumnTable("Fit, and prediction of each size from the others", isMarkdown);
        table.AddColumn("Op", isNumber: false);
        table.AddColumn("Size", isNumber: false);
        table.AddColumn("Policy", isNumber: false);
        table.AddColumn("Mean µs");
        table.AddColumn("Samples");
        table.AddColumn("Fit µs");
        table.AddColumn("Off");
        table.AddColumn("Without its size", 1);
        table.AddColumn("Outside samples", 2);
        foreach (var cell in CalibrationCellRecord.Of(calibration))
        {
            table.AddRow(
                cell.Op,
                ByteSize.Format(cell.SizeBytes),
                cell.Policy,
                Time(cell.MeanUs),
                FormattableString.Invariant($"{cell.MinUs:0}–{cell.MaxUs:0}"),
                Time(cell.FitUs),
                Numbers.Off(cell.Error),
                cell.LeftOutUs is { } us ? Time(us) : string.Empty,
                cell.LeftOutExcess is { } excess ? (excess == 0 ? "within" : Numbers.Off(excess)) : string.Empty);
        }

        return table.Write(console);
    }

    private static string Number(double us) => us.ToString(us < 0.1 ? "0.0000" : "0.000", CultureInfo.InvariantCulture);

    private static string Time(double us) => us.ToString(us < 100 ? "0.0" : "#,0", CultureInfo.InvariantCulture);
}
