namespace IommuKit.Traces.Audit;

/// <summary>
/// Which units and domains the invalidations are for, and how many devices were attached: what tells whether a trace is of one domain.
/// </summary>
internal sealed class DomainsSeen
{
    private readonly HashSet<int> _domains = [];
    private readonly HashSet<ushort> _units = [];

    /// <summary>
    /// Domain ids in invalidations. Each unit has ids of its own: one at several units may be several domains, and several may be one.
    /// </summary>
    public int Domains => _domains.Count;

    /// <summary>Units in invalidations.</summary>
    public int Units => _units.Count;

    /// <summary>Whether maps and unmaps may be of several domains.</summary>
    public bool IsMixed => Domains > 1 || Units > 1;

    /// <summary>The ids, in order.</summary>
    public IReadOnlyList<int> Ids => [.. _domains.Order()];

    /// <summary>Notes an invalidation.</summary>
    public void Add(in Invalidation invalidation)
    {
        // Both sets hold at most 2^16 numbers.
        _units.Add(invalidation.Unit);
        if (invalidation.Scope != InvalidationScope.Global)
        {
            _domains.Add(invalidation.DomainId);
        }
    }
}
