namespace IommuKit.Tests.PageTables;

public class LookUpTests
{
    [Theory, EveryFormat]
    public void An_empty_table_translates_nothing(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (ulong offset in (ulong[])[0, 42, (1ul << 30) + 42, (1ul << 31) + 42, table.LastOffset])
        {
            table.ShouldNotTranslate(table.Base | offset);
            table.TryFind(table.Base | offset, out _).ShouldBeFalse();
        }

        table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
    }

    [Theory, EveryFormat]
    public void The_next_mapping_is_found_from_before_it_and_inside_it(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (int log2 in table.Sizes)
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            table.Map(iova, 0, size).ShouldBe(default);
            foreach (ulong from in (ulong[])[table.Base, iova - 1, iova, iova + 42, iova + (size - 1)])
            {
                table.TryFindNext(from, table.Last, out ulong mapped).ShouldBeTrue();
                mapped.ShouldBe(Math.Max(from, iova));
            }

            table.TryFindNext(iova - 1, iova, out _).ShouldBeTrue();
            table.TryFindNext(table.Base, iova - 1, out _).ShouldBeFalse();
            table.TryFindNext(iova + size, table.Last, out _).ShouldBeFalse();
            table.Unmap(iova, size).ShouldBe(size);
        }
    }
}
