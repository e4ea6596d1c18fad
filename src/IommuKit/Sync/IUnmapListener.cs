namespace IommuKit.Sync;

/// <summary>Told of unmaps under <c>SyncPolicy.Deferred</c> when no device can use what they took away.</summary>
internal interface IUnmapListener
{
    /// <summary>A flush is done, and all these waited for it. Called on the thread that flushed, outside the domain's locks.</summary>
    /// <exception cref="Exception">It reaches who flushed. The unmaps count as told.</exception>
    void Flushed(ReadOnlySpan<FlushedUnmap> unmaps);
}
