namespace IommuKit.Sync;

/// <summary>Where some of the threads put what a <see cref="DeferredQueue{THardware, TBatch}"/> flushes.</summary>
internal sealed class DeferredStripe : Stripe
{
    private PendingUnmaps? _set;

    /// <summary>What waits here; null before the first.</summary>
    public PendingUnmaps? Set
    {
        get => Volatile.Read(ref _set);
        set => Volatile.Write(ref _set, value);
    }

    /// <summary>Whether nothing waits here.</summary>
    public bool IsEmpty => Set is not { IsEmpty: false };
}
