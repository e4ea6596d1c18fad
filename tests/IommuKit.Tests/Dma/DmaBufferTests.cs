using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Dma;

/// <summary>What stays mapped: buffers, pools and windows.</summary>
public sealed class DmaBufferTests
{
    private const ulong Page = MappedMachine.Page;

    [Fact]
    public void Memory_of_a_buffer_is_given_back_when_no_device_reaches_it()
    {
        var clock = new ManualClock();
        using var machine = new MappedMachine(new DomainOptions { Policy = SyncPolicy.Deferred, Clock = clock });
        var buffer = machine.Mapper.CreateBuffer(3 * Page);
        buffer.Bytes.Fill(5);
        byte[] seen = new byte[1];
        machine.Device.Read(buffer.Iova + (2 * Page), seen).IsComplete.ShouldBeTrue();
        seen[0].ShouldBe((byte)5);

        ulong iova = buffer.Iova;
        ulong address = buffer.PhysicalAddress;
        buffer.Dispose();
        Should.Throw<ObjectDisposedException>(() => buffer.Bytes.Length);

        machine.Mapper.CreateBuffer(3 * Page).PhysicalAddress.ShouldNotBe(address);
        machine.CanRead(iova + (2 * Page)).ShouldBeTrue();
        clock.Advance(TimeSpan.FromMilliseconds(10));
        machine.CanRead(iova + (2 * Page)).ShouldBeFalse();
        var next = machine.Mapper.CreateBuffer(3 * Page);
        next.PhysicalAddress.ShouldBe(address);
        next.Bytes[0].ShouldBe((byte)0);
    }

    [Fact]
    public void A_pool_has_each_buffer_out_once()
    {
        using var machine = new MappedMachine();
        using var pool = new DmaPool(machine.Mapper, 10, 1500, DmaDirection.FromDevice);
        var buffers = new List<DmaPoolBuffer>();
        while (pool.TryRent(out var buffer))
        {
            buffers.Add(buffer);
            machine.Device.Write(buffer.Iova + 1499, [(byte)buffers.Count]).IsComplete.ShouldBeTrue();
        }

        buffers.Count.ShouldBe(10);
        for (int i = 0; i < 10; i++)
        {
            buffers[i].Bytes[1499].ShouldBe((byte)(i + 1));
        }

        pool.Return(buffers[4]);
        Should.Throw<ArgumentException>(() => pool.Return(buffers[4]));
        Should.Throw<ArgumentException>(() => pool.Return(default));
        pool.TryRent(out var again).ShouldBeTrue();
        again.Iova.ShouldBe(buffers[4].Iova);
        pool.TryRent(out _).ShouldBeFalse();
    }

