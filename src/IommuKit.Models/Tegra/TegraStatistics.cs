namespace IommuKit.Models.Tegra;

/// <summary>What the model's caches did, whether or not the hardware's own counters are on.</summary>
/// <param name="TlbHits">Translations answered by the TLB.</param>
/// <param name="TlbMisses">Translations that needed a walk.</param>
/// <param name="PtcHits">Reads of table memory answered by the page-table cache.</param>
/// <param name="PtcMisses">Reads of table memory that went to memory.</param>
/// <param name="Faults">Transactions stopped.</param>
public readonly record struct TegraStatistics(long TlbHits, long TlbMisses, long PtcHits, long PtcMisses, long Faults);
