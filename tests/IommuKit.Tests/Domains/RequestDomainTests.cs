using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Domains;

/// <summary>A domain without a page table: what it asks for, and what it knows of that.</summary>
public sealed class RequestDomainTests : IDisposable
{
    private const ulong Page = 4096;
    private const Protection Rights = Protection.Read | Protection.Write;

    private readonly RequestIommu _iommu = new();
    private readonly IommuDomain _domain;

    public RequestDomainTests() => _domain = _iommu.CreateDomain();

    public void Dispose()
    {
        _iommu.RefusesUnmaps = false;
        _iommu.Dispose();
    }

    [Fact]
    public void A_list_is_one_request_for_each_piece_that_lies_apart()
    {
        _domain.MapScatterGather(
            0x10000, [new(0x1000, Page), new(0x2000, Page), new(0, 0), new(0x8000, 2 * Page)], Rights).ShouldBe(4 * Page);
        _iommu.Requests.ShouldBe(["map 0x10000 0x1000 0x2000", "map 0x12000 0x8000 0x2000"]);
        _domain.IovaToPhysical(0x11004).ShouldBe(0x2004ul);
        _domain.IovaToPhysical(0x13fff).ShouldBe(0x9ffful);
        _domain.IovaToPhysical(0x14000).ShouldBeNull();
        _domain.TryFindNext(0, ulong.MaxValue, out ulong mapped).ShouldBeTrue();
        mapped.ShouldBe(0x10000ul);
    }

    [Fact]
    public void Neighbours_go_in_one_request_up_to_the_first_hole()
    {
        _domain.Map(0, 0x10000, 2 * Page, Rights);
        _domain.Map(2 * Page, 0x40000, Page, Rights);
        _domain.Map(4 * Page, 0x50000, Page, Rights);
        _iommu.Requests.Clear();

        _domain.Unmap(0, 8 * Page).ShouldBe(3 * Page);

        _iommu.Requests.ShouldBe(["unmap 0x0 0x3000"]);
        _domain.IovaToPhysical(4 * Page).ShouldBe(0x50000ul);
    }

    [Fact]
    public void A_mapping_goes_whole()
    {
        _domain.Map(0, 0x10000, 4 * Page, Rights);

        _domain.TryUnmap(Page, Page, out ulong unmapped).ShouldBe(IommuError.EINVAL);
        unmapped.ShouldBe(0ul);
        _domain.Unmap(0, Page).ShouldBe(4 * Page);
        _domain.IovaToPhysical(3 * Page).ShouldBeNull();
    }

    [Fact]
    public void No_request_comes_between_what_is_done_between_requests()
    {
        var domain = (RequestIommu.Domain)_domain;
        using var isIn = new ManualResetEventSlim();
        using var mayEnd = new ManualResetEventSlim();
        var thread = new Thread(() => domain.Between(() =>
        {
            isIn.Set();
            mayEnd.Wait();
            domain.ForgetAndReplay();
        }));
        thread.Start();
        isIn.Wait();
        var other = new Thread(() => _domain.Map(0, 0x10000, Page, Rights));
        other.Start();

        // It ends only if it waits for nothing.
        SpinWait.SpinUntil(() => !other.IsAlive || (other.ThreadState & System.Threading.ThreadState.WaitSleepJoin) != 0);
        other.IsAlive.ShouldBeTrue();
        _iommu.Requests.ShouldBeEmpty();
        mayEnd.Set();
        thread.Join();
        other.Join();
        _iommu.Requests.ShouldBe(["map 0x0 0x10000 0x1000"]);
    }

    [Fact]
    public void What_the_other_side_forgot_is_asked_for_again_and_taken_back_where_one_is_refused()
    {
        _domain.Map(0, 0x10000, 2 * Page, Rights);
        _domain.Map(8 * Page, 0x30000, Page, Rights);
        _iommu.Requests.Clear();

        ((RequestIommu.Domain)_domain).ForgetAndReplay().ShouldBe(IommuError.None);
        _iommu.Requests.ShouldBe(["map 0x0 0x10000 0x2000", "map 0x8000 0x30000 0x1000"]);

        _iommu.Requests.Clear();
        _iommu.RefusesAt = 0x30000;
        ((RequestIommu.Domain)_domain).ForgetAndReplay().ShouldBe(IommuError.ENOMEM);
        _iommu.Requests.ShouldBe(["map 0x0 0x10000 0x2000", "map 0x8000 0x30000 0x1000", "unmap 0x0 0x2000"]);
        _domain.IovaToPhysical(8 * Page).ShouldBe(0x30000ul);

        // So that the end finds what it unmaps.
        _iommu.RefusesAt = null;
        ((RequestIommu.Domain)_domain).ForgetAndReplay().ShouldBe(IommuError.None);
    }

