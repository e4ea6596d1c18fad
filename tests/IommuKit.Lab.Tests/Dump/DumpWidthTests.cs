using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Dump;

/// <summary>What a dump shows is what was mapped, in every format at every width that it has.</summary>
public class DumpWidthTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    // The widths at which IOVAs have a sign: those that use every bit of a root, of four or five levels on x86-64.
    private static readonly Dictionary<string, int[]> Signed = new(StringComparer.Ordinal)
    {
        ["x86-64"] = [48, 57],
        ["riscv-sv39"] = [39],
        ["riscv-sv48"] = [48],
        ["riscv-sv57"] = [57],
    };

    public static TheoryData<string> Names => [.. FormatCatalog.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_dump_shows_what_was_mapped_at_both_ends_and_across_the_middle(string name)
    {
        var kind = FormatCatalog.Find(name)!;
        int[] signed = Signed.GetValueOrDefault(name, []);
        int widths = 0;
        for (int bits = 1; bits <= 64; bits++)
        {
            // Two pages fit into each half and into memory.
            int largest = Math.Min(bits, kind.OutputBits) - 2;
            ulong[] sizes = [.. Enumerable.Range(0, Math.Max(0, largest)).Select(bit => 1ul << bit).Where(size => (kind.PageSizes & size) != 0)];
            if (sizes.Length == 0 || !kind.Accept(new HasRoot(bits)))
            {
                continue;
            }

            widths++;
            foreach (ulong page in (ulong[])[sizes[0], sizes[^1]])
            {
                Check(kind, bits, page, signed.Contains(bits));
            }
        }

        widths.ShouldBeGreaterThan(3);
        signed.ShouldAllBe(bits => kind.Accept(new HasRoot(bits)));
    }

    private static void Check(FormatKind kind, int bits, ulong page, bool isSigned)
    {
        ulong half = 1ul << (bits - 1);
        ulong last = isSigned ? ulong.MaxValue : ulong.MaxValue >> (64 - bits);
        ulong memory = (1ul << kind.OutputBits) - (4 * page);

        // A page at both ends; in the middle two that touch, or that the gap keeps apart.
        (ulong Iova, ulong Address)[] pages =
        [
            (0, memory),
            (half - page, memory),
            (isSigned ? 0 - half : half, memory + page),
            (last - (page - 1), memory),
        ];
        var maps = pages.DistinctBy(map => map.Iova).ToList();
        string where = $"{kind.Name} with IOVAs of {bits} bits and pages of {ByteSize.Format(page)}";
        var dump = Dumper.Run(new DumpOptions
        {
            Format = kind,
            InputBits = bits,
            Maps = [.. maps.Select(map => new DumpMap("a map", map.Iova, map.Address, page, ReadWrite))],
        });

        var shown = dump.Root.Ranges.ToList();
        Joined(shown.Select(range => (range.Iova, range.PhysicalAddress, range.Bytes)))
            .ShouldBe(Joined(maps.Select(map => (map.Iova, map.Address, page))), where);
        dump.BytesMapped.ShouldBe(page * (ulong)maps.Count, where);

        // Only what lies in different tables is kept apart.
        foreach (var table in dump.Root.Tables)
        {
            var ranges = table.Items.OfType<DumpRange>().ToList();
            ranges.Zip(ranges.Skip(1)).ShouldAllBe(
                pair => pair.First.LastIova + 1 != pair.Second.Iova
                    || pair.First.LastPhysicalAddress + 1 != pair.Second.PhysicalAddress
                    || pair.First.PageLog2 != pair.Second.PageLog2,
                where);
            table.Items.ShouldAllBe(item => table == dump.Root || (item.Iova >= table.Iova && item.LastIova <= table.LastIova), where);
        }
    }

    private static List<(ulong Iova, ulong Address, ulong Bytes)> Joined(IEnumerable<(ulong Iova, ulong Address, ulong Bytes)> ranges)
    {
        var joined = new List<(ulong Iova, ulong Address, ulong Bytes)>();
        foreach (var range in ranges.OrderBy(range => range.Iova))
        {
            if (joined.Count != 0 && joined[^1] is var before
                && before.Bytes == range.Iova - before.Iova
                && before.Bytes == range.Address - before.Address)
            {
                joined[^1] = before with { Bytes = before.Bytes + range.Bytes };
            }
            else
            {
                joined.Add(range);
            }
        }

        return joined;
    }

    private sealed class HasRoot(int bits) : IFormatVisitor<bool>
    {
        public bool Visit<TFormat>(FormatKind kind)
            where TFormat : struct, IPageTableFormat => TFormat.TryGetRoot(bits, out int level, out _) && level > 0;
    }
}
