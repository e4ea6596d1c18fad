using IommuKit.Lab;
using IommuKit.Lab.Bench;

namespace IommuKit.Cli.Output;

/// <summary>A row of <c>iommukit bench</c> as JSON and CSV have it. docs/json.md describes the fields.</summary>
internal sealed class BenchRecord(BenchRow row, BenchOptions options)
{
    public string Iommu => row.Iommu;

    public string Policy => row.Policy.ToString();

    public string Op => Names.Of(row.Operation);

    public ulong SizeBytes => row.Size;

    public ulong Pages => row.Pages;

    public double? PaperBeforeUs => row.PaperBefore?.Mean;

    public double? PaperAfterUs => row.PaperAfter?.Mean;

    public double VirtualUs => Math.Round(row.VirtualMicroseconds, 3);

    public long RegisterWrites => row.Counts.RegisterWrites.Total;

    public long RegisterReads => row.Counts.RegisterReads.Total;

    public long LinesCleaned => row.Counts.LinesCleaned;

    public long Barriers => row.Counts.Barriers;

    public long EntriesStored => row.Counts.EntriesStored;

    public long? Bound => row.Bound?.Total;

    public long Operations => row.Counts.Maintenance;

    public long? BoundRegisterWrites => row.Bound?.RegisterWrites;

    public long? BoundRegisterReads => row.Bound?.RegisterReads;

    public long? BoundLinesCleaned => row.Bound?.LinesCleaned;

    public long TableCacheWrites => row.Counts.RegisterWrites.TableCache;

    public long TlbWrites => row.Counts.RegisterWrites.Tlb;

    public long CleanCalls => row.Counts.CleanCalls;

    public long Syncs => row.Counts.Syncs;

    public long ScatterEntries => row.Counts.RangesMapped;

    public long TablesAllocated => row.Counts.TablesAllocated;

    public long TablesFreed => row.Counts.TablesFreed;

    public long TlbHits => row.Caches.TlbHits;

    public long TlbMisses => row.Caches.TlbMisses;

    public long TableCacheHits => row.Caches.TableCacheHits;

    public long TableCacheMisses => row.Caches.TableCacheMisses;

    public string Layout => Names.Of(options.Layout);

    public string Tables => Names.Of(options.Tables);

    public string Costs => options.Costs.Name;

    [OwnWords]
    public string Tuning => Output.Tuning.Describe(options.Settings, options.FlushAllPages);

    public double? PaperBeforeMinUs => row.PaperBefore?.Min;

    public double? PaperBeforeMaxUs => row.PaperBefore?.Max;

    public double? PaperAfterMinUs => row.PaperAfter?.Min;

    public double? PaperAfterMaxUs => row.PaperAfter?.Max;

    public bool PromisesAll => row.Policy.IsFull();

    public long ReachablePages => row.ReachablePages;
}
