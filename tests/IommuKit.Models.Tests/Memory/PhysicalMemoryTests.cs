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
    public void Ranges_may_be_longer_than_a_span()
    {
        const ulong length = (1ul << 31) + 4096;
        using var memory = new PhysicalMemory(length, isCoherent: false);
        memory.IsDirty(0, length).ShouldBeFalse();
        memory.CpuView.Span(length - 1, 1)[0] = 7;
        memory.IsDirty(0, length).ShouldBeTrue();
        memory.WriteBack(0, length);
        memory.IsDirty(0, length).ShouldBeFalse();
        Read(memory, length - 1).ShouldBe((byte)7);

        memory.CpuView.Span(length - 1, 1)[0] = 8;
        memory.Invalidate(0, length);
        memory.CpuView.Span(length - 1, 1)[0].ShouldBe((byte)7);
        Should.Throw<ArgumentOutOfRangeException>(() => memory.WriteBack(64, length));
        Should.Throw<ArgumentOutOfRangeException>(() => memory.IsDirty(ulong.MaxValue, 2));
    }

    [Fact]
    public void A_store_after_its_clean_needs_another()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        memory.CpuView.Span(0, 1)[0] = 1;
        memory.Clean(0, 1);
        memory.CpuView.Span(0, 1)[0] = 2;
        memory.Barrier();
        Read(memory, 0).ShouldBe((byte)1);
        memory.IsDirty(0, 1).ShouldBeTrue();

        memory.Clean(0, 1);
        memory.Barrier();
        Read(memory, 0).ShouldBe((byte)2);
        memory.IsDirty(0, 1).ShouldBeFalse();

        // Of two cleans the later one counts.
        memory.CpuView.Span(0, 1)[0] = 3;
        memory.Clean(0, 1);
        memory.CpuView.Span(0, 1)[0] = 4;
        memory.Clean(0, 1);
        memory.CpuView.Span(0, 1)[0] = 5;
        memory.Barrier();
        Read(memory, 0).ShouldBe((byte)4);
    }

    [Fact]
    public void A_clean_under_way_never_takes_memory_back_in_time()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);

        // What was written back since is newer.
        memory.CpuView.Span(0, 1)[0] = 1;
        memory.Clean(0, 1);
        memory.CpuView.Span(0, 1)[0] = 2;
        memory.WriteBack(0, 1);
        memory.Barrier();
        Read(memory, 0).ShouldBe((byte)2);

        // So is what a device wrote.
        memory.CpuView.Span(0x40, 1)[0] = 1;
        memory.Clean(0x40, 1);
        memory.DeviceView.TryWrite(0x41, [9]).ShouldBeTrue();
        memory.Barrier();
        Read(memory, 0x40).ShouldBe((byte)1);
        Read(memory, 0x41).ShouldBe((byte)9);
        memory.CpuView.Span(0x41, 1)[0].ShouldBe((byte)9);

        // An invalidated line had been cleaned before; a neighbour is still under way.
        memory.CpuView.Span(0x80, 128).Fill(1);
        memory.Clean(0x80, 128);
        memory.Invalidate(0x80, 1);
        memory.CpuView.Span(0x80, 1)[0].ShouldBe((byte)1);
        Read(memory, 0x80).ShouldBe((byte)1);
        Read(memory, 0xc0).ShouldBe((byte)0);
    }

    [Theory]
    [InlineData(65, false)]
    [InlineData(1000, false)]
    [InlineData(4096, false)]
    [InlineData(4097, true)]
    [InlineData(10_000, true)]
    public void Any_number_of_lines_waits_for_the_barrier_or_goes_before_but_none_is_lost(int lines, bool isEarly)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        memory.CpuView.Span(0, lines * 64).Fill(3);
        for (int line = 0; line < lines; line++)
        {
            memory.Clean((ulong)line * 64, 64);
        }

        Read(memory, 0).ShouldBe((byte)(isEarly ? 3 : 0));
        Read(memory, (ulong)(lines - 1) * 64).ShouldBe((byte)0);
        memory.Barrier();
        memory.IsDirty(0, (ulong)lines * 64).ShouldBeFalse();
    }

    [Fact]
    public void Cleaning_allocates_nothing_once_it_was_done()
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        Allocated.By(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                memory.Clean(0, 1 << 16);
                memory.Barrier();
            }
        }).ShouldBe(0);
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
