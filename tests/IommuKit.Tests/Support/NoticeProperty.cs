using IommuKit.Domains;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.Support;

/// <summary>
/// The property of invalidation notices: whatever a real driver does, in whatever order, a cache that listens holds nothing that is not so any more
/// when an operation has returned.
/// </summary>
/// <param name="driver">The driver, with three devices at least.</param>
/// <param name="source">The model that it drives.</param>
/// <param name="streamOf">The stream of a device.</param>
/// <param name="translate">Asks the model for a device's read.</param>
/// <param name="pages">Pages that are used; fewer where each answer is for one page, so that some are asked for again.</param>
internal sealed class NoticeProperty(
    IommuDriver driver, IInvalidationSource source, Func<int, uint> streamOf, Func<int, ulong, Translation> translate, int pages = 2048)
{
    private const ulong Page = 0x1000;
    private const ulong Block = 0x20_0000;
    private const ulong Base = 0x4000_0000;
    private const int Devices = 3;
    private const int TouchesFor2048 = 12;

    // The pages that a domain maps, and which domain a device is in.
    private readonly HashSet<ulong>[] _mapped = [[], []];
    private readonly int[] _domainOf = [-1, -1, -1];

    /// <summary>Makes random operations, and looks at the cache after each.</summary>
    /// <param name="policy">A policy under which an unmap that has returned is done.</param>
    /// <param name="seed">Of the random numbers.</param>
    /// <param name="steps">How many.</param>
    /// <param name="isDeafTo">What the cache does not hear.</param>
    /// <param name="hasRivals">Whether another thread uses the cache all the time.</param>
    /// <returns>The first thing that is kept and wrong; null if there is none.</returns>
    public string? Run(SyncPolicy policy, int seed, int steps, Func<InvalidationNotice, bool>? isDeafTo = null, bool hasRivals = false)
    {
        var random = new Random(seed);
        var cache = new KeptTranslations(source) { IsDeafTo = isDeafTo };
        IommuDomain[] domains = [driver.CreateDomain(new DomainOptions { Policy = policy }), driver.CreateDomain(new DomainOptions { Policy = policy })];
        using var stop = new CancellationTokenSource();
        var rival = new Thread(() =>
        {
            var own = new Random(seed + 1);
            while (!stop.IsCancellationRequested)
            {
                Touch(cache, own);
            }
        });
        if (hasRivals)
        {
            rival.Start();
        }

        try
        {
            for (int step = 0; step < steps; step++)
            {
                string what = Step(domains, random);
                if (FirstWrong(cache, domains) is { } wrong)
                {
                    return $"step {step}, {what}: {wrong}";
                }

                for (int i = 0; i < TouchesFor2048 * 2048 / pages; i++)
                {
                    Touch(cache, random);
                }
            }
        }
        finally
        {
            stop.Cancel();
            if (hasRivals)
            {
                rival.Join();
            }
        }

        cache.Hits.ShouldBeGreaterThan(steps / 4, "Hardly anything was kept.");
        return null;
    }

    private string Step(IommuDomain[] domains, Random random)
    {
        int domain = random.Next(domains.Length);
        var mapped = _mapped[domain];
        switch (random.Next(10))
        {
            case 0 or 1 or 2:
                return Map(domains[domain], mapped, random);
            case 3 or 4 or 5 or 6:
                return Unmap(domains[domain], mapped, random);
            default:
                int device = random.Next(Devices);
                if (_domainOf[device] >= 0 && random.Next(3) == 0)
                {
                    domains[_domainOf[device]].Detach(driver.Devices[device]);
                    _domainOf[device] = -1;
                    return $"detach {device}";
                }

                if (_domainOf[device] >= 0)
                {
                    domains[domain].Replace(driver.Devices[device]);
                }
                else
                {
                    domains[domain].Attach(driver.Devices[device]);
                }

                _domainOf[device] = domain;
                return $"attach {device} to {domain}";
        }
    }

    private string Map(IommuDomain domain, HashSet<ulong> mapped, Random random)
    {
        bool isBlock = random.Next(3) == 0;
        ulong iova = Base + (isBlock ? (ulong)random.Next((int)((ulong)pages * Page / Block)) * Block : (ulong)random.Next(pages) * Page);
        ulong bytes = isBlock ? Block : Page << random.Next(5);
        ulong physical = 0x8000_0000 + ((ulong)random.Next(64) * Block) + (isBlock ? 0 : (ulong)random.Next(256) * Page);
        for (ulong at = 0; at < bytes; at += Page)
        {
            if (mapped.Contains(iova + at))
            {
                return "nothing";
            }
        }

        domain.Map(iova, physical, bytes, Protection.Read | Protection.Write);
        for (ulong at = 0; at < bytes; at += Page)
        {
            mapped.Add(iova + at);
        }

        return $"map 0x{iova:x} 0x{bytes:x}";
    }

    private static string Unmap(IommuDomain domain, HashSet<ulong> mapped, Random random)
    {
        if (mapped.Count == 0)
        {
            return "nothing";
        }

        ulong iova = mapped.ElementAt(random.Next(mapped.Count));
        bool isWhole = random.Next(4) == 0;
        iova = isWhole ? iova & ~(Block - 1) : iova;
        ulong done = domain.Unmap(iova, isWhole ? Block : Page << random.Next(4));

        mapped.RemoveWhere(at => domain.IovaToPhysical(at) is null);
        return $"unmap 0x{iova:x} 0x{done:x}";
    }

    private void Touch(KeptTranslations cache, Random random)
    {
        int device = random.Next(Devices);
        ulong iova = Base + ((ulong)random.Next(pages) * Page);
        cache.Translate(streamOf(device), iova, () => translate(device, iova));
    }

    private string? FirstWrong(KeptTranslations cache, IommuDomain[] domains)
    {
        foreach (var (stream, range) in cache.All())
        {
            int domain = _domainOf[Enumerable.Range(0, Devices).Single(device => streamOf(device) == stream)];
            for (ulong at = range.Iova; at < range.Iova + range.Length; at += Page)
            {
                if (domain < 0 || domains[domain].IovaToPhysical(at) != range.PhysicalOf(at))
                {
                    return $"of stream 0x{stream:x}, 0x{at:x} is still taken to be at 0x{range.PhysicalOf(at):x}";
                }
            }
        }

        return null;
    }
}