    [Fact]
    public void What_is_refused_changes_nothing()
    {
        _domain.Map(8 * Page, 0, Page, Rights);
        _iommu.Requests.Clear();
        _iommu.RefusesAt = 0x30000;

        _domain.TryMapScatterGather(0, [new(0x10000, Page), new(0x30000, Page)], Rights, out ulong size).ShouldBe(IommuError.ENOMEM);

        size.ShouldBe(0ul);
        _domain.IovaToPhysical(0).ShouldBeNull();
        _iommu.Requests.ShouldBe(["map 0x0 0x10000 0x1000", "map 0x1000 0x30000 0x1000", "unmap 0x0 0x1000"]);
        _iommu.RefusesAt = null;
        _iommu.RefusesUnmaps = true;
        _domain.TryUnmap(8 * Page, Page, out ulong unmapped).ShouldBe(IommuError.EBUSY);
        unmapped.ShouldBe(0ul);
        _domain.IovaToPhysical(8 * Page).ShouldBe(0ul);
    }

    [Fact]
    public void Bad_ranges_are_no_requests()
    {
        _domain.Map(Page, 0, Page, Rights);
        _iommu.Requests.Clear();
        _domain.TryMap(0, 0, 2 * Page, Rights).ShouldBe(IommuError.EEXIST);
        _domain.TryMap(1, 0, Page, Rights).ShouldBe(IommuError.EINVAL);
        _domain.TryMap(0, 0, 0, Rights).ShouldBe(IommuError.EINVAL);
        _domain.TryMap(0, 0, Page, Protection.None).ShouldBe(IommuError.EINVAL);
        _domain.TryMap(1ul << 48, 0, Page, Rights).ShouldBe(IommuError.ERANGE);
        _domain.TryMap(0, 1ul << 40, Page, Rights).ShouldBe(IommuError.ERANGE);
        _domain.TryMap(ulong.MaxValue - Page + 1, 0, 2 * Page, Rights).ShouldBe(IommuError.EOVERFLOW);
        _domain.TryUnmap(2 * Page, Page, out ulong unmapped).ShouldBe(IommuError.None);
        unmapped.ShouldBe(0ul);
        _iommu.Requests.ShouldBeEmpty();
    }

    [Fact]
    public void There_is_nothing_to_choose_about_page_tables()
    {
        Should.Throw<IommuException>(() => _iommu.CreateDomain(new DomainOptions { Policy = SyncPolicy.Deferred })).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => _iommu.CreateDomain(new DomainOptions { Release = TableRelease.Never })).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => _iommu.CreateDomain(new DomainOptions { PageSizes = 1 << 10 })).Error.ShouldBe(IommuError.EINVAL);
    }

    [Fact]
    public void Disposing_of_it_unmaps_everything_and_ends_it()
    {
        _domain.Map(0, 0, Page, Rights);
        _domain.Map(16 * Page, 0, Page, Rights);
        _iommu.Requests.Clear();
        _domain.Dispose();
        _iommu.Requests.ShouldBe(["unmap 0x0 0x1000", "unmap 0x10000 0x1000"]);
        Should.Throw<ObjectDisposedException>(() => _domain.Map(0, 0, Page, Rights));
    }

    /// <summary>Against a dictionary of pages, and against the other side, which knows every mapping and refuses to split one.</summary>
    [Fact]
    public void It_knows_what_is_mapped_whatever_was_asked_for() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        seed =>
        {
            var random = new Random(seed);
            using var iommu = new RequestIommu();
            var domain = iommu.CreateDomain();
            Dictionary<ulong, ulong> pages = [];
            for (int step = 0; step < 600; step++)
            {
                ulong first = (ulong)random.Next(900);
                ulong count = (ulong)random.Next(1, 6);
                if (random.Next(3) != 0)
                {
                    ulong physical = (ulong)random.Next(1 << 20) * Page;
                    bool isFree = !Enumerable.Range((int)first, (int)count).Any(page => pages.ContainsKey((ulong)page));
                    domain.TryMap(first * Page, physical, count * Page, Rights).ShouldBe(isFree ? IommuError.None : IommuError.EEXIST);
                    for (ulong page = first; isFree && page < first + count; page++)
                    {
                        pages.Add(page, physical + ((page - first) * Page));
                    }
                }
                else
                {
                    _ = domain.TryUnmap(first * Page, count * Page, out ulong unmapped);
                    for (ulong page = first; page < first + (unmapped / Page); page++)
                    {
                        pages.Remove(page).ShouldBeTrue();
                    }
                }

                ulong asked = (ulong)random.Next(910);
                domain.IovaToPhysical(asked * Page).ShouldBe(pages.TryGetValue(asked, out ulong there) ? there : null);
                ulong? next = pages.Keys.Where(page => page >= asked).Order().Select(page => (ulong?)page).FirstOrDefault();
                domain.TryFindNext(asked * Page, ulong.MaxValue, out ulong mapped).ShouldBe(next is not null);
                (mapped / Page).ShouldBe(next ?? 0);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(30));
}
