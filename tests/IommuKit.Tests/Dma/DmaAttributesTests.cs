using IommuKit.Dma;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.Dma;

/// <summary>What is special about a mapping, and lists, on a machine whose devices do not snoop the CPU's cache.</summary>
public sealed class DmaAttributesTests
{
    private const ulong Buffer = 0x3000;
    private const ulong Other = 0x7040;

    [Theory]
    [InlineData(DmaAttributes.None, true)]
    [InlineData(DmaAttributes.SkipCpuSync, false)]
    [InlineData(DmaAttributes.Mmio, false)]
    public void The_cache_of_the_CPU_is_left_alone_where_that_is_asked_for(DmaAttributes attributes, bool isSynchronised)
    {
        using var machine = new MappedMachine(isCoherent: false);
        machine.Memory.CpuView.Span(Buffer, 64).Fill(1);
        var mapping = machine.Mapper.Map(Buffer, 64, DmaDirection.Bidirectional, attributes);
        DeviceSees(machine, mapping.Iova).ShouldBe((byte)(isSynchronised ? 1 : 0));

        machine.Memory.CpuView.Span(Buffer, 64).Fill(2);
        machine.Device.Write(mapping.Iova, [9]);
        machine.Mapper.Unmap(mapping);
        machine.Memory.CpuView.Span(Buffer, 1)[0].ShouldBe((byte)(isSynchronised ? 9 : 2));
    }

    [Theory]
    [InlineData(DmaDirection.ToDevice, DmaAttributes.None, Protection.Read | Protection.Cache)]
    [InlineData(DmaDirection.FromDevice, DmaAttributes.Mmio, Protection.Write | Protection.Mmio)]
    [InlineData(DmaDirection.Bidirectional, DmaAttributes.Privileged, Protection.Read | Protection.Write | Protection.Cache | Protection.Privileged)]
    public void Attributes_are_rights(DmaDirection direction, DmaAttributes attributes, Protection rights) =>
        DmaMapper.RightsOf(direction, attributes).ShouldBe(rights);

    [Fact]
    public void Each_side_of_a_list_sees_the_other_after_a_sync()
    {
        using var machine = new MappedMachine(isCoherent: false);
        PhysicalRange[] list = [new(Buffer, 128), new(Other, 64)];
        var segments = new DmaSegment[2];
        Fill(machine, 1);
        var mapping = machine.Mapper.MapList(list, DmaDirection.Bidirectional, segments);
        segments.ShouldAllBe(segment => DeviceSees(machine, segment.Iova) == 1);

        Fill(machine, 2);
        segments.ShouldAllBe(segment => DeviceSees(machine, segment.Iova) == 1);
        machine.Mapper.SyncListForDevice(list);
        segments.ShouldAllBe(segment => DeviceSees(machine, segment.Iova) == 2);

        // Lines that the CPU has dirty hide what the device writes.
        Fill(machine, 3);
        foreach (var segment in segments)
        {
            machine.Device.Write(segment.Iova, [4]);
        }

        Cpu(machine).ShouldBe([3, 3]);
        machine.Mapper.SyncListForCpu(mapping, list);
        Cpu(machine).ShouldBe([4, 4]);
        Fill(machine, 5);
        foreach (var segment in segments)
        {
            machine.Device.Write(segment.Iova, [6]);
        }

        machine.Mapper.UnmapList(mapping, list);
        Cpu(machine).ShouldBe([6, 6]);
    }

    private static void Fill(MappedMachine machine, byte value)
    {
        machine.Memory.CpuView.Span(Buffer, 128).Fill(value);
        machine.Memory.CpuView.Span(Other, 64).Fill(value);
    }

    private static byte[] Cpu(MappedMachine machine) => [machine.Memory.CpuView.Span(Buffer, 1)[0], machine.Memory.CpuView.Span(Other, 1)[0]];

    private static byte DeviceSees(MappedMachine machine, ulong iova)
    {
        byte[] seen = new byte[1];
        machine.Device.Read(iova, seen);
        return seen[0];
    }
}
