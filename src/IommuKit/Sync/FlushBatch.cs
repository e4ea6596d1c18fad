namespace IommuKit.Sync;

/// <summary>The batch of one operation. The default value is a batch with nothing in it.</summary>
internal struct FlushBatch<TBatch>
    where TBatch : struct
{
    /// <summary>What the driver keeps in it.</summary>
    public TBatch Commands;

    /// <summary>Whether something was submitted that has to be waited for.</summary>
    public bool MustWait;
}
