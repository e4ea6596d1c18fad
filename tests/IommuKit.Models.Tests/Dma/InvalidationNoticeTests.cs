using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Tests.Dma;

/// <summary>Which translations a notice concerns.</summary>
public sealed class InvalidationNoticeTests
{
    [Theory]
    [InlineData(0x1000, 0x1fff, 0x1000, 0x1000, true)]
    [InlineData(0x1000, 0x1fff, 0x2000, 0x1000, false)]
    [InlineData(0x1000, 0x1fff, 0, 0x1000, false)]
    [InlineData(0x1000, 0x1fff, 0, 0x20_0000, true)] // one address of a block
    [InlineData(0, 0xf_ffff_ffff, 0x3000, 0x1000, true)] // one page of many
    [InlineData(0x3000, 0x4fff, 0x2000, 0x2000, true)]
    [InlineData(0x3000, 0x4fff, 0x4000, 0x2000, true)]
    [InlineData(0x3000, 0x4fff, 0x5000, 0x2000, false)]
    [InlineData(0, ulong.MaxValue, 0xffff_f000_0000_0000, 0x1000, true)]
    [InlineData(0xffff_f000_0000_0000, 0xffff_f000_0000_0fff, 0x0000_f000_0000_0000, 0x1000, false)]
    // A device's top byte is kept with the address, and not named.
    [InlineData(0x1000, 0x1fff, 0xab00_0000_0000_1000, 0x1000, true)]
    [InlineData(0xffff_f000_0000_0000, 0xffff_f000_0000_0fff, 0xabff_f000_0000_0000, 0x1000, true)]
    [InlineData(0x1000, 0x1fff, 0, 1ul << 56, true)]
    [InlineData(0, (1ul << 56) - 1, 0x9900_0000_0000_0000, 0x1000, true)]
    [InlineData(0x1000, 0x1fff, 0, 0ul, true)] // of a length that cannot be, rather too much
    public void Ranges_concern_what_they_overlap(ulong first, ulong last, ulong iova, ulong length, bool concerns)
    {
        var notice = new InvalidationNotice(InvalidationScope.Pages, first, last);
        notice.Concerns(1, -1, At(iova, length)).ShouldBe(concerns);
    }

    [Fact]
    public void Streams_and_substreams_are_told_apart()
    {
        var notice = new InvalidationNotice(InvalidationScope.Stream, FirstStream: 4, LastStream: 7);
        uint[] streams = [3, 4, 7, 8];
        streams.Select(stream => notice.Concerns(stream, -1, At(0, 0x1000))).ShouldBe([false, true, true, false]);
        int[] substreams = [-1, 0, 5, 6];
        substreams.Select(substream => (notice with { Substream = 5 }).Concerns(4, substream, At(0, 0x1000)))
            .ShouldBe([true, false, true, false]);
        substreams.ShouldAllBe(substream => notice.Concerns(4, substream, At(0, 0x1000)));
    }

    [Fact]
    public void Everything_concerns_everything() =>
        new InvalidationNotice(InvalidationScope.Everything).Concerns(uint.MaxValue, 3, At(ulong.MaxValue - 0xfff, 0x1000)).ShouldBeTrue();

    private static Translation At(ulong iova, ulong length) => new(IsAllowed: true, iova, length, 0, Protection.Read);
}
