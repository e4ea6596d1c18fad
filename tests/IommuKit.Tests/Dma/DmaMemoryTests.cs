using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Dma;

/// <summary>Memory of the process for a device behind a model: it sees a copy, and nothing besides.</summary>
public sealed class DmaMemoryTests
{
    private const int Page = (int)MappedMachine.Page;

    public static TheoryData<SyncPolicy> Policies() => [.. Enum.GetValues<SyncPolicy>()];

    [Theory]
    [MemberData(nameof(Policies))]
    public void Data_goes_both_ways_and_the_device_sees_nothing_besides(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        byte[] array = new byte[5 * Page];
        var random = new Random(1);
        foreach (int length in (int[])[1, 100, Page - 1, Page, Page + 1, (3 * Page) + 17])
        {
            random.NextBytes(array);
            byte[] before = [.. array];
            int start = random.Next(Page);
            var memory = array.AsMemory(start, length);
            var mapping = machine.Mapper.MapMemory(memory, DmaDirection.Bidirectional);
            machine.Mapper.Domain.Flush();
            mapping.CopiedBytes.ShouldBe((ulong)length);
            mapping.Range.Size.ShouldBe((ulong)((length + Page - 1) / Page * Page));

            // Around the data there are zeros, whatever was in that memory before.
            byte[] seen = new byte[mapping.Range.Size];
            machine.Device.Read(mapping.Range.Iova, seen).IsComplete.ShouldBeTrue();
            int offset = (int)(mapping.Iova - mapping.Range.Iova);
            seen.AsSpan(offset, length).SequenceEqual(memory.Span).ShouldBeTrue();
            seen[..offset].ShouldAllBe(value => value == 0);
            seen[(offset + length)..].ShouldAllBe(value => value == 0);

            byte[] written = new byte[mapping.Range.Size];
            random.NextBytes(written);
            machine.Device.Write(mapping.Range.Iova, written).IsComplete.ShouldBeTrue();
            array.ShouldBe(before);
            machine.Mapper.UnmapMemory(mapping);
            memory.Span.SequenceEqual(written.AsSpan(offset, length)).ShouldBeTrue();
            array[..start].ShouldBe(before[..start]);
            array[(start + length)..].ShouldBe(before[(start + length)..]);
            machine.Mapper.Domain.Flush();
            machine.CanRead(mapping.Iova).ShouldBeFalse();
        }
    }

    [Fact]
    public void What_a_device_may_only_read_it_does_not_change_and_what_it_leaves_alone_stays()
    {
        using var machine = new MappedMachine();
        byte[] array = [1, 2, 3, 4];
        var mapping = machine.Mapper.MapMemory(array, DmaDirection.ToDevice);
        machine.CanWrite(mapping.Iova).ShouldBeFalse();
        machine.Mapper.UnmapMemory(mapping);
        array.ShouldBe([1, 2, 3, 4]);

        mapping = machine.Mapper.MapMemory(array, DmaDirection.FromDevice);
        machine.Device.Write(mapping.Iova + 2, [9]).IsComplete.ShouldBeTrue();
        machine.Mapper.UnmapMemory(mapping);
        array.ShouldBe([1, 2, 9, 4]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_part_is_synchronised_alone(bool isCoherent)
    {
        using var machine = new MappedMachine(isCoherent: isCoherent);
        byte[] array = new byte[300];
        var mapping = machine.Mapper.MapMemory(array, DmaDirection.Bidirectional);
        machine.Device.Write(mapping.Iova, [1, 2, 3, 4]);
        machine.Mapper.SyncForCpu(mapping, 1, 2);
        array[..4].ShouldBe([0, 2, 3, 0]);

        array.AsSpan(0, 4).Fill(7);
        machine.Mapper.SyncForDevice(mapping, 2, 1);
        byte[] seen = new byte[4];
        machine.Device.Read(mapping.Iova, seen);
        seen.ShouldBe([1, 2, 7, 4]);
        Should.Throw<ArgumentOutOfRangeException>(() => machine.Mapper.SyncForCpu(mapping, 299, 2));
        machine.Mapper.UnmapMemory(mapping);
        array[..4].ShouldBe([1, 2, 7, 4]);
    }

    /// <summary>A driver that polls gives the buffer back to the device, which may have written meanwhile.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_device_wrote_is_not_overwritten_when_it_is_given_a_buffer_to_write_to(bool isCoherent)
    {
        using var machine = new MappedMachine(isCoherent: isCoherent);
        byte[] array = new byte[300];
        var mapping = machine.Mapper.MapMemory(array, DmaDirection.FromDevice);
        machine.Mapper.SyncForCpu(mapping, 0, 300);
        machine.Device.Write(mapping.Iova + 4, [5, 6]);
        machine.Mapper.SyncForDevice(mapping, 0, 300);
        machine.Mapper.UnmapMemory(mapping);
        array[..7].ShouldBe([0, 0, 0, 0, 5, 6, 0]);
    }

    [Fact]
    public void A_copy_is_used_again_only_when_no_device_reaches_it()
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = SyncPolicy.Deferred, Clock = new ManualClock() });
        byte[] first = [1];
        byte[] second = [2];
        var mapping = machine.Mapper.MapMemory(first, DmaDirection.Bidirectional);
        machine.CanWrite(mapping.Iova).ShouldBeTrue();
        machine.Mapper.UnmapMemory(mapping);

