using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Dma;

/// <summary>Buffers: who reaches what, for how long, and who gets their IOVAs next.</summary>
public sealed class DmaMapperTests
{
    private const ulong Page = MappedMachine.Page;

    public static TheoryData<SyncPolicy> Policies() => [.. Enum.GetValues<SyncPolicy>()];

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_device_reaches_a_buffer_at_its_offset_and_as_the_direction_says(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        foreach (var direction in Enum.GetValues<DmaDirection>())
        {
            machine.Memory.CpuView.Span(0x5123, 4).Fill(7);
            var mapping = machine.Mapper.Map(0x5123, 100, direction);
            machine.Mapper.Domain.Flush();

            (mapping.Iova & (Page - 1)).ShouldBe(0x123ul);
            mapping.Range.Size.ShouldBe(Page);
            mapping.Direction.ShouldBe(direction);
            if (direction != DmaDirection.FromDevice)
            {
                // What may be written may be read too: this format has no right to write alone.
                byte[] data = new byte[4];
                machine.Device.Read(mapping.Iova, data).IsComplete.ShouldBeTrue();
                data.ShouldBe([7, 7, 7, 7]);
            }

            machine.Device.Write(mapping.Iova, [9, 9]).IsComplete.ShouldBe(direction != DmaDirection.ToDevice);
            machine.Memory.CpuView.Span(0x5123, 2).ToArray().ShouldBe(direction == DmaDirection.ToDevice ? [7, 7] : [9, 9]);

            machine.Mapper.Unmap(mapping);
            machine.Mapper.Domain.Flush();
            machine.CanRead(mapping.Iova).ShouldBeFalse();
            machine.CanWrite(mapping.Iova).ShouldBeFalse();
        }
    }

    [Theory]
    [InlineData(true, uint.MaxValue, ulong.MaxValue)]
    [InlineData(false, (1ul << 48) - 1, ulong.MaxValue)]
    [InlineData(true, (1ul << 40) - 1, (1ul << 40) - 1)]
    public void A_mapper_looks_below_4_GiB_first_where_it_is_told_to_and_there_is_a_place(bool prefersLow, ulong most, ulong deviceLast)
    {
        // In the third, nothing is left there but less than what is asked for.
        bool isFull = most > uint.MaxValue && prefersLow;
        using var machine = new MappedMachine(options: new DmaMapperOptions
        {
            PrefersLow = prefersLow,
            DeviceLast = deviceLast,
            Reserved = isFull ? [(2 * Page, uint.MaxValue)] : [],
        });
        var mapping = machine.Mapper.Map(0x5000, 2 * Page, DmaDirection.Bidirectional);
        mapping.Iova.ShouldBeLessThanOrEqualTo(most);
        (mapping.Iova > uint.MaxValue).ShouldBe(!prefersLow || isFull);
        machine.CanWrite(mapping.Iova + Page).ShouldBeTrue();
        machine.Mapper.Unmap(mapping);
        machine.CanWrite(mapping.Iova + Page).ShouldBeFalse();
    }

    [Fact]
    public void Bad_buffers_have_errors_and_leave_nothing()
    {
        using var machine = new MappedMachine(options: new DmaMapperOptions { DeviceLast = (1 << 20) - 1 });
        machine.Mapper.TryMap(0x1000, 0, DmaDirection.ToDevice, out _).ShouldBe(IommuError.EINVAL);
        machine.Mapper.TryMap(ulong.MaxValue - 5, 10, DmaDirection.ToDevice, out _).ShouldBe(IommuError.EOVERFLOW);
        machine.Mapper.TryMap(0, 1 << 20, DmaDirection.ToDevice, out _).ShouldBe(IommuError.ENOSPC);
        machine.Mapper.TryMap(1ul << 40, 1, DmaDirection.ToDevice, out _).ShouldBe(IommuError.ERANGE);

        // All there is below the mask but the first granule, page by page.
        var all = Enumerable.Range(0, 255).Select(_ => machine.Mapper.Map(0, 1, DmaDirection.ToDevice)).ToList();
        all.Select(mapping => mapping.Iova).Distinct().Count().ShouldBe(255);
        all.ShouldAllBe(mapping => mapping.Iova != 0 && mapping.Iova < 1 << 20);
        machine.Mapper.TryMap(0, 1, DmaDirection.ToDevice, out _).ShouldBe(IommuError.ENOSPC);
    }

    [Fact]
    public void What_is_unmapped_already_is_not_unmapped_again()
    {
        using var machine = new MappedMachine();
        var first = machine.Mapper.Map(0x1000, Page, DmaDirection.ToDevice);
        machine.Mapper.Unmap(first);
        var second = machine.Mapper.Map(0x1000, Page, DmaDirection.ToDevice);
        second.Iova.ShouldBe(first.Iova);

        Should.Throw<ArgumentException>(() => machine.Mapper.Unmap(first));
        machine.CanRead(second.Iova).ShouldBeTrue();

        machine.Mapper.Domain.Unmap(second.Range.Iova, Page);
        Should.Throw<ArgumentException>(() => machine.Mapper.Unmap(second));
    }

