using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.Memory;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Dma;

/// <summary>Accesses that hold memory for as long as they are under way. IOVA 0 to 0x4000 is mapped, its pages in the opposite order in memory.</summary>
public class DmaLeaseTests
{
    private const ulong Root = 0x10000;
    private const int Pages = 4;

    [Fact]
    public void Pieces_are_the_memory_itself_where_it_lies_together()
    {
        var guest = new GuestMemory();
        guest.Add(0, new byte[0x20800]);
        guest.Add(0x20800, new byte[0x20000]);
        var writes = new List<(ulong, int)>();
        WriteTables(guest.View);
        var device = Device(guest.View);
        guest.Written = (address, length) => writes.Add((address, length));

        var access = device.Acquire(0x2800, 0x1000, isWrite: true);
        var lengths = new List<int>();
        byte value = 0;
        while (access.TryNext(out var piece))
        {
            lengths.Add(piece.Length);
            piece.Fill(++value);
        }

        access.IsComplete.ShouldBeTrue();
        access.Dispose();
        lengths.ShouldBe([0x800, 0x800]);
        writes.ShouldBe([(0x21800, 0x800), (0x20000, 0x800)]);
        At(guest.View, 0x21fff).ShouldBe((byte)1);
        At(guest.View, 0x207ff).ShouldBe((byte)2);
        At(guest.View, 0x217ff).ShouldBe((byte)0);
        At(guest.View, 0x20800).ShouldBe((byte)0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_lease_reads_and_writes_what_a_transfer_does(bool isCoherent)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent);
        WriteTables(memory.DeviceView);
        var device = Device(memory.DeviceView);
        byte[] data = [.. Enumerable.Range(0, 0x3000).Select(i => (byte)(i * 7))];

        using (var access = device.Acquire(0x800, data.Length, isWrite: true))
        {
            var rest = data.AsSpan();
            while (access.TryNext(out var piece))
            {
                rest[..piece.Length].CopyTo(piece);
                rest = rest[piece.Length..];
            }

            rest.IsEmpty.ShouldBeTrue();
        }

        byte[] read = new byte[data.Length];
        device.Read(0x800, read).IsComplete.ShouldBeTrue();
        read.ShouldBe(data);
        using var again = device.Acquire(0x800, data.Length, isWrite: false);
        var collected = new List<byte>();
        while (again.TryNext(out var piece))
        {
            collected.AddRange(piece.ToArray());
        }

        collected.ShouldBe(data);
        again.IsComplete.ShouldBeTrue();
    }

    /// <summary>As for any write of a device: the line that the CPU has not changed is seen by it, a dirty one wins.</summary>
    [Fact]
    public void Without_snooping_a_lease_writes_as_a_device_does()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        WriteTables(memory.DeviceView);
        memory.Invalidate(0, memory.Length);
        memory.CpuView.Span(0x23000, 1)[0] = 5;
        using (var access = Device(memory.DeviceView).Acquire(0, 0x80, isWrite: true))
        {
            access.TryNext(out var piece).ShouldBeTrue();
            piece.Fill(9);
        }

        memory.CpuView.Span(0x23000, 1)[0].ShouldBe((byte)5);
        memory.CpuView.Span(0x23040, 1)[0].ShouldBe((byte)9);
        memory.WriteBack(0x23000, 64);
        At(memory.DeviceView, 0x23000).ShouldBe((byte)5);
    }

    [Fact]
    public void An_unmap_waits_for_the_lease_to_end()
    {
        var guest = new GuestMemory();
        guest.Add(0, new byte[1 << 20]);
        WriteTables(guest.View);
        var walker = new SoftwareWalker<X86Format, GuestMemoryView>(guest.View, Root, 48, 40);
        var device = new DmaDevice<GuestMemoryView>(walker, guest.View, 1, 1);
        Background unmap;
        using (var access = device.Acquire(0, 8, isWrite: true))
        {
            access.TryNext(out var piece).ShouldBeTrue();
            guest.View.TryWrite(0x13000, new byte[8]).ShouldBeTrue();
            unmap = Background.Run(() => walker.Invalidate(0, 0x1000, forgetsTables: false));
            unmap.ShouldWait();
            piece[0] = 1;
        }

        unmap.ShouldEnd();
        using var late = device.Acquire(0, 8, isWrite: true);
        late.TryNext(out _).ShouldBeFalse();
    }

    [Fact]
    public void It_ends_where_nothing_is_mapped_and_where_nothing_answers()
    {
        var guest = new GuestMemory();
        guest.Add(0, new byte[0x22000]);
        WriteTables(guest.View);
        var device = Device(guest.View);
        Taken(device, 0x3800, 0x1000).ShouldBe((0x800, false));
        Taken(device, 0x2000, 0x2000).ShouldBe((0x2000, true));
        Taken(device, 0x1000, 0x2000).ShouldBe((0, false));
        Taken(device, 0x4000, 0).ShouldBe((0, true));
        Taken(device, ulong.MaxValue, 2).ShouldBe((0, false));
        Should.Throw<ArgumentOutOfRangeException>(() => device.Acquire(0, -1, isWrite: false).Dispose());
    }

    [Fact]
    public void After_its_end_it_yields_nothing()
    {
        var guest = new GuestMemory();
        guest.Add(0, new byte[1 << 20]);
        WriteTables(guest.View);
        var access = Device(guest.View).Acquire(0, 0x2000, isWrite: true);
        access.TryNext(out _).ShouldBeTrue();
        access.Dispose();
        access.Dispose();
        access.TryNext(out var piece).ShouldBeFalse();
        piece.IsEmpty.ShouldBeTrue();
        access.IsComplete.ShouldBeFalse();
        default(DmaLease<GuestMemoryView>).TryNext(out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Leases_allocate_nothing(bool isCoherent)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent);
        WriteTables(memory.DeviceView);
        var device = Device(memory.DeviceView);
        Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                using var access = device.Acquire(0, 0x4000, isWrite: true);
                while (access.TryNext(out var piece))
                {
                    piece[0]++;
                }
            }
        }).ShouldBe(0);
    }

    private static (int Bytes, bool IsComplete) Taken<TMemory>(DmaDevice<TMemory> device, ulong iova, int length)
        where TMemory : struct, IMemoryAccessor
    {
        using var access = device.Acquire(iova, length, isWrite: false);
        int bytes = 0;
        while (access.TryNext(out var piece))
        {
            bytes += piece.Length;
        }

        access.Transferred.ShouldBe(bytes);
        return (bytes, access.IsComplete);
    }

    private static DmaDevice<TMemory> Device<TMemory>(TMemory memory)
        where TMemory : struct, IMemoryAccessor =>
        new(new SoftwareWalker<X86Format, TMemory>(memory, Root, 48, 40), memory, 1, 1);

    private static void WriteTables<TMemory>(TMemory memory)
        where TMemory : struct, IMemoryAccessor
    {
        Put(0x10000, 0x11007);
        Put(0x11000, 0x12007);
        Put(0x12000, 0x13007);
        for (ulong page = 0; page < Pages; page++)
        {
            Put(0x13000 + (page * 8), 0x20007 + ((Pages - 1 - page) << 12));
        }

        void Put(ulong address, ulong entry)
        {
            byte[] bytes = new byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry);
            memory.TryWrite(address, bytes).ShouldBeTrue();
        }
    }

    private static byte At<TMemory>(TMemory memory, ulong address)
        where TMemory : struct, IMemoryAccessor
    {
        byte[] value = new byte[1];
        memory.TryRead(address, value).ShouldBeTrue();
        return value[0];
    }
}
