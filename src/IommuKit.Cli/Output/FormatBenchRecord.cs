using IommuKit.Lab.PageTables.Bench;

namespace IommuKit.Cli.Output;

/// <summary>A row of <c>iommukit bench --format --host-time</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class FormatBenchRecord(FormatBenchRow row)
{
    public string Format => row.Format;

    public string Work => row.Work;

    public int Pages => row.Pages;

    public double MedianNs => Math.Round(row.MedianNanoseconds, 2);

    public double NsPerPage => Math.Round(row.NanosecondsPerPage, 4);

    public double Spread => Math.Round(row.P90Nanoseconds - row.P10Nanoseconds, 2);

    public double BytesAllocated => row.BytesAllocated;

    public double FillNsPerEntry => Math.Round(row.FillNanoseconds, 4);

    public string Level => Names.Of(row.Level);

    public int Threads => row.Threads;
}
