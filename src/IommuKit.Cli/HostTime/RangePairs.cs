using System.Runtime.CompilerServices;
using IommuKit.Lab.Formats;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Each slot is one range that is mapped to contiguous memory by one call.</summary>
/// <param name="table">The page table.</param>
/// <param name="sink">Receives the footprints.</param>
/// <param name="iovas">Where the slots start.</param>
/// <param name="unmapSize">Bytes that one unmap takes.</param>
/// <param name="range">What every slot is mapped to.</param>
/// <param name="pageLog2">Log2 of the size of the pages that this takes.</param>
/// <typeparam name="TFormat">The format.</typeparam>
internal sealed class RangePairs<TFormat>(
    PageTable<TFormat> table, CountingSink sink, ulong[] iovas, ulong unmapSize, PhysicalRange range, int pageLog2)
    : EnginePairs<TFormat>(table, sink, iovas, unmapSize)
    where TFormat : struct, IPageTableFormat
{
    public override IReadOnlyList<PhysicalRange> Ranges => [range];

    protected override IEnumerable<(ulong Offset, ulong PhysicalAddress)> Pages
    {
        get
        {
            for (ulong offset = 0; offset < range.Length; offset += 1ul << pageLog2)
            {
                yield return (offset, range.Address + offset);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Map(PageTable<TFormat> table, ulong[] iovas, ref CountingSink sink)
    {
        int errors = 0;
        ulong address = range.Address;
        ulong size = range.Length;
        foreach (ulong iova in iovas)
        {
            errors |= (int)table.Map(iova, address, size, ReadWrite, ref sink);
        }

        Check(errors == 0);
    }
}
