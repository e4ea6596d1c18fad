using System.Buffers;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.PageTables;

/// <summary>A <see cref="TestTable"/> of one format.</summary>
internal sealed class TestTable<TFormat> : TestTable
    where TFormat : struct, IPageTableFormat
{
    private readonly PageTable<TFormat> _table;

    public TestTable(TableSetup setup)
        : base(setup, Log2(PageTable<TFormat>.TableBytes)) => _table = new PageTable<TFormat>(setup.Options, Allocator);

    public override ulong Root => _table.Root;

    public override int RootLevel => _table.RootLevel;

    public override ulong PageSizes => _table.SupportedPageSizes;

    public override ulong LastAddress => _table.LastPhysicalAddress;

    public override ulong LastOffset => _table.LastIova;

    public override int EntryLog2 => TFormat.EntrySizeLog2;

    public override bool StoresNoAccess => TFormat.StoresNoAccess;

    public override bool NeedsBreakBeforeMake => TFormat.NeedsBreakBeforeMake;

    public override ulong SoftwareBit => TFormat.SoftwareBit;

    public override int EntryShift(int level) => TFormat.EntryShift(level);

    public override IommuError Map(ulong iova, ulong address, ulong size, Protection protection = ReadWrite)
    {
        if (IsPageByPage)
        {
            var single = new PageByPageSink(Log);
            return _table.Map(iova, address, size, protection, ref single);
        }

        var sink = new RecordingSink(Log);
        return _table.Map(iova, address, size, protection, ref sink);
    }

    public override IommuError MapList(ulong iova, PhysicalRange[] list, out ulong size, Protection protection = ReadWrite)
    {
        if (IsPageByPage)
        {
            var single = new PageByPageSink(Log);
            return _table.MapScatterGather(iova, list, protection, ref single, out size);
        }

        var sink = new RecordingSink(Log);
        return _table.MapScatterGather(iova, list, protection, ref sink, out size);
    }

    public override IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped)
    {
        if (IsPageByPage)
        {
            var single = new PageByPageSink(Log);
            return _table.TryUnmap(iova, size, ref single, out unmapped);
        }

        var sink = new RecordingSink(Log);
        return _table.TryUnmap(iova, size, ref sink, out unmapped);
    }

    public override bool TryTranslate(ulong iova, out ulong address) => _table.TryTranslate(iova, out address);

    public override bool TryFind(ulong iova, out PageMapping mapping) => _table.TryFind(iova, out mapping);

    public override bool TryFindNext(ulong iova, ulong last, out ulong mapped) => _table.TryFindNext(iova, last, out mapped);

    public override void MarkVisible(in EntryRun run) => _table.MarkVisible(run);

    public override byte[] Dump()
    {
        var found = new ArrayBufferWriter<byte>();
        Dump(_table.Root, _table.RootLevel, (int)_table.RootBytes, found);
        return found.WrittenSpan.ToArray();
    }

    public override void DisposeTable() => _table.Dispose();

    private void Dump(ulong table, int level, int bytes, ArrayBufferWriter<byte> found)
    {
        found.Write(BitConverter.GetBytes(table));
        found.Write(Memory.CpuView.Span(table, bytes));
        for (ulong at = table; level != 0 && at < table + (ulong)bytes; at += 1ul << TFormat.EntrySizeLog2)
        {
            ulong entry = EntryAt(at);
            if (TFormat.IsTable(entry, level))
            {
                Dump(TFormat.TableAddress(entry), level - 1, (int)PageTable<TFormat>.TableBytes, found);
            }
        }
    }
}
