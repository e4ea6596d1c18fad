using System.Text.Json.Serialization;
using IommuKit.Cli.HostTime;

namespace IommuKit.Cli.Output;

/// <summary>A row of <c>iommukit bench --format --host-time</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class FormatBenchRecord(FormatBenchRow row)
{
    private readonly Baseline? _baseline = Baseline.For(row);

    public string Format => row.Format;

    public string Work => row.Work;

    public int Pages => row.Pages;

    public double MedianNs => Math.Round(row.MedianNanoseconds, 2);

    public double NsPerPage => Math.Round(row.NanosecondsPerPage, 4);

    public double Spread => Math.Round(row.P90Nanoseconds - row.P10Nanoseconds, 2);

    public double BytesAllocated => row.BytesAllocated;

    public double FillNsPerEntry => Math.Round(row.FillNanoseconds, 4);

    public bool CodeIsFinal => row.IsCodeFinal;

    public string Level => Names.Of(row.Level);

    public int Threads => row.Threads;

    public double P10Ns => Math.Round(row.P10Nanoseconds, 2);

    public double P90Ns => Math.Round(row.P90Nanoseconds, 2);

    [JsonPropertyName("linux61_x_fill")]
    public double? Linux61TimesFill => Times(_baseline?.Linux61);

    [JsonPropertyName("linux72_x_fill")]
    public double? Linux72TimesFill => Times(_baseline?.Linux72);

    [JsonPropertyName("ceiling_x_fill")]
    public double? CeilingTimesFill => Times(_baseline?.Ceiling);

    private double? Times(double? nanoseconds) =>
        _baseline is not null && nanoseconds is { } value ? Math.Round(_baseline.TimesFill(value), 3) : null;
}
