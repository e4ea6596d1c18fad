using System.Runtime.CompilerServices;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Look-ups of the engine, of IOVAs in a range that is mapped to contiguous memory.</summary>
/// <param name="table">The page table, with the range mapped.</param>
/// <param name="iova">First IOVA of the range, a multiple of its size.</param>
/// <param name="range">What it is mapped to, of a size that is a power of two.</param>
/// <param name="order">Which IOVA comes next.</param>
/// <typeparam name="TFormat">The format.</typeparam>
internal sealed class LookUpLoop<TFormat>(PageTable<TFormat> table, ulong iova, PhysicalRange range, LookUpOrder order) : LoopWork
    where TFormat : struct, IPageTableFormat
{
    // Knuth's generator of 64 bits; its high bits are good.
    private const ulong Factor = 6364136223846793005;
    private const ulong Term = 1442695040888963407;
    private const int Shift = 20;

    /// <summary>First IOVA of the range.</summary>
    public ulong Iova => iova;

    /// <summary>What it is mapped to.</summary>
    public PhysicalRange Range => range;

    /// <summary>Which IOVA comes next.</summary>
    public LookUpOrder Order => order;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Run(int count)
    {
        ulong wrong = order switch
        {
            LookUpOrder.Sequential => Sequential(count),
            LookUpOrder.Random => Random(count),
            _ => Dependent(count),
        };
        if (wrong != 0)
        {
            throw new InvalidOperationException("A look-up found something else than what is mapped.");
        }
    }

    private ulong Sequential(int count)
    {
        ulong wrong = 0;
        ulong offset = 0;
        ulong mask = range.Length - 1;
        ulong step = 1ul << TFormat.EntryShift(0);
        for (int i = 0; i < count; i++)
        {
            table.TryTranslate(iova + offset, out ulong physicalAddress);
            wrong |= physicalAddress ^ (range.Address + offset);
            offset = (offset + step) & mask;
        }

        return wrong;
    }

    private ulong Random(int count)
    {
        ulong wrong = 0;
        ulong state = 1;
        ulong mask = range.Length - 1;
        for (int i = 0; i < count; i++)
        {
            state = (state * Factor) + Term;
            ulong offset = (state >> Shift) & mask;
            table.TryTranslate(iova + offset, out ulong physicalAddress);
            wrong |= physicalAddress ^ (range.Address + offset);
        }

        return wrong;
    }

    /// <summary>The next IOVA depends on what was found, so that no two look-ups overlap.</summary>
    private ulong Dependent(int count)
    {
        ulong wrong = 0;
        ulong state = 1;
        ulong mask = range.Length - 1;
        for (int i = 0; i < count; i++)
        {
            ulong offset = (state >> Shift) & mask;
            table.TryTranslate(iova + offset, out ulong physicalAddress);
            ulong difference = physicalAddress ^ (range.Address + offset);
            wrong |= difference;
            state = ((state + difference) * Factor) + Term;
        }

        return wrong;
    }
}
