using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

using Arm = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage1>;

namespace IommuKit.Tests.Concurrency;

/// <summary>
/// Threads that map and unmap ranges of their own, all of them in the same tables, while others look up: each sees
/// exactly what it did, and so does the device.
/// </summary>
[Collection("alone")]
public class DisjointRangesTests
{
    private const int Threads = 3;
    private const int Operations = 400;
    private const int StripePages = 16;
    private const int Stripes = 64;
    private const ulong Page = 4096;
    private const ulong Span = 2 << 20;

    // An IOVA always has the same physical address, so that a look-up can tell a wrong one without knowing what is mapped.
    private const ulong Offset = 0x10_0000_0000 >> 8;

    public static TheoryData<SyncPolicy, TableRelease> Cases()
    {
        var cases = new TheoryData<SyncPolicy, TableRelease>();
        foreach (var policy in Enum.GetValues<SyncPolicy>())
        {
            foreach (var release in Enum.GetValues<TableRelease>())
            {
                cases.Add(policy, release);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Each_thread_sees_what_it_did(SyncPolicy policy, TableRelease release)
    {
        Race<Arm>(policy, release);
        Race<HintedFormat>(policy, release);
    }

    private static void Race<TFormat>(SyncPolicy policy, TableRelease release)
        where TFormat : struct, IPageTableFormat
    {
        using var machine = new WalkingMachine<TFormat>(39);
        var domain = machine.CreateDomain(new DomainOptions { Policy = policy, Release = release, DeferredCapacity = 8 });
        using var stop = new CancellationTokenSource();
        var reader = Task.Factory.StartNew(() => LookUp(domain, stop.Token), TaskCreationOptions.LongRunning);
        var workers = Enumerable.Range(0, Threads)
            .Select(thread => Task.Factory.StartNew(() => Work(machine, domain, thread), TaskCreationOptions.LongRunning))
            .ToArray();
        Task.WaitAll(workers);
        stop.Cancel();
        reader.Result.ShouldBe(0);
        domain.TryFindNext(0, Stripes * StripePages * Page * 2, out _).ShouldBeFalse();
        domain.Dispose();
        machine.Allocator.Outstanding.ShouldBe(0);
    }

    /// <summary>Maps and unmaps random parts of every third stripe, and now and then a whole table of its own.</summary>
    private static void Work<TFormat>(WalkingMachine<TFormat> machine, PagingDomain domain, int thread)
        where TFormat : struct, IPageTableFormat
    {
        var random = new Random(thread);
        bool mustFlush = domain.Policy == SyncPolicy.Explicit;
        for (int i = 0; i < Operations; i++)
        {
            bool isWholeTable = random.Next(8) == 0;
            ulong iova = isWholeTable
                ? (ulong)(8 + thread) * Span
                : (((ulong)((random.Next(Stripes / Threads) * Threads) + thread) * StripePages) + (ulong)random.Next(StripePages)) * Page;
            ulong size = isWholeTable ? Span : Math.Min((ulong)random.Next(1, StripePages + 1) * Page, EndOfStripe(iova) - iova);
            domain.TryMap(iova, iova + Offset, size, Protection.Read).ShouldBe(IommuError.None);
            if (mustFlush)
            {
                domain.Flush(iova, size);
            }

            ulong inside = iova + ((ulong)random.Next((int)(size / Page)) * Page);
            machine.Walk(domain, inside).ShouldBe(inside + Offset);
            domain.TryMap(inside, 0, Page, Protection.Read).ShouldBe(IommuError.EEXIST);
            domain.IovaToPhysical(inside + 5).ShouldBe(inside + Offset + 5);
            domain.Unmap(iova, size).ShouldBe(size);
            if (mustFlush)
            {
                domain.Flush(iova, size);
            }

            machine.Walk(domain, inside).ShouldBeNull();
            domain.IovaToPhysical(inside).ShouldBeNull();
        }
    }

    private static ulong EndOfStripe(ulong iova) => ((iova / Page / StripePages) + 1) * StripePages * Page;

    /// <summary>Looks up random IOVAs; returns how many had a wrong answer.</summary>
    private static int LookUp(IommuDomain domain, CancellationToken stop)
    {
        var random = new Random(77);
        int wrong = 0;
        while (!stop.IsCancellationRequested)
        {
            ulong iova = (ulong)random.NextInt64((long)(16 * Span));
            if (domain.TryTranslate(iova, out ulong address) && address != iova + Offset)
            {
                wrong++;
            }

            if (domain.TryFindNext(iova & ~(Page - 1), 16 * Span, out ulong next) && next < (iova & ~(Page - 1)))
            {
                wrong++;
            }
        }

        return wrong;
    }
}