    [Fact]
    public void Threads_share_a_pool()
    {
        using var machine = new MappedMachine();
        using var pool = new DmaPool(machine.Mapper, 4, 64);
        var failures = new Exception?[3];
        var threads = Enumerable.Range(0, failures.Length).Select(number => new Thread(() => failures[number] = Record.Exception(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                if (pool.TryRent(out var buffer))
                {
                    buffer.Bytes[0] = (byte)number;
                    buffer.Bytes[0].ShouldBe((byte)number);
                    pool.Return(buffer);
                }
            }
        }))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        failures.ShouldAllBe(failure => failure == null);
        Enumerable.Range(0, 5).Count(_ => pool.TryRent(out var _)).ShouldBe(4);
    }

    [Theory]
    [InlineData(SyncPolicy.Gather)]
    [InlineData(SyncPolicy.Deferred)]
    [InlineData(SyncPolicy.Explicit)]
    public void A_window_reaches_what_is_linked(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy, Clock = new ManualClock() }, new DmaMapperOptions { DeviceLast = 0xf_ffff });
        for (int round = 0; round < 100; round++)
        {
            var window = machine.Mapper.CreateWindow(64 * Page);
            window.TryLink(0, 0x1_0000, 2 * Page, DmaDirection.Bidirectional).ShouldBe(IommuError.None);
            window.TryLink(8 * Page, 0x2_0000, Page, DmaDirection.ToDevice).ShouldBe(IommuError.None);
            window.TryLink(Page, 0x2_0000, Page, DmaDirection.ToDevice).ShouldBe(IommuError.EEXIST);
            machine.Mapper.Domain.Flush();
            machine.CanWrite(window.Iova + Page).ShouldBeTrue();
            machine.CanRead(window.Iova + (8 * Page)).ShouldBeTrue();
            machine.CanWrite(window.Iova + (8 * Page)).ShouldBeFalse();

            // With holes in it.
            window.TryLink(4 * Page, 0x4_0000, Page, DmaDirection.Bidirectional).ShouldBe(IommuError.None);
            window.Unlink(0, 6 * Page);
            machine.CanWrite(window.Iova + (4 * Page)).ShouldBeFalse();
            machine.CanWrite(window.Iova + Page).ShouldBeFalse();
            window.TryLink(0, 0x3_0000, Page, DmaDirection.Bidirectional).ShouldBe(IommuError.None);
            Should.Throw<ArgumentOutOfRangeException>(() => window.Unlink(64 * Page, Page));
            window.Dispose();
            machine.CanRead(window.Iova).ShouldBeFalse();
            machine.CanRead(window.Iova + (8 * Page)).ShouldBeFalse();
        }
    }

    [Theory]
    [InlineData(SyncPolicy.Gather, true)]
    [InlineData(SyncPolicy.Gather, false)]
    [InlineData(SyncPolicy.Deferred, true)]
    public void On_a_machine_that_does_not_snoop_the_CPU_sees_what_a_device_wrote_through_a_window(SyncPolicy policy, bool unlinks)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy, Clock = new ManualClock() }, isCoherent: false);
        var window = machine.Mapper.CreateWindow(4 * Page);
        window.TryLink(0, 0x3_0000, Page, DmaDirection.FromDevice).ShouldBe(IommuError.None);
        window.TryLink(Page, 0x1_0000, Page, DmaDirection.FromDevice).ShouldBe(IommuError.None);

        // What devices only read keeps what the CPU stored since.
        window.TryLink(2 * Page, 0x5_0000, Page, DmaDirection.ToDevice).ShouldBe(IommuError.None);
        machine.Memory.CpuView.Span(0x5_0000, 64).Fill(7);

        // Lines in the CPU's cache hide what a device writes.
        machine.Memory.CpuView.Span(0x3_0000, 64).Fill(3);
        machine.Memory.CpuView.Span(0x1_0fc0, 64).Fill(3);
        machine.Device.Write(window.Iova, [5]);
        machine.Device.Write(window.Iova + Page + 0xfc0, [6]);
        machine.Memory.CpuView.Span(0x3_0000, 1)[0].ShouldBe((byte)3);
        if (unlinks)
        {
            window.Unlink(0, 2 * Page, DmaAttributes.SkipCpuSync);
            machine.Memory.CpuView.Span(0x3_0000, 1)[0].ShouldBe((byte)3);
            window.TryLink(0, 0x3_0000, Page, DmaDirection.FromDevice, DmaAttributes.SkipCpuSync).ShouldBe(IommuError.None);
            window.TryLink(Page, 0x1_0000, Page, DmaDirection.FromDevice, DmaAttributes.SkipCpuSync).ShouldBe(IommuError.None);
            window.Unlink(0, 2 * Page);
        }
        else
        {
            window.Dispose();
        }

        machine.Memory.CpuView.Span(0x3_0000, 1)[0].ShouldBe((byte)5);
        machine.Memory.CpuView.Span(0x1_0fc0, 1)[0].ShouldBe((byte)6);
        window.Dispose();
        machine.Memory.CpuView.Span(0x5_0000, 1)[0].ShouldBe((byte)7);
    }
}
