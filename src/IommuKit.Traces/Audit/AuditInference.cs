namespace IommuKit.Traces.Audit;

/// <summary>What the events of a trace show of the mode it was recorded in.</summary>
internal static class AuditInference
{
    // Below this, nothing is said to be a habit.
    private const int Few = 16;

    /// <summary>When unmaps were invalidated: by what completed nine of ten.</summary>
    public static InvalidationMode ModeOf(AuditPass pass)
    {
        long all = pass.Coverage.Covered;
        long deferred = pass.Coverage.Deferred.Count;
        return all == 0 ? InvalidationMode.Unknown
            : deferred * 10 <= all ? InvalidationMode.Strict
            : deferred * 10 >= all * 9 ? InvalidationMode.Deferred
            : InvalidationMode.Mixed;
    }

    /// <summary>
    /// Whether hardware is in caching mode. On: there is a sure sign (<see cref="VtdSigns.HasCachingMode"/>), by which a machine is chosen for replays
    /// too. Off: maps are there and none of them was followed by an invalidation.
    /// </summary>
    public static CachingMode CachingModeOf(AuditPass pass) =>
        pass.Signs.HasCachingMode ? CachingMode.On
        : pass.Counts.Translations != 0 && pass.Counts.Maps >= Few
            && pass.Waste.MapTime.Count + pass.Waste.MapTimeFirstStage.Count == 0 ? CachingMode.Off
        : CachingMode.Unknown;
}
