using System.Numerics;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <content>What is promised, and what may be asked about it.</content>
internal sealed partial class FlushChecker<TFormat>
{
    public override void Attached(int device, int domain)
    {
        lock (_gate)
        {
            _expected.DomainOf[device] = domain;
            _hasNews = true;
        }
    }

    public override void Detached(int device)
    {
        lock (_gate)
        {
            _expected.DomainOf[device] = Expectations.NoDomain;
        }
    }

    public override void Permit(int domain, ulong iova, ulong size, ulong? physicalAddress, Protection rights) =>
        ForEach(iova, size, page => _expected.Permit(domain, page, BitOf(page, iova, physicalAddress, rights)));

    public override void Withdraw(int domain, ulong iova, ulong size, ulong? physicalAddress, Protection rights) =>
        ForEach(iova, size, page => _expected.Withdraw(domain, page, BitOf(page, iova, physicalAddress, rights)));

    public override void Intend(int domain, ulong iova, ulong size, ulong? physicalAddress, Protection rights) =>
        ForEach(iova, size, page => _expected.Intend(domain, page, BitOf(page, iova, physicalAddress, rights)));

    public override void Forbid(int domain, ulong iova, ulong size) => ForEach(iova, size, page => _expected.Forbid(domain, page));

    public override void Promise(int domain, ulong iova, ulong size) => ForEach(iova, size, page => _expected.Promise(domain, page));

    public override bool IsAllowed(int domain, int page, ulong? physicalAddress) =>
        (_expected.AllowedOf(domain, page) & BitOf(page, _pages[page], physicalAddress, Protection.Read | Protection.Write)) != 0;

    public override bool IsAttached(int device)
    {
        lock (_gate)
        {
            return _expected.DomainOf[device] != Expectations.NoDomain;
        }
    }

    public override bool Foresees(int device, int page, ulong? physicalAddress)
    {
        lock (_gate)
        {
            See();
            ulong answer = BitOf(page, _pages[page], physicalAddress, Protection.Read | Protection.Write);
            return _posted.States.Exists(state => (AnswersOf(state, device, page) & answer) != 0);
        }
    }

    private ulong AnswersOf(ShadowState state, int device, int page)
    {
        // The hardware asks nobody about a device that has no address space: what that one keeps is of no use to it then.
        ulong answers = state.HeldRoutes[device] == ShadowState.NoRoute ? 0 : state.DeviceTlbs[(device * _pages.Count) + page];
        for (ulong held = state.HeldRoutes[device] & ~ShadowState.NoRoute; held != 0; held &= held - 1)
        {
            answers |= state.Answers[(BitOperations.TrailingZeroCount(held) * _pages.Count) + page];
        }

        return answers;
    }

    public override bool Translates(ulong entryAddress, int page) => _pages.IsOnTheWay(entryAddress, page);

    /// <summary>Changes what is expected of the pages of a range.</summary>
    private void ForEach(ulong iova, ulong size, Action<int> change)
    {
        lock (_gate)
        {
            var (first, end) = _pages.Range(iova, iova + Math.Min(size - 1, ulong.MaxValue - iova));
            for (int page = first; page < end; page++)
            {
                change(page);
            }

            _hasNews = true;
        }
    }

    private ulong BitOf(int page, ulong iova, ulong? physicalAddress, Protection rights)
    {
        ulong packed = physicalAddress is { } start
            ? ShadowHardware<TFormat>.Pack(start + (_pages[page] - iova), rights)
            : ShadowHardware<TFormat>.NotPresent;
        return _hardware.Translations.BitOf(page, packed);
    }
}