    [Fact]
    public void Reserved_iovas_are_never_handed_out()
    {
        using var machine = new MappedMachine(options: new DmaMapperOptions { DeviceLast = 0xffff, Reserved = [(0x8000, 0xbfff)] });
        var iovas = new List<ulong>();
        while (machine.Mapper.TryMap(0, 1, DmaDirection.ToDevice, out var mapping) == IommuError.None)
        {
            iovas.Add(mapping.Iova);
        }

        iovas.Order().ToArray().ShouldBe([0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x7000, 0xc000, 0xd000, 0xe000, 0xf000]);
    }

    [Fact]
    public void Large_buffers_get_large_pages()
    {
        using var machine = new MappedMachine();
        var mapping = machine.Mapper.Map(0x20_3000, 6 << 20, DmaDirection.Bidirectional);

        (mapping.Iova & 0x1f_ffff).ShouldBe(0x3000ul);
        machine.Mapper.Domain.TryFind((mapping.Iova | 0x1f_ffff) + 1, out var page).ShouldBeTrue();
        page.PageLog2.ShouldBe(21);
    }

    [Fact]
    public async Task An_unmap_ends_when_the_iova_is_really_gone()
    {
        var clock = new ManualClock();
        using var machine = new MappedMachine(new DomainOptions { Policy = SyncPolicy.Deferred, Clock = clock });
        var mapping = machine.Mapper.Map(0x1000, Page, DmaDirection.Bidirectional);
        machine.CanWrite(mapping.Iova).ShouldBeTrue();

        var gone = machine.Mapper.UnmapAsync(mapping);

        // The walker still has it, so the IOVA goes to nobody.
        machine.CanWrite(mapping.Iova).ShouldBeTrue();
        gone.IsCompleted.ShouldBeFalse();
        machine.Mapper.Map(0x2000, Page, DmaDirection.Bidirectional).Iova.ShouldNotBe(mapping.Iova);

        clock.Advance(TimeSpan.FromMilliseconds(10));
        await gone;
        machine.CanWrite(mapping.Iova).ShouldBeFalse();
        machine.Mapper.Map(0x2000, Page, DmaDirection.Bidirectional).Iova.ShouldBe(mapping.Iova);
    }

    [Fact]
    public void Waiting_iovas_come_back_when_they_are_all_there_is()
    {
        using var machine = new MappedMachine(
            new DomainOptions { Policy = SyncPolicy.Deferred, Clock = new ManualClock() }, new DmaMapperOptions { DeviceLast = 0x1fff });
        var mapping = machine.Mapper.Map(0x1000, Page, DmaDirection.Bidirectional);
        machine.Mapper.Unmap(mapping);

        machine.Mapper.Map(0x2000, Page, DmaDirection.Bidirectional).Iova.ShouldBe(0x1000ul);
    }

    [Fact]
    public void A_full_queue_holds_back_who_unmaps()
    {
        var counters = new IommuKit.Sync.DomainCounters();
        using var machine = new MappedMachine(
            new DomainOptions { Policy = SyncPolicy.Deferred, DeferredCapacity = 4, Clock = new ManualClock(), Counters = counters });
        for (int i = 0; i < 40; i++)
        {
            machine.Mapper.Unmap(machine.Mapper.Map(0x1000, Page, DmaDirection.Bidirectional));
        }

        counters.Drains.ShouldBe(9);
        machine.Mapper.Statistics.Searches.ShouldBeLessThan(10);
    }

    [Fact]
    public void The_callers_listener_is_told_too()
    {
        var told = new List<(ulong, ulong)>();
        using var machine = new MappedMachine(new DomainOptions
        {
            Policy = SyncPolicy.Deferred,
            Clock = new ManualClock(),
            UnmapFlushed = (iova, bytes) => told.Add((iova, bytes)),
        });
        var mapping = machine.Mapper.Map(0x1000, 3 * Page, DmaDirection.Bidirectional);
        machine.Mapper.Unmap(mapping);
        told.ShouldBeEmpty();
        machine.Mapper.Domain.Flush();
        told.ShouldBe([(mapping.Range.Iova, 3 * Page)]);
    }

