using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

using Arm = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage1>;

namespace IommuKit.Tests.Concurrency;

/// <summary>Chosen interleavings: one thread stands in the middle of its maintenance while another does a whole operation.</summary>
public class InterleavingTests
{
    private const ulong Page = 4096;
    private const ulong Span = 2 << 20;

    // How long the first thread waits for the second: not for long where that one has to wait for the first, and else until it is done.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongPatience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(SyncPolicy.PerPage)]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    public void A_map_under_a_pointer_that_another_thread_has_not_cleaned_cleans_it(SyncPolicy policy)
    {
        foreach (var release in Enum.GetValues<TableRelease>())
        {
            PageReached<Arm>(policy, release).ShouldBeTrue($"arm, {release}");
            PageReached<HintedFormat>(policy, release).ShouldBeTrue($"hinted, {release}");
        }

        PageReached<HastyFormat>(policy, TableRelease.Never).ShouldBeFalse("the planted race must show");
    }

    [Theory]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Explicit)]
    public async Task A_table_is_not_freed_while_another_thread_has_yet_to_flush_what_it_cleared_in_it(SyncPolicy policy)
    {
        using var machine = new WalkingMachine<Arm>(39);
        using var domain = machine.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.WhenEmpty, Clock = new ManualClock() });
        domain.Map(0, 0, Page, Protection.Read);
        domain.Map(64 * Page, 0, Page, Protection.Read);
        domain.Flush();
        long before = machine.Allocator.Outstanding;
        long during = -1;
        Task? second = null;
        machine.BeforeClean = (_, _) =>
        {
            machine.BeforeClean = null;
            second = Start(() =>
            {
                domain.Unmap(64 * Page, Page);
                if (policy != SyncPolicy.Explicit)
                {
                    domain.Flush();
                }
            });
            second.Wait(Patience);
            during = machine.Allocator.Outstanding;
        };

        domain.Unmap(0, Page);
        domain.Flush();
        await second.ShouldNotBeNull();
        domain.Flush();
        during.ShouldBe(before);
        machine.Allocator.Outstanding.ShouldBeLessThan(before);
    }

    /// <summary>Starts a thread of its own, and returns when it runs.</summary>
    private static Task Start(Action action)
    {
        var running = new TaskCompletionSource();
        var task = Task.Factory.StartNew(
            () =>
            {
                running.SetResult();
                action();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        running.Task.Wait();
        return task;
    }

    /// <summary>Whether a device reaches the page that a second thread mapped while a first one had not cleaned the pointer to their table.</summary>
    private static bool PageReached<TFormat>(SyncPolicy policy, TableRelease release)
        where TFormat : struct, IPageTableFormat
    {
        using var machine = new WalkingMachine<TFormat>(39);
        using var domain = machine.CreateDomain(new DomainOptions { Policy = policy, Release = release, Clock = new ManualClock() });

        // The middle table exists; only the leaf table is new.
        domain.Map(Span, 0, Page, Protection.Read);
        ulong? reached = null;
        Task? second = null;
        machine.BeforeClean = (_, bytes) =>
        {
            // The new table is cleaned whole before it is linked; the next clean is the pointer's.
            if (bytes == 64)
            {
                machine.BeforeClean = null;
                second = Start(() =>
                {
                    domain.Map(64 * Page, 0x5000, Page, Protection.Read);
                    reached = machine.Walk(domain, 64 * Page);
                });
                second.Wait(TFormat.SoftwareBit == 0 || release == TableRelease.WhenEmpty ? Patience : LongPatience);
            }
        };

        domain.Map(0, 0, Page, Protection.Read);
        second.ShouldNotBeNull().GetAwaiter().GetResult();
        return reached == 0x5000;
    }
}
