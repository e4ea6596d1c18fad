using IommuKit.Cli.HostTime;
using IommuKit.Lab.Bench;

namespace IommuKit.Cli.Output;

/// <summary>A row of <c>iommukit bench --host-time</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class HostTimeRecord(HostTimeRow row, BenchOptions options)
{
    public string Iommu => row.Iommu;

    public string Policy => row.Policy.ToString();

    public string Op => Names.Of(row.Operation);

    public ulong SizeBytes => row.Size;

    public ulong Pages => row.Pages;

    public double HostMedianNs => Math.Round(row.MedianNanoseconds, 1);

    public double HostMinNs => Math.Round(row.MinNanoseconds, 1);

    public double HostP90Ns => Math.Round(row.P90Nanoseconds, 1);

    public int Samples => row.Samples;

    public double BytesAllocated => row.BytesAllocated;

    public bool CodeIsFinal => row.IsCodeFinal;

    public string Layout => Names.Of(options.Layout);

    public string Tables => Names.Of(options.Tables);

    [OwnWords]
    public string Tuning => Output.Tuning.Describe(options.Settings, options.FlushAllPages);
}
