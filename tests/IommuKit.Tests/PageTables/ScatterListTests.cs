using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

public class ScatterListTests
{
    [Theory, EveryFormat]
    public void Pieces_that_follow_each_other_are_one(string format)
    {
        using var table = TableSetups.Make(format);
        ulong page = table.Granule;
        int log2 = table.Sizes.Last(bit => bit <= 25);
        ulong size = 1ul << log2;
        ulong iova = table.Base | size;

        // Cut at places that are no page boundaries; only the pieces that do not follow each other need to be whole pages.
        PhysicalRange[] list = [new(size, 100), new(size + 100, page - 100), default, new(size + page, size - page), new(5 * size, page)];
        table.MapList(iova, list, out ulong total).ShouldBe(default);
        total.ShouldBe(size + page);
        table.TryFind(iova, out var mapping).ShouldBeTrue();
        mapping.PageLog2.ShouldBe(log2);
        table.ShouldTranslate(iova + size, 5 * size);

        list[^1] = new PhysicalRange((5 * size) + 512, page);
        table.ShouldNotChange(() => table.MapList(table.Base | (4 * size), list, out _).ShouldBe(IommuError.EINVAL));
        table.ShouldNotChange(() => table.MapList(table.Base | (4 * size), [], out _).ShouldBe(IommuError.EINVAL));
    }

    [Theory, EveryFormat]
    public void A_list_is_mapped_as_its_pieces_would_be(string format)
    {
        var random = new Random(5);
        using var table = TableSetups.Make(format);
        using var single = TableSetups.Make(format);
        ulong page = table.Granule;
        ulong iova = table.Base + (table.TableSpan - (8 * page));
        for (int round = 0; round < 20; round++)
        {
            table.IsPageByPage = round % 4 == 3;
            var list = Enumerable.Range(0, 12)
                .Select(i => new PhysicalRange(((ulong)i * 1000 * page) + (page * (ulong)random.Next(100)), page * (ulong)random.Next(0, 70)))
                .ToArray();
            ulong size = 0;
            foreach (var range in list.Where(range => range.Length != 0))
            {
                single.Map(iova + size, range.Address, range.Length).ShouldBe(default);
                size += range.Length;
            }

            table.MapList(iova, list, out ulong total).ShouldBe(default);
            total.ShouldBe(size);
            for (ulong at = 0; at <= size; at += page)
            {
                table.TryFind(iova + at, out var mapping).ShouldBe(single.TryFind(iova + at, out var expected));
                mapping.ShouldBe(expected);
            }

            table.Unmap(iova, size).ShouldBe(size);
            single.Unmap(iova, size).ShouldBe(size);
            table.Log.Clear();
            single.Log.Clear();
        }
    }
}
