namespace IommuKit.Sync;

/// <summary>What becomes of gathered runs.</summary>
internal enum GatherUse
{
    /// <summary>They are synchronised at the end of the operation, exactly as they are.</summary>
    Synchronise,

    /// <summary>They are synchronised at the end of the operation, translations of leaves by the range of the operation.</summary>
    SynchroniseRange,

    /// <summary>They are written back to memory; dropping what caches hold of them waits.</summary>
    CleanOnly,

    /// <summary>They are owed until the caller asks for a flush.</summary>
    Owe,
}