    [Fact]
    public async Task What_a_listener_throws_loses_no_IOVA_and_no_task()
    {
        bool throws = true;
        var clock = new ManualClock();
        using var machine = new MappedMachine(new DomainOptions
        {
            Policy = SyncPolicy.Deferred,
            Clock = clock,
            UnmapFlushed = (_, _) =>
            {
                if (throws)
                {
                    throw new IOException("No.");
                }
            },
        });
        var first = machine.Mapper.Map(0x1000, Page, DmaDirection.Bidirectional);
        var second = machine.Mapper.Map(0x2000, Page, DmaDirection.Bidirectional);
        var third = machine.Mapper.Map(0x3000, Page, DmaDirection.Bidirectional);
        long cached = machine.Mapper.Statistics.Cached;
        var gone = machine.Mapper.UnmapAsync(first);
        var alsoGone = machine.Mapper.UnmapAsync(second);
        clock.Advance(TimeSpan.FromMilliseconds(10));
        await gone.WaitAsync(TimeSpan.FromMinutes(1));
        await alsoGone.WaitAsync(TimeSpan.FromMinutes(1));
        machine.Mapper.Statistics.Cached.ShouldBe(cached + 2);

        // The timer had nobody to tell: the next operation is told, does nothing, and can be done again.
        throws = false;
        Should.Throw<IOException>(() => machine.Mapper.Unmap(third));
        machine.CanWrite(third.Iova).ShouldBeTrue();
        var last = machine.Mapper.UnmapAsync(third);
        machine.Mapper.Domain.Flush();
        await last.WaitAsync(TimeSpan.FromMinutes(1));
        machine.Mapper.Statistics.Cached.ShouldBe(cached + 3);
        Should.Throw<ArgumentException>(() => machine.Mapper.Unmap(third));
    }

    [Fact]
    public void A_copy_of_a_handle_unmaps_nothing_while_the_first_unmap_waits_or_after_it()
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = SyncPolicy.Deferred, Clock = new ManualClock() });
        var mapping = machine.Mapper.Map(0x1000, Page, DmaDirection.Bidirectional);
        long cached = machine.Mapper.Statistics.Cached;
        machine.Mapper.Unmap(mapping);
        Should.Throw<ArgumentException>(() => machine.Mapper.Unmap(mapping));
        Should.Throw<ArgumentException>(() => machine.Mapper.UnmapAsync(mapping));
        machine.Mapper.Domain.Flush();
        machine.Mapper.Statistics.Cached.ShouldBe(cached + 1);
        var again = machine.Mapper.Map(0x2000, Page, DmaDirection.Bidirectional);
        again.Iova.ShouldBe(mapping.Iova);
        Should.Throw<ArgumentException>(() => machine.Mapper.Unmap(mapping));
        machine.CanWrite(again.Iova).ShouldBeTrue();
    }

    [Fact]
    public void On_a_machine_that_does_not_snoop_each_side_sees_the_other_after_a_sync()
    {
        using var machine = new MappedMachine(isCoherent: false);
        machine.Memory.CpuView.Span(0x3000, 64).Fill(1);
        var mapping = machine.Mapper.Map(0x3000, 128, DmaDirection.Bidirectional);
        byte[] seen = new byte[1];
        machine.Device.Read(mapping.Iova, seen);
        seen[0].ShouldBe((byte)1);

        machine.Memory.CpuView.Span(0x3000, 64).Fill(2);
        machine.Device.Read(mapping.Iova, seen);
        seen[0].ShouldBe((byte)1);
        machine.Mapper.SyncForDevice(mapping, 0, 64);
        machine.Device.Read(mapping.Iova, seen);
        seen[0].ShouldBe((byte)2);

        // A line that the CPU has dirty hides what the device wrote.
        machine.Memory.CpuView.Span(0x3040, 64).Fill(3);
        machine.Device.Write(mapping.Iova + 64, [4]);
        machine.Memory.CpuView.Span(0x3040, 1)[0].ShouldBe((byte)3);
        machine.Mapper.SyncForCpu(mapping, 64, 64);
        machine.Memory.CpuView.Span(0x3040, 1)[0].ShouldBe((byte)4);
        Should.Throw<ArgumentOutOfRangeException>(() => machine.Mapper.SyncForCpu(mapping, 64, 65));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Threads_share_a_mapper(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        var failures = new Exception?[3];
        var threads = Enumerable.Range(0, failures.Length).Select(number => new Thread(() => failures[number] = Record.Exception(() =>
        {
            for (int i = 0; i < 3000; i++)
            {
                var mapping = machine.Mapper.Map(0x1_0000 * (ulong)number, Page * (ulong)(1 + (i % 5)), DmaDirection.Bidirectional);
                machine.Mapper.Domain.IovaToPhysical(mapping.Iova).ShouldBe(0x1_0000 * (ulong)number);
                machine.Mapper.Unmap(mapping);
            }
        }))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        failures.ShouldAllBe(failure => failure == null);
        machine.Mapper.Domain.Flush();
        machine.Mapper.Domain.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
    }
}
