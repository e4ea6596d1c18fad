using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>The command queue: one CMD_SYNC for each operation, small and full queues, several threads, errors.</summary>
public sealed class Smmu3QueueTests
{
    private const ulong Page = 0x1000;

    [Theory]
    [InlineData(Smmu3RangeEncoding.Exact, 3)]
    [InlineData(Smmu3RangeEncoding.Covering, 2)]
    public void An_operation_rings_once_and_waits_once(Smmu3RangeEncoding encoding, int commands)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { RangeEncoding = encoding });
        var domain = rig.Attached();
        domain.Map(0, Smmu3Rig.Data, 33 * Page, Protection.Read);
        rig.Bus.Doorbells = 0;
        long before = rig.Model.Statistics.Commands;
        domain.Unmap(0, 33 * Page);
        rig.Bus.Doorbells.ShouldBe(1);
        (rig.Model.Statistics.Commands - before).ShouldBe(commands);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, false)]
    [InlineData(4, true)]
    public void A_queue_may_be_small(int log2, bool isTwice)
    {
        using var rig = new Smmu3Rig(
            options: new Smmu3DriverOptions
            {
                CommandQueueLog2 = log2,
                UsesRanges = false,
                AddressSpaceThreshold = 0,
                IssuesInvalidationsTwice = isTwice,
            },
            modelOptions: new Smmu3ModelOptions { NeedsInvalidationsTwice = isTwice });
        var domain = rig.Attached(pageSizes: Page);
        domain.Map(0, Smmu3Rig.Data, 40 * Page, Protection.Read);
        for (ulong page = 0; page < 40; page++)
        {
            rig.Reach(page * Page).ShouldBe(Smmu3Rig.Data + (page * Page));
        }

        domain.Unmap(0, 40 * Page);
        for (ulong page = 0; page < 40; page++)
        {
            rig.Reach(page * Page).ShouldBeNull();
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_issued_twice_has_a_sync_each_time_and_one_wait(bool usesMessages)
    {
        using var rig = new Smmu3Rig(
            options: new Smmu3DriverOptions { UsesRanges = false, UsesMessages = usesMessages, IssuesInvalidationsTwice = true },
            modelOptions: new Smmu3ModelOptions { NeedsInvalidationsTwice = true });
        var domain = rig.Attached(pageSizes: Page);
        domain.Map(0, Smmu3Rig.Data, 3 * Page, Protection.Read);
        rig.Reach(Page).ShouldBe(Smmu3Rig.Data + Page);
        rig.Bus.Doorbells = 0;
        long before = rig.Model.Statistics.Commands;
        domain.Unmap(0, 3 * Page);
        rig.Reach(Page).ShouldBeNull();
        rig.Bus.Doorbells.ShouldBe(1);
        (rig.Model.Statistics.Commands - before).ShouldBe(2 * (3 + 1));
    }

    /// <summary>A STAG is free for another transaction once it is resumed.</summary>
    [Fact]
    public void What_is_no_invalidation_is_issued_once()
    {
        using var rig = new Smmu3Rig(
            unit: Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 | (2 << 24) },
            options: new Smmu3DriverOptions { IssuesInvalidationsTwice = true },
            modelOptions: new Smmu3ModelOptions { NeedsInvalidationsTwice = true });
        rig.Attached();
        long before = rig.Model.Statistics.Commands;
        rig.Reach(0).ShouldBeNull();
        (rig.Model.Statistics.Commands - before).ShouldBe(1);
    }

    [Theory]
    [InlineData(9, 1)]
    [InlineData(8, 8)]
    public void Many_commands_are_replaced_by_the_address_space(ulong pages, long commands)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { UsesRanges = false, AddressSpaceThreshold = 9 });
        var domain = rig.Attached();
        domain.Map(0, Smmu3Rig.Data, pages * Page, Protection.Read);
        rig.Reach(Page).ShouldNotBeNull();
        long before = rig.Model.Statistics.Commands;
        domain.Unmap(0, pages * Page);
        (rig.Model.Statistics.Commands - before).ShouldBe(commands + 1);
        rig.Reach(Page).ShouldBeNull();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_end_of_a_sync_is_seen_by_message_or_register(bool usesMessages)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { UsesMessages = usesMessages, CommandQueueLog2 = 2 });
        var domain = rig.Attached();
        int reads = 0;
        rig.Bus.Accessed = (offset, isWrite) => reads += offset == Smmu3Register.CommandConsumer && !isWrite ? 1 : 0;
        for (int round = 0; round < 50; round++)
        {
            domain.Map(0, Smmu3Rig.Data, Page, Protection.Read);
            rig.Reach(0).ShouldBe(Smmu3Rig.Data);
            domain.Unmap(0, Page);
            rig.Reach(0).ShouldBeNull();
        }

        reads.ShouldBe(usesMessages ? 0 : 50);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(2)]
    public void Threads_share_a_queue(int log2)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { CommandQueueLog2 = log2 });
        var domains = new[] { rig.Attached(device: 0), rig.Attached(device: 1), rig.Attached(device: 2) };
        Exception? failure = null;
        var threads = Enumerable.Range(0, 3).Select(number => new Thread(() =>
        {
            try
            {
                for (ulong round = 0; round < 300; round++)
                {
                    ulong iova = (round % 5) * 0x10_0000;
                    ulong bytes = (1 + (round % 40)) * Page;
                    domains[number].Map(iova, Smmu3Rig.Data + ((ulong)number << 24), bytes, Protection.Read);
                    rig.Reach(iova + bytes - Page, device: number).ShouldBe(Smmu3Rig.Data + ((ulong)number << 24) + bytes - Page);
                    domains[number].Unmap(iova, bytes).ShouldBe(bytes);
                    rig.Reach(iova + bytes - Page, device: number).ShouldBeNull();
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        failure.ShouldBeNull();
    }

    /// <summary>While one thread is held up in the doorbell, another hands its commands over; none waits for a lock.</summary>
    [Fact]
    public void A_slow_doorbell_holds_nobody_else_up()
    {
        using var rig = new Smmu3Rig();
        var slow = rig.Attached(device: 0);
        var fast = rig.Attached(device: 1);
        slow.Map(0, Smmu3Rig.Data, Page, Protection.Read);
        using var isRinging = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        using var isPolling = new ManualResetEventSlim();
        int other = 0;
        rig.Bus.Accessed = (offset, isWrite) =>
        {
            if (offset == Smmu3Register.CommandProducer && isWrite && !isRinging.IsSet)
            {
                isRinging.Set();
                goOn.Wait();
            }
            else if (offset == Smmu3Register.CommandConsumer && Environment.CurrentManagedThreadId == other)
            {
                // Its commands are in the queue, and it waits for them alone.
                isPolling.Set();
            }
        };
        var first = new Thread(() => slow.Unmap(0, Page));
        first.Start();
        isRinging.Wait();
        var second = new Thread(() =>
        {
            other = Environment.CurrentManagedThreadId;
            fast.Map(0, Smmu3Rig.Data, Page, Protection.Read);
            fast.Unmap(0, Page);
        });
        second.Start();
        isPolling.Wait();
        goOn.Set();
        first.Join();
        second.Join();
        rig.Reach(0, device: 0).ShouldBeNull();
        rig.Reach(0, device: 1).ShouldBeNull();
    }

    [Fact]
    public void A_refused_command_fails_its_operation_and_the_next_one_makes_up_for_it()
    {
        using var rig = new Smmu3Rig();
        var domain = rig.Attached();
        domain.Map(0, Smmu3Rig.Data, 2 * Page, Protection.Read);
        rig.Reach(0).ShouldNotBeNull();
        bool isBroken = true;
        ulong queue = rig.Model.Read64(Smmu3Register.CommandQueue) & ~0xffful;
        rig.Bus.Accessed = (offset, isWrite) =>
        {
            if (isBroken && isWrite && offset == Smmu3Register.CommandProducer)
            {
                // As if memory had failed: the next command is none.
                uint consumer = rig.Model.Read32(Smmu3Register.CommandConsumer) & 0x3ff;
                rig.Memory.CpuView.Span(queue + (consumer * 16), 1)[0] = 0xff;
                isBroken = false;
            }
        };
        Should.Throw<IommuException>(() => domain.Unmap(0, Page)).Error.ShouldBe(IommuError.EIO);
        domain.Unmap(Page, Page).ShouldBe(Page);
        rig.Reach(0).ShouldBeNull();
        rig.Reach(Page).ShouldBeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Operations_allocate_nothing(int stage)
    {
        using var rig = new Smmu3Rig(options: new Smmu3DriverOptions { Stage = (Smmu3Stage)stage });
        var domain = rig.Attached();
        Allocated.By(() =>
        {
            domain.Map(0x1000_0000, Smmu3Rig.Data, 40 * Page, Protection.Read);
            domain.Unmap(0x1000_0000, 40 * Page);
        }).ShouldBe(0);
    }
}
