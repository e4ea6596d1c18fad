namespace IommuKit.Models.Tegra;

/// <summary>What is not known for sure about the hardware, or differs from part to part.</summary>
public sealed record TegraModelOptions
{
    private const int Limit = 1 << 20;

    /// <summary>
    /// Bytes of IOVA in one TLB line, which one group flush removes: 16, 32 or 64 KiB. 0 means what the SoC most likely has.
    /// The manual of Tegra124 gives two answers.
    /// </summary>
    public int TlbGroupBytes { get; init; }

    /// <summary>Which TLB line makes way.</summary>
    public CacheReplacement TlbReplacement { get; init; } = CacheReplacement.RoundRobin;

    /// <summary>Sets of the page-table cache, a power of two. Its size is not public; the six bits of INDEX_MAP suggest 64 sets.</summary>
    public int PtcSets { get; init; } = 64;

    /// <summary>Ways of the page-table cache (assumed).</summary>
    public int PtcWays { get; init; } = 4;

    /// <summary>
    /// How many register writes may be posted and not yet have taken effect. A read makes all of them take effect; a full queue the oldest. 0: every
    /// write takes effect at once. At most 2^20.
    /// </summary>
    public int PostedWrites { get; init; } = 1024;

    /// <summary>
    /// Whether PTC_FLUSH_1 keeps its value for further flushes. Not known; the driver writes it each time.
    /// </summary>
    public bool KeepsPtcFlushHigh { get; init; } = true;

    /// <summary>
    /// The swgroups that see 34 bits of IOVA, with one address space for each 4 GiB. Some of Tegra124 and later do; which is not public. Names mean
    /// nothing on the others.
    /// </summary>
    public IReadOnlySet<string> WideSwgroups { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Refuses hardware that cannot be.</summary>
    /// <exception cref="ArgumentException">There is no such hardware.</exception>
    internal static void Validate(TegraModelOptions options)
    {
        if (options.WideSwgroups is null || !Enum.IsDefined(options.TlbReplacement))
        {
            throw new ArgumentException($"There is no replacement {options.TlbReplacement}, or no set of {nameof(WideSwgroups)}.", nameof(options));
        }

        if (options.PostedWrites is < 0 or > Limit)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.PostedWrites, $"0 to {Limit} register writes can be posted.");
        }

        var (sets, ways) = (options.PtcSets, options.PtcWays);
        if (sets is < 1 or > Limit || !int.IsPow2(sets) || ways is < 1 or > Limit || (long)sets * ways > Limit)
        {
            throw new ArgumentOutOfRangeException(
                nameof(options), $"A cache cannot have {sets} sets of {ways} ways: sets are a power of two, and there are at most {Limit} lines.");
        }
    }
}
