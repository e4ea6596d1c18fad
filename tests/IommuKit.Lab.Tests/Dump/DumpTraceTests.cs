using System.Globalization;
using IommuKit.Lab.Dump;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Replay;

namespace IommuKit.Lab.Tests.Dump;

/// <summary>A dump of a trace has every page that the trace leaves mapped, whatever pages the format made of it.</summary>
public sealed class DumpTraceTests : IDisposable
{
    private const ulong Start = 0x4000_0000;
    private const int Window = 3072;

    private readonly string _path = Path.GetTempFileName();

    public static TheoryData<string> Names => [.. FormatCatalog.All.Select(kind => kind.Name)];

    public void Dispose() => File.Delete(_path);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_dump_has_what_maps_and_unmaps_of_any_part_leave(string name)
    {
        var kind = FormatCatalog.Find(name)!;
        ulong page = kind.PageSizes & (~kind.PageSizes + 1);
        var random = new Random(5);
        for (int round = 0; round < 3; round++)
        {
            var mapped = new SortedDictionary<int, int>();
            var lines = new List<string>();
            for (int step = 0; step < 60; step++)
            {
                // Whole tables, parts of them, single pages; unmaps over holes.
                int first = random.Next(Window) & (random.Next(2) == 0 ? -512 : -1);
                int count = Math.Min(Window - first, random.Next(3) switch { 0 => 1024, 1 => random.Next(1, 600), _ => 1 });
                bool isMap = random.Next(2) == 0;
                if (isMap && Enumerable.Range(first, count).Any(mapped.ContainsKey))
                {
                    continue;
                }

                foreach (int index in Enumerable.Range(first, count))
                {
                    _ = isMap ? mapped.TryAdd(index, index) : mapped.Remove(index);
                }

                lines.Add(Line(isMap, first, count, page));
            }

            File.WriteAllLines(_path, lines);
            var dump = Dumper.Run(new DumpOptions { Format = kind, Trace = _path });
            dump.Root.Ranges.SelectMany(range => Pages(range, page)).ShouldBe(mapped.Keys);
            dump.Root.Ranges.ShouldAllBe(range => range.PhysicalAddress == range.Iova);
            dump.Trace!.LiveBytes.ShouldBe((ulong)mapped.Count * page);
            dump.Trace.Skipped.ShouldAllBe(skipped => skipped.Reason == SkipReason.NotMapped);

            // An empty table is gone.
            dump.Root.Tables.Skip(1).ShouldAllBe(table => table.EntriesUsed != 0);
        }
    }

    private static IEnumerable<int> Pages(DumpRange range, ulong page) =>
        Enumerable.Range((int)((range.Iova - Start) / page), (int)(range.Bytes / page));

    private static string Line(bool isMap, int first, int count, ulong page)
    {
        ulong iova = Start + ((ulong)first * page);
        ulong size = (ulong)count * page;
        string range = string.Create(CultureInfo.InvariantCulture, $"IOMMU: iova=0x{iova:x16} - 0x{iova + size:x16}");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"a-1 [000] 1.0: {(isMap ? $"map: {range} paddr=0x{iova:x16} size={size}" : $"unmap: {range} size={size} unmapped_size={size}")}");
    }
}
