using IommuKit.Lab.Replay;

namespace IommuKit.Cli.Output;

/// <summary>An interval of a time series as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class SeriesRecord(ReplayResult result, SeriesPoint point)
{
    public string File => result.Trace.File;

    public string Iommu => result.Iommu;

    public string Policy => result.Policy.ToString();

    [OwnWords]
    public string Tuning => Output.Tuning.Describe(result.Tuning.Settings, result.Tuning.FlushAllPages);

    public decimal RecordedStartUs => point.StartNanoseconds / 1000m;

    public long Maps => point.Maps;

    public long Unmaps => point.Unmaps;

    public ulong MappedBytes => point.BytesMapped;

    public ulong UnmappedBytes => point.BytesUnmapped;

    public double VirtualUs => Math.Round(point.VirtualMicroseconds, 3);

    public long Invalidations => point.Invalidations;

    public long Syncs => point.Syncs;

    public ulong LivePages => point.LivePages;

    public string Costs => result.Costs;
}
