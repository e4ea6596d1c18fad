using System.Numerics;

namespace IommuKit.Checker.Shadow;

/// <content>The comparison of every answer that a device may get with what is promised.</content>
internal sealed partial class FlushChecker<TFormat>
{
    private void FindViolation()
    {
        if (!_hasNews || Violation is not null || IsExhausted)
        {
            return;
        }

        _hasNews = false;

        for (int device = 0; device < _expected.DomainOf.Length; device++)
        {
            int domain = _expected.DomainOf[device];
            if (domain == Expectations.NoDomain)
            {
                continue;
            }

            foreach (var state in _posted.States)
            {
                if (FindIn(state, device, domain) is { } found)
                {
                    Violation = found;
                    return;
                }
            }
        }
    }

    private Violation? FindWithoutRoute(ShadowState state, int device, int domain)
    {
        // Where a page is to be translated, a device sees it; and what memory says has to be right before.
        var source = state.Routes[device] < (ulong)_spaces ? StaleSource.RouteCache : StaleSource.Route;
        int seen = Enumerable.Range(0, _pages.Count).FirstOrDefault(page => (_expected.AllowedOf(domain, page) & 1) == 0, -1);
        if (seen < 0 && source == StaleSource.RouteCache)
        {
            return null;
        }

        bool isPosted = state != _posted.Last
            && (source == StaleSource.Route || (_posted.Last.HeldRoutes[device] & ShadowState.NoRoute) == 0);
        int shown = Math.Max(seen, 0);
        ulong promised = seen < 0 ? 0 : _hardware.Translations.ValueOf(seen, _expected.IntendedOf(domain, seen));
        return new Violation(Steps, device, domain, Space: -1, shown, _pages[shown], 0, promised, source, IsForeign: false, isPosted);
    }

    private Violation? FindIn(ShadowState state, int device, int domain)
    {
        ulong held = state.HeldRoutes[device];

        if ((held & ShadowState.NoRoute) != 0 && FindWithoutRoute(state, device, domain) is { } lost)
        {
            return lost;
        }

        held &= ~ShadowState.NoRoute;
        int last = held == 0 ? 0 : BitOperations.Log2(held);
        for (; held != 0; held &= held - 1)
        {
            int space = BitOperations.TrailingZeroCount(held);
            for (int page = 0; page < _pages.Count; page++)
            {
                ulong wrong = state.Answers[(space * _pages.Count) + page] & ~_expected.AllowedOf(domain, page);
                if (wrong != 0)
                {
                    return Describe(state, device, domain, space, page, wrong);
                }
            }
        }

        for (int page = 0; page < _pages.Count && _traits.HasDeviceTlbs; page++)
        {
            ulong wrong = state.DeviceTlbs[(device * _pages.Count) + page] & ~_expected.AllowedOf(domain, page);
            if (wrong != 0)
            {
                ulong stays = _posted.Last.DeviceTlbs[(device * _pages.Count) + page] & ~_expected.AllowedOf(domain, page);
                return Make(device, domain, last, page, wrong, StaleSource.DeviceTlb, isPosted: state != _posted.Last && stays == 0);
            }
        }

        return null;
    }

    private Violation Describe(ShadowState state, int device, int domain, int space, int page, ulong wrong)
    {
        // The furthest place from the device that can give a wrong answer by itself is the cause.
        var source = StaleSource.Translations;
        ulong allowed = _expected.AllowedOf(domain, page);
        foreach (var (place, values) in ((StaleSource, ulong[])[])
            [(StaleSource.Table, _cpu), (StaleSource.Memory, _hardware.Memory), (StaleSource.TableCache, state.Cached)])
        {
            if ((place == StaleSource.TableCache && _traits.TableCacheLine == 0)
                || (place == StaleSource.Memory && _traits is { HasCoherentWalk: true, HasStoreBuffer: false }))
            {
                continue;
            }

            ulong found = _hardware.WalkWith(state, space, page, values) & ~allowed;
            if (found != 0)
            {
                source = place;
                wrong = found;
                break;
            }
        }

        if (state.Roots[space] == ShadowCommand.Nothing)
        {
            source = StaleSource.Route;
        }

        if (state.Routes[device] != (ulong)space || (source == StaleSource.Translations && state.OldRoots[space] != ShadowCommand.Nothing))
        {
            source = StaleSource.RouteCache;
        }

        ulong last = source == StaleSource.RouteCache
            ? AnswersOf(_posted.Last, device, page)
            : _posted.Last.Answers[(space * _pages.Count) + page];
        bool isPosted = state != _posted.Last && (last & ~allowed) == 0;
        return Make(device, domain, space, page, wrong, source, isPosted);
    }

    private Violation Make(int device, int domain, int space, int page, ulong wrong, StaleSource source, bool isPosted)
    {
        // What gives access is worse than what does not.
        ulong worst = (wrong & ~1ul) != 0 ? wrong & ~1ul : wrong;
        worst &= ~(worst - 1);
        return new Violation(
            Steps,
            device,
            domain,
            space,
            page,
            _pages[page],
            _hardware.Translations.ValueOf(page, worst),
            _hardware.Translations.ValueOf(page, _expected.IntendedOf(domain, page)),
            source,
            IsForeign: worst != 1 && !_expected.WasEver(domain, page, worst),
            isPosted);
    }
}
