using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.X86;

namespace IommuKit.Tests.PageTables;

/// <summary>Where IOVAs are sign-extended, no range may reach into the gap between the halves.</summary>
public class GapTests
{
    [Theory]
    [InlineData(48)]
    [InlineData(57)]
    public void X86(int inputBits) => Check<X86Format>(inputBits);

    [Fact]
    public void Sv39() => Check<RiscVFormat<Sv39>>(39);

    [Fact]
    public void Sv48() => Check<RiscVFormat<Sv48>>(48);

    [Fact]
    public void Sv57() => Check<RiscVFormat<Sv57>>(57);

    [Theory]
    [InlineData(47)]
    [InlineData(56)]
    public void With_one_bit_less_there_is_no_high_half(int inputBits)
    {
        using var table = new TableSetup<X86Format>("", inputBits, 52).Make();
        table.LastOffset.ShouldBe((1ul << inputBits) - 1);
        Refuses(table, table.LastOffset + 1, 0x1000);
        Refuses(table, ulong.MaxValue << inputBits, 0x1000);
        Refuses(table, ulong.MaxValue - 0xfff, 0x1000);
        table.Map(table.LastOffset - 0xfff, 0, 0x1000).ShouldBe(default);
        table.TryFindNext(0, ulong.MaxValue, out ulong found).ShouldBeTrue();
        found.ShouldBe(table.LastOffset - 0xfff);
    }

    private static void Check<TFormat>(int inputBits)
        where TFormat : struct, IPageTableFormat
    {
        using var table = new TableSetup<TFormat>("", inputBits, 52).Make();
        ulong end = 1ul << (inputBits - 1);
        ulong high = 0 - end;
        foreach (var (iova, size) in ((ulong, ulong)[])
            [
                (end - 0x1000, 0x2000), (end, 0x1000), (high - 0x1000, 0x1000), (high - 0x1000, 0x2000), (1ul << 62, 0x1000),
                (end - 0x1000, high - end + 0x2000), (0, ~0xffful),
            ])
        {
            Refuses(table, iova, size);
        }

        table.Map(end - 0x1000, 0x5000, 0x1000).ShouldBe(default);
        table.Map(high, 0x6000, 0x1000).ShouldBe(default);
        table.ShouldTranslate(end - 1, 0x5fff);
        table.ShouldTranslate(high, 0x6000);
        foreach (ulong iova in (ulong[])[end, high - 1, 1ul << 62, end << 1, (end << 1) - 1])
        {
            table.ShouldNotTranslate(iova);
            table.TryFind(iova, out _).ShouldBeFalse();
        }

        table.TryFindNext(0, ulong.MaxValue, out ulong found).ShouldBeTrue();
        found.ShouldBe(end - 0x1000);
        foreach (ulong from in (ulong[])[end, end + 1, high - 1, high])
        {
            table.TryFindNext(from, ulong.MaxValue, out found).ShouldBeTrue();
            found.ShouldBe(high);
        }

        table.TryFindNext(end, high - 1, out _).ShouldBeFalse();
        table.TryFindNext(high + 0x1000, ulong.MaxValue, out _).ShouldBeFalse();
        table.Unmap(end - 0x1000, 0x1000).ShouldBe(0x1000ul);
        table.ShouldTranslate(high, 0x6000);
    }

    private static void Refuses(TestTable table, ulong iova, ulong size) => table.ShouldNotChange(() =>
    {
        table.Map(iova, 0, size).ShouldBe(IommuError.ERANGE);
        table.TryUnmap(iova, size, out ulong unmapped).ShouldBe(IommuError.ERANGE);
        unmapped.ShouldBe(0ul);
    });
}
