using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>The errors that maps and unmaps document; with each, nothing changes.</summary>
public class ErrorTests
{
    [Theory, EveryFormat]
    public void Misaligned_and_empty_ranges(string format)
    {
        using var table = MakeUsed(format);
        ulong page = table.Granule;
        ulong start = table.Base + (8 * page);
        foreach (var (iova, address, size) in ((ulong, ulong, ulong)[])
            [
                (start + (page / 2), 0, page),
                (start, page / 2, page),
                (start, page, page / 2),
                (start, page, page + 1),
                (start, page, 0),
                (start, 0, 0),
            ])
        {
            Refuses(table, iova, address, size, IommuError.EINVAL);
        }

        foreach (var (iova, size) in ((ulong, ulong)[])[(start + 1, page), (start, page / 2), (start, 0)])
        {
            RefusesUnmap(table, iova, size, IommuError.EINVAL);
        }
    }

    [Theory, EveryFormat]
    public void No_rights(string format)
    {
        using var table = MakeUsed(format);
        ulong start = table.Base + (8 * table.Granule);
        foreach (var protection in (Protection[])[Protection.None, Protection.Cache, Protection.NoExecute | Protection.Mmio])
        {
            if (table.StoresNoAccess)
            {
                table.Map(start, 0, table.Granule, protection).ShouldBe(default);
                table.Map(start, 0, table.Granule, protection).ShouldBe(IommuError.EEXIST);
                table.Unmap(start, table.Granule).ShouldBe(table.Granule);
            }
            else
            {
                Refuses(table, start, 0, table.Granule, IommuError.EINVAL, protection);
            }
        }
    }

    [Theory, EveryFormat]
    public void Addresses_beyond_the_output_width(string format)
    {
        using var table = MakeUsed(format);
        ulong page = table.Granule;
        ulong start = table.Base + (8 * page);
        Refuses(table, start, table.LastAddress + 1, page, IommuError.ERANGE);
        Refuses(table, start, table.LastAddress - (page - 1), 2 * page, IommuError.ERANGE);
        Refuses(table, start, 1ul << 63, page, IommuError.ERANGE);
        Refuses(table, start, ulong.MaxValue - (page - 1), 2 * page, IommuError.EOVERFLOW);
    }

    [Theory, EveryFormat]
    public void IOVAs_beyond_the_input_width(string format)
    {
        using var table = MakeUsed(format);
        ulong page = table.Granule;
        bool isLast = table.Last == ulong.MaxValue;
        var beyond = isLast ? IommuError.EOVERFLOW : IommuError.ERANGE;
        Refuses(table, table.Last - (page - 1), 0, 2 * page, beyond);
        RefusesUnmap(table, table.Last - (page - 1), 2 * page, beyond);
        if (!isLast)
        {
            Refuses(table, table.Last + 1, 0, page, IommuError.ERANGE);
            RefusesUnmap(table, table.Last + 1, page, IommuError.ERANGE);
            table.ShouldNotTranslate(table.Last + 1);
        }
    }

    [Theory, EveryFormat]
    public void Ranges_that_wrap_around(string format)
    {
        using var table = MakeUsed(format);
        ulong page = table.Granule;
        Refuses(table, ulong.MaxValue - (page - 1), 0, 2 * page, IommuError.EOVERFLOW);
        Refuses(table, 0, ulong.MaxValue - (page - 1), 2 * page, IommuError.EOVERFLOW);
        RefusesUnmap(table, ulong.MaxValue - (page - 1), 2 * page, IommuError.EOVERFLOW);
    }

    [Theory, EveryFormat]
    public void Nothing_is_mapped_over(string format)
    {
        foreach (bool isPageByPage in (bool[])[false, true])
        {
            using var table = TableSetups.Make(format);
            table.IsPageByPage = isPageByPage;
            foreach (int log2 in table.Sizes.Where(log2 => log2 <= 30))
            {
                ulong page = table.Granule;
                ulong size = 1ul << log2;
                ulong iova = table.Base | size;
                table.Map(iova, 0, size).ShouldBe(default);
                Refuses(table, iova, size, size, IommuError.EEXIST);
                Refuses(table, iova + (size - page), 0, page, IommuError.EEXIST);
                Refuses(table, iova - page, 0, 2 * page, IommuError.EEXIST);
                Refuses(table, iova + (size - page), 0, 2 * page, IommuError.EEXIST);
                Refuses(table, table.Base, 0, 2 * size, IommuError.EEXIST);
                table.Unmap(iova, size).ShouldBe(size);
            }
        }
    }

    private static TestTable MakeUsed(string format)
    {
        var table = TableSetups.Make(format);
        table.Map(table.Base + (2 * table.Granule), table.Granule, table.Granule).ShouldBe(default);
        table.Map(table.Last - (table.Granule - 1), table.Granule, table.Granule).ShouldBe(default);
        table.Unmap(table.Last - (table.Granule - 1), table.Granule).ShouldBe(table.Granule);
        return table;
    }

    private static void Refuses(
        TestTable table, ulong iova, ulong address, ulong size, IommuError error, Protection protection = TestTable.ReadWrite)
    {
        table.ShouldNotChange(() => table.Map(iova, address, size, protection).ShouldBe(error));
        table.ShouldNotChange(() => table.MapList(iova, [new(address, size), default], out _, protection).ShouldBe(error));
    }

    private static void RefusesUnmap(TestTable table, ulong iova, ulong size, IommuError error) => table.ShouldNotChange(() =>
    {
        table.TryUnmap(iova, size, out ulong unmapped).ShouldBe(error);
        unmapped.ShouldBe(0ul);
    });
}
