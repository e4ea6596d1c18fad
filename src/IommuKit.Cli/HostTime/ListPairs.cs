using System.Runtime.CompilerServices;
using IommuKit.Lab.Formats;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Each slot is a scatter list of single pages that is mapped by one call.</summary>
/// <param name="table">The page table.</param>
/// <param name="sink">Receives the footprints.</param>
/// <param name="iovas">Where the slots start.</param>
/// <param name="list">What every slot is mapped to: pages of one size.</param>
/// <typeparam name="TFormat">The format.</typeparam>
internal sealed class ListPairs<TFormat>(PageTable<TFormat> table, CountingSink sink, ulong[] iovas, PhysicalRange[] list)
    : EnginePairs<TFormat>(table, sink, iovas, list[0].Length * (ulong)list.Length)
    where TFormat : struct, IPageTableFormat
{
    public override IReadOnlyList<PhysicalRange> Ranges => list;

    protected override IEnumerable<(ulong Offset, ulong PhysicalAddress)> Pages =>
        list.Select((range, index) => ((ulong)index * range.Length, range.Address));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Map(PageTable<TFormat> table, ulong[] iovas, ref CountingSink sink)
    {
        int errors = 0;
        foreach (ulong iova in iovas)
        {
            errors |= (int)table.MapScatterGather(iova, list, ReadWrite, ref sink, out _);
        }

        Check(errors == 0);
    }
}
