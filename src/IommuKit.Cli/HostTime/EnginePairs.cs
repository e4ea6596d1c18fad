using System.Runtime.CompilerServices;
using IommuKit.Lab.Formats;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Cli.HostTime;

/// <summary>Maps and unmaps of the engine alone.</summary>
/// <param name="table">The page table.</param>
/// <param name="sink">Receives the footprints.</param>
/// <param name="iovas">Where the slots start.</param>
/// <param name="unmapSize">Bytes that one unmap takes; at least what one map maps, more to take tables with it.</param>
/// <typeparam name="TFormat">The format.</typeparam>
internal abstract class EnginePairs<TFormat>(PageTable<TFormat> table, CountingSink sink, ulong[] iovas, ulong unmapSize) : PairWork
    where TFormat : struct, IPageTableFormat
{
    protected const Protection ReadWrite = Protection.Read | Protection.Write;

    private CountingSink _sink = sink;

    public sealed override int Slots => iovas.Length;

    /// <summary>Where the slots start.</summary>
    public IReadOnlyList<ulong> Iovas => iovas;

    /// <summary>Bytes that one unmap takes.</summary>
    public ulong UnmapSize => unmapSize;

    /// <summary>What every slot is mapped to.</summary>
    public abstract IReadOnlyList<PhysicalRange> Ranges { get; }

    /// <summary>The pages of one slot: offset from its start, and physical address.</summary>
    protected abstract IEnumerable<(ulong Offset, ulong PhysicalAddress)> Pages { get; }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public sealed override void Map()
    {
        // A copy of its own: sinks of several threads would share cache lines.
        var local = _sink;
        Map(table, iovas, ref local);
        _sink = local;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public sealed override void Unmap()
    {
        var local = _sink;
        ulong missing = 0;
        foreach (ulong iova in iovas)
        {
            missing |= table.Unmap(iova, unmapSize, ref local) ^ unmapSize;
            local.FreeUnlinked();
        }

        _sink = local;
        Check(missing == 0);
    }

    public sealed override void Verify(bool isMapped)
    {
        foreach (ulong iova in iovas)
        {
            foreach (var (offset, expected) in Pages)
            {
                bool isFound = table.TryTranslate(iova + offset, out ulong physicalAddress);
                Check(isFound == isMapped && (!isFound || physicalAddress == expected));
            }
        }
    }

    /// <summary>Maps every slot.</summary>
    protected abstract void Map(PageTable<TFormat> table, ulong[] iovas, ref CountingSink sink);
}
