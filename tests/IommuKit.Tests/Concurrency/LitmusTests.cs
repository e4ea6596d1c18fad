using IommuKit.Domains;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

using Arm = IommuKit.Specs.Arm.ArmLpae<IommuKit.Specs.Arm.ArmGranule4K, IommuKit.Specs.Arm.ArmStage1>;
using Riscv = IommuKit.Specs.RiscV.RiscVFormat<IommuKit.Specs.RiscV.Sv39>;

namespace IommuKit.Tests.Concurrency;

/// <summary>
/// A litmus test: two threads map a page each under one new table, and each looks at once whether a device reaches its page. The outcome that must
/// not be is that a map has returned and the device does not. The detector has to find it in a format with a planted race first, where one thread
/// waits
/// for the other in the middle.
/// </summary>
[Collection("alone")]
public class LitmusTests
{
    private const int Rounds = 2000;
    private const ulong Page = 4096;
    private const ulong LineBytes = 64;

    private static readonly TimeSpan LongPatience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.PerPage)]
    public void A_map_returns_when_a_device_reaches_the_page(SyncPolicy policy)
    {
        // Without this the rest of the test would mean nothing.
        ForbiddenOutcomes<HastyFormat>(39, policy, rounds: 1, firstWaits: true).ShouldBe(1, "the planted race");

        ForbiddenOutcomes<Arm>(39, policy, Rounds, firstWaits: false).ShouldBe(0, "arm");
        ForbiddenOutcomes<Riscv>(39, policy, Rounds, firstWaits: false).ShouldBe(0, "riscv");
        ForbiddenOutcomes<HintedFormat>(39, policy, Rounds, firstWaits: false).ShouldBe(0, "hinted");
    }

    /// <summary>
    /// Makes the window between a store and its clean longer: a little, or now and then so long that the other thread
    /// runs even where processors are few and busy.
    /// </summary>
    private static void Dawdle()
    {
        if (Random.Shared.Next(32) == 0)
        {
            Thread.Sleep(1);
        }
        else
        {
            Thread.SpinWait(Random.Shared.Next(200));
        }
    }

    private static int ForbiddenOutcomes<TFormat>(int inputBits, SyncPolicy policy, int rounds, bool firstWaits)
        where TFormat : struct, IPageTableFormat
    {
        // The first thread has linked a table that is in memory; it stands before its next clean, so that the pointer is not, until the second is
        // done.
        using var isHeld = new ManualResetEventSlim();
        using var isOneDone = new ManualResetEventSlim();
        using var machine = new WalkingMachine<TFormat>(inputBits)
        {
            BeforeClean = (_, bytes) =>
            {
                if (!firstWaits)
                {
                    Dawdle();
                }
                else if (bytes == LineBytes && !isHeld.IsSet)
                {
                    isHeld.Set();
                    isOneDone.Wait(LongPatience);
                }
            },
        };
        using var domain = machine.CreateDomain(new DomainOptions { Policy = policy });
        ulong span = 1ul << TFormat.EntryShift(1);
        using var barrier = new Barrier(2);
        int forbidden = 0;

        void Run(int thread)
        {
            ulong own = (ulong)thread * 64 * Page;
            for (int round = 0; round < rounds; round++)
            {
                ulong iova = own + (4 * span);
                ulong address = (ulong)(round + 1) * Page;
                barrier.SignalAndWait();
                if (firstWaits && thread != 0)
                {
                    isHeld.Wait(LongPatience);
                }

                var error = domain.TryMap(iova, address, Page, Protection.Read);
                if (machine.Walk(domain, iova) != address || error != IommuError.None)
                {
                    Interlocked.Increment(ref forbidden);
                }

                isOneDone.Set();
                barrier.SignalAndWait();
                if (thread == 0)
                {
                    // The table goes, so that the next round makes a new one.
                    domain.Unmap(4 * span, span);
                }
            }
        }

        var other = Task.Factory.StartNew(() => Run(1), TaskCreationOptions.LongRunning);
        Run(0);
        other.Wait();
        return forbidden;
    }
}
