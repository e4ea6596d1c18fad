namespace IommuKit.Sync;

/// <summary>The batch of hardware whose invalidations are register writes or calls: there is nothing to gather.</summary>
public readonly struct NoBatch;
