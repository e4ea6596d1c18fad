using IommuKit.Models.Memory;

namespace IommuKit.Models.Tests.Memory;

public class PhysicalMemoryTests
{
    [Fact]
    public void Untouched_memory_is_zero_and_costs_nothing()
    {
        // 16 GiB in two views on any machine.
        using var memory = new PhysicalMemory(1ul << 34, isCoherent: false);
        Span<byte> bytes = stackalloc byte[8];
        memory.DeviceView.TryRead((1ul << 34) - 8, bytes).ShouldBeTrue();
        bytes.ContainsAnyExcept((byte)0).ShouldBeFalse();
    }

    [Fact]
    public void Coherent_memory_has_one_view()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        memory.CpuView.Span(0x100, 1)[0] = 7;
        Read(memory, 0x100).ShouldBe((byte)7);
        memory.IsDirty(0, 4096).ShouldBeFalse();
        memory.DeviceView.TryWrite(0x100, [9]).ShouldBeTrue();
        memory.CpuView.Span(0x100, 1)[0].ShouldBe((byte)9);
    }

    [Fact]
    public void A_store_reaches_memory_by_clean_and_barrier_and_whole_lines_go()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        memory.CpuView.Span(0, 256).Fill(5);
        Read(memory, 0x40).ShouldBe((byte)0);

        memory.Clean(0x44, 1);
        Read(memory, 0x40).ShouldBe((byte)0);
        memory.Barrier();
        Read(memory, 0x3f).ShouldBe((byte)0);
        Read(memory, 0x40).ShouldBe((byte)5);
        Read(memory, 0x7f).ShouldBe((byte)5);
        Read(memory, 0x80).ShouldBe((byte)0);
        memory.IsDirty(0, 0x40).ShouldBeTrue();
        memory.IsDirty(0x40, 0x40).ShouldBeFalse();
    }

    [Fact]
    public void A_dirty_line_can_be_written_back_at_any_time()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        memory.CpuView.Span(0, 128).Fill(5);
        memory.WriteBack(0x50, 4);
        Read(memory, 0).ShouldBe((byte)0);
        Read(memory, 0x40).ShouldBe((byte)5);
    }

    [Fact]
    public void More_cleans_than_fit_in_the_queue_are_not_lost()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        memory.CpuView.Span(0, 1 << 16).Fill(3);
        for (ulong line = 0; line < 1 << 16; line += 64)
        {
            memory.Clean(line, 64);
        }

        memory.Barrier();
        memory.IsDirty(0, 1 << 16).ShouldBeFalse();
    }

    [Fact]
    public void A_device_write_is_seen_by_the_cpu_unless_its_line_is_dirty()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        memory.DeviceView.TryWrite(0x3e, [1, 2, 3, 4]).ShouldBeTrue();
        memory.CpuView.Span(0x3e, 4).ToArray().ShouldBe([1, 2, 3, 4]);

        // Dirty: the CPU keeps what it has, and writing the line back destroys what the device wrote.
        memory.CpuView.Span(0x80, 1)[0] = 9;
        memory.DeviceView.TryWrite(0x81, [7]).ShouldBeTrue();
        memory.CpuView.Span(0x81, 1)[0].ShouldBe((byte)0);
        Read(memory, 0x81).ShouldBe((byte)7);
        memory.WriteBack(0x80, 1);
        Read(memory, 0x81).ShouldBe((byte)0);

        // Invalidated instead, the CPU sees the device's data and loses its own.
        memory.CpuView.Span(0xc0, 1)[0] = 9;
        memory.DeviceView.TryWrite(0xc1, [7]).ShouldBeTrue();
        memory.Invalidate(0xc0, 1);
        memory.CpuView.Span(0xc0, 2).ToArray().ShouldBe([0, 7]);
    }

    [Fact]
    public void Nothing_answers_outside()
    {
        using var memory = new PhysicalMemory(4096, isCoherent: false);
        memory.DeviceView.TryRead(4092, new byte[4]).ShouldBeTrue();
        memory.DeviceView.TryRead(4093, new byte[4]).ShouldBeFalse();
        memory.DeviceView.TryWrite(ulong.MaxValue, [1]).ShouldBeFalse();
        Should.Throw<ArgumentOutOfRangeException>(() => memory.CpuView.Span(4093, 4)[0]);
        Should.Throw<ArgumentOutOfRangeException>(() => memory.Clean(4096, 1));
        Should.Throw<ArgumentOutOfRangeException>(() => memory.CpuView.At(ulong.MaxValue, 2));
    }

    [Theory]
    [InlineData(0ul, 64)]
    [InlineData(4096ul, 48)]
    [InlineData(4096ul, 8)]
    [InlineData(100ul, 64)]
    public void Impossible_sizes_are_refused(ulong length, int line) =>
        Should.Throw<ArgumentOutOfRangeException>(() => new PhysicalMemory(length, isCoherent: false, line));

    private static byte Read(PhysicalMemory memory, ulong address)
    {
        Span<byte> value = stackalloc byte[1];
        memory.DeviceView.TryRead(address, value).ShouldBeTrue();
        return value[0];
    }
}
