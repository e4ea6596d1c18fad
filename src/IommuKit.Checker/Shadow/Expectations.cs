namespace IommuKit.Checker.Shadow;

/// <summary>What each page may be translated to, as promised by the API: sets of translations with a bit for each.</summary>
internal sealed class Expectations
{
    /// <summary>A device is in no domain.</summary>
    public const int NoDomain = -1;

    private const ulong Nothing = 1;

    private readonly int _pages;
    private readonly ulong[] _allowed;
    private readonly ulong[] _intended;
    private readonly ulong[] _ever;

    public Expectations(int domains, int devices, int pages)
    {
        _pages = pages;
        _allowed = new ulong[domains * pages];
        _intended = new ulong[domains * pages];
        _ever = new ulong[domains * pages];
        DomainOf = new int[devices];
        Array.Fill(_allowed, Nothing);
        Array.Fill(_intended, Nothing);
        Array.Fill(_ever, Nothing);
        Array.Fill(DomainOf, NoDomain);
    }

    /// <summary>The domain of each device.</summary>
    public int[] DomainOf { get; }

    /// <summary>How many domains there are.</summary>
    public int Domains => _allowed.Length / _pages;

    /// <summary>Whether every page must be what it is meant to be.</summary>
    public bool IsAllPromised => _allowed.AsSpan().SequenceEqual(_intended);

    /// <summary>Every translation that is allowed.</summary>
    public ulong AllowedOf(int domain, int page) => _allowed[(domain * _pages) + page];

    /// <summary>The translation that is meant.</summary>
    public ulong IntendedOf(int domain, int page) => _intended[(domain * _pages) + page];

    /// <summary>Whether a page ever had a translation.</summary>
    public bool WasEver(int domain, int page, ulong translation) => (_ever[(domain * _pages) + page] & translation) != 0;

    public void Permit(int domain, int page, ulong translation)
    {
        int at = (domain * _pages) + page;
        _allowed[at] |= translation;
        _ever[at] |= translation;
    }

    public void Withdraw(int domain, int page, ulong translation)
    {
        int at = (domain * _pages) + page;
        _allowed[at] &= ~translation | _intended[at];
    }

    public void Intend(int domain, int page, ulong translation)
    {
        Permit(domain, page, translation);
        _intended[(domain * _pages) + page] = translation;
    }

    public void Forbid(int domain, int page)
    {
        int at = (domain * _pages) + page;
        _allowed[at] = _intended[at] | Nothing;
    }

    public void Promise(int domain, int page)
    {
        int at = (domain * _pages) + page;
        _allowed[at] = _intended[at];
    }
}
