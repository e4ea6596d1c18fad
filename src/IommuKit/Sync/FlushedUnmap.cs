namespace IommuKit.Sync;

/// <summary>An unmap that waited for a flush.</summary>
/// <param name="Range">The IOVAs.</param>
/// <param name="Tag">What its caller gave it, to know it by; 0 if nothing.</param>
internal readonly record struct FlushedUnmap(Interval Range, ulong Tag);
