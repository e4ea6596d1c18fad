using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>Latencies of one class of sizes as JSON and CSV have them. docs/json.md describes the fields.</summary>
internal sealed class SizeRecord(ReplayResult result, SizeLatency size)
{
    public string File => result.Trace.File;

    public string Iommu => result.Iommu;

    public string Policy => result.Policy.ToString();

    [OwnWords]
    public string Tuning => Output.Tuning.Describe(result.Tuning.Settings, result.Tuning.FlushAllPages);

    public string Op => Names.Of(size.Operation);

    public ulong SizeFromBytes => size.Size.FromBytes;

    public ulong? SizeToBytes => size.Size.ToBytes;

    public long Count => size.Latency.Count;

    public double VirtualUs => Math.Round(size.VirtualMicroseconds, 3);

    public double P50Us => Math.Round(size.Latency.P50, 3);

    public double P90Us => Math.Round(size.Latency.P90, 3);

    public double P99Us => Math.Round(size.Latency.P99, 3);

    public double MaxUs => Math.Round(size.Latency.Max, 3);

    public string Costs => result.Costs;
}
