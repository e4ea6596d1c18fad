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

    /// <summary>Lists of single pages, in order and not, take a way of their own, and none beside what they are mapped to.</summary>
    [Theory, EveryFormat]
    public void A_list_of_pages_is_mapped_as_its_pages_would_be(string format)
    {
        var random = new Random(9);
        using var table = TableSetups.Make(format);
        using var single = TableSetups.Make(format);
        ulong page = table.Granule;
        ulong iova = table.Base + (table.TableSpan - (8 * page));
        for (int round = 0; round < 30; round++)
        {
            table.IsPageByPage = round % 4 == 3;
            ulong next = 0;
            var list = Enumerable.Range(0, random.Next(2, 90))
                .Select(_ => new PhysicalRange(next = page * (random.Next(3) == 0 ? (ulong)random.Next(5000) : (next / page) + 1), page))
                .ToArray();
            if (round % 3 == 0)
            {
                list[random.Next(list.Length)] = new PhysicalRange(7 * page, 3 * page);
            }

            ulong size = 0;
            foreach (var range in list)
            {
                single.Map(iova + size, range.Address, range.Length).ShouldBe(default);
                size += range.Length;
            }

            table.MapList(iova, list, out ulong total).ShouldBe(default);
            total.ShouldBe(size);
            for (ulong at = 0; at <= size; at += page)
            {
                table.TryFind(iova + at, out var mapping).ShouldBe(single.TryFind(iova + at, out var expected));
                mapping.PhysicalAddress.ShouldBe(expected.PhysicalAddress);
            }

            table.Unmap(iova, size).ShouldBe(size);
            single.Unmap(iova, size).ShouldBe(size);
            table.Log.Clear();
            single.Log.Clear();
        }
    }

    /// <summary>The check of a list, against one that looks at every range by itself.</summary>
    [Fact]
    public void What_is_found_out_about_a_list_is_so()
    {
        const ulong page = 4096;
        const ulong last = (1ul << 40) - 1;
        var random = new Random(3);
        int longPieces = 0;
        int refused = 0;
        for (int round = 0; round < 20_000; round++)
        {
            ulong next = 0;
            bool isOrderly = random.Next(2) == 0;
            var list = Enumerable.Range(0, random.Next(1, 60))
                .Select(_ => new PhysicalRange(next = isOrderly && random.Next(30) != 0 ? next + page : page * (ulong)random.Next(1, 100_000), page))
                .ToArray();
            if (random.Next(3) == 0)
            {
                ref var odd = ref list[random.Next(list.Length)];
                odd = random.Next(5) switch
                {
                    0 => odd with { Address = odd.Address + 1 },
                    1 => odd with { Address = last + 1 },
                    2 => odd with { Length = 3 * page },
                    3 => odd with { Length = 0 },
                    _ => odd with { Address = last - page + 1 },
                };
            }

            ulong larger = random.Next(3) switch { 0 => 0, 1 => 8 * page, _ => 32 * page };
            var error = PhysicalRanges.Check(list, page - 1, last, larger, out var found);
            var (isRight, longest) = Expected(list);
            (error == IommuError.None).ShouldBe(isRight);
            refused += isRight ? 0 : 1;
            if (isRight)
            {
                found.Total.ShouldBe(list.Aggregate(0ul, (sum, range) => sum + range.Length));
                found.HasLongPiece.ShouldBe(larger != 0 && longest >= larger);
                found.AreWholeGranules.ShouldBe(list.All(range => range.Length == 0 || (range.Address | range.Length) % page == 0));
                longPieces += found.HasLongPiece ? 1 : 0;
            }
        }

        longPieces.ShouldBeGreaterThan(500);
        refused.ShouldBeGreaterThan(500);

        static (bool IsRight, ulong Longest) Expected(PhysicalRange[] list)
        {
            var pieces = new List<(ulong Start, ulong End)>();
            foreach (var range in list.Where(range => range.Length != 0))
            {
                if (range.Address + range.Length - 1 > last)
                {
                    return (false, 0);
                }

                if (pieces.Count > 0 && pieces[^1].End == range.Address)
                {
                    pieces[^1] = (pieces[^1].Start, range.Address + range.Length);
                }
                else
                {
                    pieces.Add((range.Address, range.Address + range.Length));
                }
            }

            bool isRight = pieces.Count > 0 && pieces.TrueForAll(piece => (piece.Start | piece.End) % page == 0);
            return (isRight, isRight ? pieces.Max(piece => piece.End - piece.Start) : 0);
        }
    }
}
