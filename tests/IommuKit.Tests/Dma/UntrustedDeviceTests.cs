using IommuKit.Dma;
using IommuKit.PageTables;

namespace IommuKit.Tests.Dma;

/// <summary>Devices that are not trusted, where only physical addresses are known: they get whole granules, or nothing.</summary>
public sealed class UntrustedDeviceTests : IDisposable
{
    private const ulong Page = MappedMachine.Page;

    private readonly MappedMachine _untrusted = new(options: new DmaMapperOptions { Bounce = DmaBounce.All });

    public void Dispose() => _untrusted.Dispose();

    [Theory]
    [InlineData(0x1800, 0x800)]
    [InlineData(0x1000, 0x800)]
    [InlineData(0x1001, 0x1000)]
    [InlineData(0x1000, 1)]
    public void A_part_of_a_granule_is_refused_and_nothing_is_left(ulong address, ulong length)
    {
        _untrusted.Mapper.TryMap(address, length, DmaDirection.FromDevice, out _).ShouldBe(IommuError.EINVAL);
        var refusal = Should.Throw<IommuException>(() => _untrusted.Mapper.Map(address, length, DmaDirection.FromDevice));
        refusal.Error.ShouldBe(IommuError.EINVAL);
        refusal.Message.ShouldContain("MapMemory");

        var segments = new DmaSegment[4];
        PhysicalRange[] list = [new(0x8000, Page), new(address, length)];
        _untrusted.Mapper.TryMapList(list, DmaDirection.FromDevice, segments, out _).ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => _untrusted.Mapper.MapList(list, DmaDirection.FromDevice, segments)).Message.ShouldContain("MapMemory");
        _untrusted.Mapper.Domain.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
    }

    [Fact]
    public void Whole_granules_are_mapped_buffers_too_and_empty_pieces_are_no_matter()
    {
        var mapping = _untrusted.Mapper.Map(0x3000, 2 * Page, DmaDirection.Bidirectional);
        _untrusted.CanWrite(mapping.Iova + Page).ShouldBeTrue();
        _untrusted.Mapper.Unmap(mapping);

        PhysicalRange[] list = [new(0x5000, Page), new(0x123, 0), new(0x9000, Page)];
        var segments = new DmaSegment[4];
        var whole = _untrusted.Mapper.MapList(list, DmaDirection.Bidirectional, segments);
        whole.Segments.ShouldBe(1);
        _untrusted.Mapper.UnmapList(whole, list);

        using var buffer = _untrusted.Mapper.CreateBuffer(100);
        _untrusted.CanWrite(buffer.Iova).ShouldBeTrue();
    }

    [Fact]
    public void Without_that_a_device_reaches_the_granule_as_the_docs_say()
    {
        using var machine = new MappedMachine();
        var mapping = machine.Mapper.Map(0x1800, 0x100, DmaDirection.Bidirectional);
        machine.CanWrite(mapping.Iova - 0x800).ShouldBeTrue();
        machine.CanWrite(mapping.Iova + 0x7ff).ShouldBeTrue();
        machine.CanWrite(mapping.Iova + 0x800).ShouldBeFalse();
        machine.Mapper.Unmap(mapping);
    }
}
