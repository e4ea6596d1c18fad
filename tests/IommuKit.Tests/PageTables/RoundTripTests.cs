using IommuKit.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>Pages of each size go in and out, as in the kernel's generic_pt tests.</summary>
public class RoundTripTests
{
    private const ulong SomeAddress = 0x74a7_1445_dead_beef;

    [Theory, EveryFormat]
    public void Each_page_size_holds_every_address(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (int log2 in table.Sizes)
        {
            ulong size = 1ul << log2;
            ulong iova = table.Base | size;
            foreach (ulong wanted in (ulong[])[SomeAddress, 0, ulong.MaxValue])
            {
                ulong address = table.AddressFor(wanted, log2);
                table.Map(iova, address, size).ShouldBe(default);
                table.TryFind(iova + (size - 1), out var mapping).ShouldBeTrue();
                mapping.ShouldBe(new PageMapping(address + (size - 1), log2, TestTable.ReadWrite));
                table.ShouldTranslate(iova, address);
                table.ShouldTranslate(iova + (size / 2) + 42, address + (size / 2) + 42);
                table.ShouldNotTranslate(iova - 1);
                table.ShouldNotTranslate(iova + size);
                table.Unmap(iova, size).ShouldBe(size);
                table.ShouldNotTranslate(iova);
                table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
            }

            table.Log.Clear();
        }

        table.ShouldLeaveNothing();
    }

    [Theory, EveryFormat]
    public void Each_page_size_goes_where_the_IOVAs_end(string format)
    {
        using var table = TableSetups.Make(format);
        foreach (int log2 in table.Sizes)
        {
            ulong size = 1ul << log2;
            ulong iova = table.Last - (size - 1);
            ulong address = table.AddressFor(ulong.MaxValue, log2);
            table.Map(iova, address, size).ShouldBe(default);
            table.ShouldTranslate(table.Last, address + (size - 1));
            table.ShouldNotTranslate(iova - 1);
            table.TryFindNext(table.Base, ulong.MaxValue, out ulong found).ShouldBeTrue();
            found.ShouldBe(iova);
            table.Unmap(iova, size).ShouldBe(size);
            table.ShouldNotTranslate(table.Last);
            table.Log.Clear();
        }

        table.ShouldLeaveNothing();
    }

    [Theory, EveryFormat]
    public void All_page_sizes_fit_beside_each_other(string format)
    {
        using var table = TableSetups.Make(format);
        var mapped = new List<(ulong Iova, int Log2)>();
        ulong offset = 256 * table.Granule;
        foreach (int log2 in table.Sizes)
        {
            ulong size = 1ul << log2;
            offset = (offset + size - 1) & ~(size - 1);
            if (offset > table.LastOffset)
            {
                break;
            }

            table.Map(table.Base | offset, table.AddressFor(SomeAddress, log2), size).ShouldBe(default);
            mapped.Add((table.Base | offset, log2));
            offset += size;
        }

        ulong next = table.Base;
        foreach (var (iova, log2) in mapped)
        {
            table.TryFindNext(next, table.Last, out ulong found).ShouldBeTrue();
            found.ShouldBe(iova);
            table.TryFind(iova, out var mapping).ShouldBeTrue();
            mapping.PageLog2.ShouldBe(log2);
            next = iova + (1ul << log2);
        }

        table.TryFindNext(next, table.Last, out _).ShouldBeFalse();
        foreach (var (iova, log2) in mapped)
        {
            table.Unmap(iova, 1ul << log2).ShouldBe(1ul << log2);
        }

        table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
        table.ShouldLeaveNothing();
    }
}