        // The device has the translation yet, and writes: to nobody else's.
        var other = machine.Mapper.MapMemory(second, DmaDirection.Bidirectional);
        machine.Device.Write(mapping.Iova, [66]).IsComplete.ShouldBeTrue();
        machine.Mapper.UnmapMemory(other);
        second.ShouldBe([2]);
        first.ShouldBe([1]);

        machine.Mapper.Domain.Flush();
        machine.CanWrite(mapping.Iova).ShouldBeFalse();
        Should.Throw<ArgumentException>(() => machine.Mapper.UnmapMemory(mapping));
    }

    [Fact]
    public void Bad_memory_and_stale_mappings_are_refused()
    {
        using var machine = new MappedMachine(options: new DmaMapperOptions { DeviceLast = 0x3fff });
        machine.Mapper.TryMapMemory(Memory<byte>.Empty, DmaDirection.ToDevice, out _).ShouldBe(IommuError.EINVAL);
        machine.Mapper.TryMapMemory(new byte[8 * Page], DmaDirection.ToDevice, out _).ShouldBe(IommuError.ENOSPC);
        machine.Mapper.TryMapMemory(new byte[32 << 20], DmaDirection.ToDevice, out _).ShouldBe(IommuError.ENOMEM);
        var mapping = machine.Mapper.MapMemory(new byte[1], DmaDirection.ToDevice);
        machine.Mapper.UnmapMemory(mapping);
        Should.Throw<ArgumentException>(() => machine.Mapper.UnmapMemory(mapping));
        Should.Throw<ArgumentException>(() => machine.Mapper.UnmapMemory(default));

        // Nothing of the refused is lost: all pages that the device reaches, again and again.
        for (int round = 0; round < 50; round++)
        {
            var all = Enumerable.Range(0, 3).Select(_ => machine.Mapper.MapMemory(new byte[Page], DmaDirection.ToDevice)).ToList();
            machine.Mapper.TryMapMemory(new byte[1], DmaDirection.ToDevice, out _).ShouldBe(IommuError.ENOSPC);
            all.ForEach(one => machine.Mapper.UnmapMemory(one));
        }
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Threads_share_a_mapper(SyncPolicy policy)
    {
        using var machine = new MappedMachine(new DomainOptions { Policy = policy });
        var failures = new Exception?[3];
        var threads = Enumerable.Range(0, failures.Length).Select(number => new Thread(() => failures[number] = Record.Exception(() =>
        {
            byte[] array = new byte[3 * Page];
            for (int i = 0; i < 500; i++)
            {
                int length = 1 + (i * 37 % array.Length);
                array.AsSpan().Fill((byte)(number + 1));
                var mapping = machine.Mapper.MapMemory(array.AsMemory(0, length), DmaDirection.Bidirectional);
                machine.Mapper.SyncForCpu(mapping, 0, (ulong)length);
                machine.Mapper.UnmapMemory(mapping);
                array.ShouldAllBe(value => value == number + 1);
            }
        }))).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        failures.ShouldAllBe(failure => failure == null);
    }
}
