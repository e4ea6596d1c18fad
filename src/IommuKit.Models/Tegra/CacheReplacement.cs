namespace IommuKit.Models.Tegra;

/// <summary>Which line of a full cache makes way.</summary>
public enum CacheReplacement
{
    /// <summary>The one that was filled first.</summary>
    RoundRobin,

    /// <summary>The one that was used longest ago.</summary>
    LeastRecentlyUsed,
}
