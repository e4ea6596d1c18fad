using IommuKit.Dma;
using IommuKit.PageTables;

namespace IommuKit.Tests.Dma;

/// <summary>Scatter lists: how a device sees them.</summary>
public sealed class DmaListTests
{
    private const ulong Page = MappedMachine.Page;

    [Fact]
    public void Pieces_that_end_at_granules_are_one_segment()
    {
        using var machine = new MappedMachine();
        var segments = new DmaSegment[4];
        PhysicalRange[] list = [new(0x1800, 0x800), new(0x9000, Page), new(0, 0), new(0x5000, 0x100), new(0x7100, 0x10)];

        var mapping = machine.Mapper.MapList(list, DmaDirection.Bidirectional, segments);

        mapping.Segments.ShouldBe(2);
        mapping.Range.Size.ShouldBe(4 * Page);
        segments[0].ShouldBe(new DmaSegment(mapping.Range.Iova + 0x800, 0x800 + Page + 0x100));
        segments[1].ShouldBe(new DmaSegment(mapping.Range.Iova + (3 * Page) + 0x100, 0x10));
        machine.Mapper.UnmapList(mapping, list);
        machine.Mapper.Domain.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData(ulong.MaxValue, 0)]
    [InlineData(0x1000, 0)]
    [InlineData(0x1800, 0)]
    [InlineData(ulong.MaxValue, 0x2000)]
    [InlineData(0x1200, 0x4000)]
    public void A_device_that_goes_through_the_segments_sees_the_list(ulong most, ulong boundary)
    {
        using var machine = new MappedMachine(options: new DmaMapperOptions { MostSegmentBytes = most, SegmentBoundary = boundary });
        var random = new Random(17);
        for (int round = 0; round < 100; round++)
        {
            var list = new PhysicalRange[random.Next(1, 50)];
            ulong at = 0x1000;
            for (int i = 0; i < list.Length; i++)
            {
                // Some pieces touch, some end in the middle of a granule.
                at += random.Next(3) == 0 ? (ulong)random.Next(0, 9000) : Page - (at & (Page - 1));
                list[i] = new PhysicalRange(at, random.Next(2) == 0 ? Page - (at & (Page - 1)) : (ulong)random.Next(1, 12000));
                at += list[i].Length;
                if (random.Next(2) == 0)
                {
                    at = (at + Page - 1) & ~(Page - 1);
                }
            }

            ulong total = (ulong)list.Sum(piece => (long)piece.Length);
            byte[] data = new byte[total];
            random.NextBytes(data);
            int done = 0;
            foreach (var (address, length) in list)
            {
                data.AsSpan(done, (int)length).CopyTo(machine.Memory.CpuView.Span(address, (int)length));
                done += (int)length;
            }

            var segments = new DmaSegment[1000];
            var mapping = machine.Mapper.MapList(list, DmaDirection.ToDevice, segments);
            byte[] seen = new byte[total];
            done = 0;
            foreach (var (iova, length) in segments.Take(mapping.Segments))
            {
                length.ShouldBeInRange(1ul, most);
                (boundary == 0 || iova / boundary == (iova + length - 1) / boundary).ShouldBeTrue();
                machine.Device.Read(iova, seen.AsSpan(done, (int)length)).IsComplete.ShouldBeTrue();
                done += (int)length;
            }

            seen.AsSpan().SequenceEqual(data).ShouldBeTrue();
            machine.Mapper.UnmapList(mapping, list);
        }
    }

    [Fact]
    public void A_list_that_does_not_go_leaves_nothing()
    {
        using var machine = new MappedMachine();
        PhysicalRange[] list = [new(0x1000, 10), new(0x3000, 10)];
        machine.Mapper.TryMapList(list, DmaDirection.ToDevice, new DmaSegment[1], out _).ShouldBe(IommuError.ENOSPC);
        machine.Mapper.TryMapList([], DmaDirection.ToDevice, new DmaSegment[1], out _).ShouldBe(IommuError.EINVAL);
        machine.Mapper.TryMapList([new(0x1000, 0)], DmaDirection.ToDevice, new DmaSegment[1], out _).ShouldBe(IommuError.EINVAL);
        machine.Mapper.TryMapList([new(ulong.MaxValue, 2)], DmaDirection.ToDevice, new DmaSegment[1], out _).ShouldBe(IommuError.EOVERFLOW);
        machine.Mapper.Domain.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
    }
}
