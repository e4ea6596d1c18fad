using System.Globalization;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;

namespace IommuKit.Analysis.Calibration;

/// <summary>Costs fitted to measurements, with how well they fit, how well they are known, and how well they predict.</summary>
public sealed class CostCalibration
{
    // Of a normal distribution: how many standard deviations its 90 % interval reaches from the middle.
    private const double HalfWidth90 = 1.645;

    private readonly CalibrationOptions _options;
    private readonly string _source;

    private CostCalibration(string source, IReadOnlyList<MeasuredCell> cells, CalibrationOptions options)
    {
        _options = options;
        _source = source;
        Fit = CostFit.Of(cells, options.Prior);
        Draws = Fit.Resample(options.Resamples, options.Seed);
        Identifiability = new Identifiability(Fit);
        Intervals = [.. OperationKinds.All.Select(term => Interval90.Of(Draws, costs => costs[(int)term]))];
        LeftOut = CrossValidation.Run(cells, options.Prior);
    }

    /// <summary>The fit.</summary>
    public CostFit Fit { get; }

    /// <summary>The resamples.</summary>
    public IReadOnlyList<CostDraw> Draws { get; }

    /// <summary>What the measurements say by themselves.</summary>
    public Identifiability Identifiability { get; }

    /// <summary>The 90 % interval of each cost, by <see cref="OperationKind"/>.</summary>
    public IReadOnlyList<Interval90> Intervals { get; }

    /// <summary>Every cell as predicted without its size.</summary>
    public IReadOnlyList<LeftOutCell> LeftOut { get; }

    /// <summary>What was known beside the measurements.</summary>
    public CostPrior Prior => _options.Prior;

    /// <summary>How it was done.</summary>
    public CalibrationOptions Options => _options;

    /// <summary>Samples in all.</summary>
    public int SampleCount => Fit.Cells.Sum(cell => cell.Samples.Count);

    /// <summary>The largest error of the fit in any cell, relative to its mean.</summary>
    public double MaxError => Fit.Cells.Max(cell => Math.Abs(Fit.ErrorOf(cell)));

    /// <summary>
    /// Share of the variance of the logarithms of all times that the fit explains: of relative errors, not of
    /// microseconds, so that no size outweighs another.
    /// </summary>
    public double RSquared
    {
        get
        {
            double mean = Fit.Cells.SelectMany(cell => cell.Samples).Average(Math.Log);
            double total = Fit.Cells.SelectMany(cell => cell.Samples).Sum(us => Square(Math.Log(us) - mean));
            double rest = Fit.Cells.Sum(cell => cell.Samples.Sum(us => Square(Math.Log(us / Math.Max(Fit.Predict(cell.Counts), double.Epsilon)))));
            return total == 0 ? 0 : 1 - (rest / total);
        }
    }

    /// <summary>What the proposal's table is called where measurements come from.</summary>
    public const string SeedTableName = "the proposal's table of 2015";

    /// <summary>Calibrates.</summary>
    /// <param name="source">Where the measurements come from.</param>
    /// <param name="measurements">The measurements, at least one.</param>
    /// <param name="options">How.</param>
    /// <param name="onCounted">Told what share of the measured work was done on the model, from 0 to 1; or null.</param>
    public static CostCalibration Run(
        string source, IReadOnlyList<Measurement> measurements, CalibrationOptions options, Action<double>? onCounted = null) =>
        new(source, CellCounter.Count(measurements, onCounted), options);

    /// <summary>Whether the measurements are those of the proposal's table.</summary>
    public bool IsOfSeedTable => _source == SeedTableName;

    /// <summary>The same measurements with another prior.</summary>
    public CostCalibration With(CostPrior prior) => new(_source, Fit.Cells, _options with { Prior = prior });

    /// <summary>The costs as a vector that can be written to a file, and used as a prior elsewhere.</summary>
    /// <param name="name">Its name.</param>
    public CostVector ToVector(string name) => new()
    {
        Name = name,
        Description = string.Create(
            CultureInfo.InvariantCulture,
            $"Fitted to {SampleCount} times in {Fit.Cells.Count} cells of {_source}, "
                + $"{(Prior.Source is { } prior ? $"with priors from {prior.Name}" : "without priors")}; {Misfit}."),
        Unit = "us",
        Components = new CostComponents(Prior.Kinds.Select(kind => KeyValuePair.Create(kind, ComponentOf(kind)))),
    };

    private string Misfit => Fit.IsMisfitKnown
        ? string.Create(CultureInfo.InvariantCulture, $"misfit {Fit.Misfit:0.0 %} beyond the scatter of the samples")
        : "too few cells to show a misfit, so that intervals have none in them and are too narrow";

    private CostComponent ComponentOf(OperationKind term)
    {
        double us = Fit.Us[(int)term];
        if (!Fit.Terms.Contains(term))
        {
            string origin = Prior.Source is { } source
                ? $"taken from {source.Name}: {source.Components[term].Source}"
                : "unknown, so that it adds nothing.";
            return new CostComponent(us, "assumed", $"Not in the measurements; {origin}");
        }

        var interval = Intervals[(int)term];
        var confused = Identifiability.Confused.FirstOrDefault(group => group.Contains(term)) ?? [];
        string partners = string.Join(", ", confused.Where(other => other != term).Select(OperationKinds.NameOf));
        string doubt = partners.Length == 0 ? string.Empty : $" The times alone cannot tell it apart from {partners}.";
        double width = interval.Width / 2 / HalfWidth90;
        return new CostComponent(
            us,
            "fitted",
            string.Create(
                CultureInfo.InvariantCulture,
                $"Least squares over {_source}; 90 % interval {interval.Low:0.####} to {interval.High:0.####} us.{doubt}"),
            width > 0 ? width : null);
    }

    private static double Square(double value) => value * value;
}
