using System.Buffers.Binary;
using IommuKit.Lab.Dump;
using IommuKit.Lab.Formats;
using IommuKit.Lab.Iommus;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Dump;

/// <summary>Page tables in dumps of memory. Those here are x86-64, four levels at 0x1000, 0x2000, 0x3000 and 0x4000.</summary>
public sealed class ForeignDumpTests : IDisposable
{
    private const int Page = 4096;

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;
    private readonly byte[] _memory = new byte[8 * Page];

    public ForeignDumpTests()
    {
        Put(0x1000, 0, 0x2007);
        Put(0x2000, 0, 0x3007);
        Put(0x3000, 0, 0x4007);
        Put(0x4000, 1, 0x1234_5007);
        Put(0x4000, 2, 0x1234_6007);
        Put(0x4000, 4, 0x1234_6007);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Raw_memory()
    {
        var dump = Run(Write("raw", _memory));

        dump.Dump.Root.Ranges.Select(range => (range.Iova, range.LastIova, range.PhysicalAddress)).ShouldBe(
            [(0x1000, 0x2fff, 0x1234_5000), (0x4000, 0x4fff, 0x1234_6000)]);
        dump.Dump.Tables.ShouldBe(4);
        (dump.ProblemCount, dump.IsCut).ShouldBe((0, false));
    }

    [Fact]
    public void Pieces_with_holes_between()
    {
        string low = Write("low", _memory[(1 * Page)..(2 * Page)]);
        string high = Write("high@home", _memory[(2 * Page)..(5 * Page)]);

        var dump = Run($"{low}@1000", $"{high}@0x2000");

        dump.Dump.BytesMapped.ShouldBe(3ul * Page);
        var holed = Run($"{low}@1000");
        holed.Problems.Single().ShouldBe(new DumpProblem(0, 3, 0x1000, 0x2007, WalkEnd.NotReadable));
    }

    [Fact]
    public void An_elf_core()
    {
        string core = Write("core", Elf([(0x10_0000, _memory[..Page]), (0x1000, _memory[Page..])]));

        Run(core).Dump.BytesMapped.ShouldBe(3ul * Page);
    }

    [Fact]
    public void What_a_core_that_was_cut_off_still_has_is_read()
    {
        byte[] core = Elf([(0x1000, _memory[Page..])]);

        var dump = Run(Write("core", core[..^(3 * Page)]));

        dump.Dump.BytesMapped.ShouldBe(3ul * Page);
        Run(Write("shorter", core[..^((3 * Page) + (Page / 2))])).Dump.BytesMapped.ShouldBe(3ul * Page);
        Run(Write("shortest", core[..^(4 * Page)])).Problems.Single().End.ShouldBe(WalkEnd.NotReadable);
    }

    [Fact]
    public void A_page_that_is_in_two_pieces_is_whole()
    {
        string core = Write("core", Elf([(0x1000, _memory[Page..0x4010]), (0x4010, _memory[0x4010..])]));

        Run(core).Dump.BytesMapped.ShouldBe(3ul * Page);
    }

    [Fact]
    public void A_table_that_is_less_than_a_page_may_be_the_last_of_a_file()
    {
        var memory = new byte[(4 * Page) + 1024];
        BinaryPrimitives.WriteUInt32LittleEndian(memory, (4 * Page) | 1);
        BinaryPrimitives.WriteUInt32LittleEndian(memory.AsSpan(4 * Page), 0x9032);

        var dump = ForeignDump.Run(FormatCatalog.Find("arm-v7s")!, [Write("raw", memory)], 0, null, null);

        dump.ProblemCount.ShouldBe(0);
        dump.Dump.BytesMapped.ShouldBe((ulong)Page);
    }

    [Fact]
    public void Tables_of_the_high_half_end_in_it()
    {
        Put(0x1000, 511, 0x2007);

        var tables = Run(Write("raw", _memory)).Dump.Root.Items.OfType<DumpTable>().ToList();

        tables.Select(table => (table.Iova, table.LastIova)).ShouldBe(
            [(0, 0x7f_ffff_ffff), (0xffff_ff80_0000_0000, ulong.MaxValue)]);
        tables[1].Items.OfType<DumpTable>().Single().LastIova.ShouldBe(0xffff_ff80_3fff_fffful);
    }

    [Fact]
    public void Rights_are_those_of_the_whole_way()
    {
        Put(0x2000, 0, 0x3005);

        Run(Write("raw", _memory)).Dump.Root.Ranges.First().Protection.ShouldBe(Protection.Read);
    }

    [Fact]
    public void One_IOVA_is_walked_with_the_rights_of_the_way()
    {
        Put(0x2000, 0, 0x3005);
        string raw = Write("raw", _memory);

        var walk = ForeignDump.Run(Kind, [raw], 0x1000, null, null, walk: 0x1abc).Dump.Walk!;
        walk.Steps.Select(step => step.Step.EntryAddress).ShouldBe([0x1000ul, 0x2000, 0x3000, 0x4008]);
        walk.PhysicalAddress.ShouldBe(0x1234_5abcul);
        walk.Last.Rights.ShouldBe(Protection.Read);

        var holed = ForeignDump.Run(Kind, [$"{Write("low", _memory[Page..(2 * Page)])}@1000"], 0x1000, null, null, walk: 0x1abc).Dump.Walk!;
        (holed.Last.Step.End, holed.PhysicalAddress).ShouldBe((WalkEnd.NotReadable, null));
        Should.Throw<InputException>(() => ForeignDump.Run(Kind, [raw], 0x1000, null, null, walk: 1ul << 60)).Message.ShouldContain("--walk");
    }

    [Fact]
    public void What_is_illegal_is_named()
    {
        Put(0x1000, 1, 0x87);
        Put(0x3000, 3, 0x4020_2087);
        Put(0x4000, 5, (1ul << 51) | 7);
        Put(0x3000, 4, 0xff_0007);

        var dump = Run(Write("raw", _memory));

        dump.ProblemCount.ShouldBe(4);
        dump.Problems.Select(problem => (problem.Iova, problem.Level, problem.End)).ShouldBe(
        [
            (0x5000ul, 0, WalkEnd.Reserved),
            (0x60_0000ul, 1, WalkEnd.Reserved),
            (0x80_0000ul, 1, WalkEnd.NotReadable),
            (0x80_0000_0000ul, 3, WalkEnd.Reserved),
        ]);
    }

    [Fact]
    public void Tables_that_point_to_one_another_end()
    {
        for (int index = 0; index < 512; index++)
        {
            Put(0x1000, index, 0x2007);
            Put(0x2000, index, 0x3007);
            Put(0x3000, index, 0x4007);
        }

        ForeignDump.Run(Kind, [Write("raw", _memory)], 0x1000, null, null, walk: null, new ForeignDump.Limits(1000, long.MaxValue)).IsCut.ShouldBeTrue();
    }

    [Theory]
    [InlineData(new byte[0], "it is empty")]
    [InlineData(new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 0, 0 }, "ends within its headers")]
    [InlineData(new byte[] { (byte)'K', (byte)'D', (byte)'U', (byte)'M', (byte)'P', 32, 32, 32, 0 }, "compressed dump of makedumpfile")]
    public void Files_that_cannot_be_used_are_refused(byte[] content, string why) =>
        Should.Throw<InputException>(() => Run(Write("bad", content))).Message.ShouldContain(why);

    [Fact]
    public void Headers_that_lie_are_refused()
    {
        byte[] core = Elf([(0x1000, _memory)]);
        BinaryPrimitives.WriteUInt64LittleEndian(core.AsSpan(64 + 8), ulong.MaxValue - 8);
        Should.Throw<InputException>(() => Run(Write("core", core))).Message.ShouldContain("--root: 0x1000 is in none of the files");

        core = Elf([(0x1000, _memory)]);
        core[16] = 2;
        Should.Throw<InputException>(() => Run(Write("core", core))).Message.ShouldContain("no core");

        core = Elf([(0x1000, _memory)]);
        BinaryPrimitives.WriteUInt16LittleEndian(core.AsSpan(56), ushort.MaxValue);
        Should.Throw<InputException>(() => Run(Write("core", core))).Message.ShouldContain("too many");

        core = Elf([(0x1000, _memory)]);
        BinaryPrimitives.WriteUInt64LittleEndian(core.AsSpan(32), ulong.MaxValue - 8);
        Should.Throw<InputException>(() => Run(Write("core", core))).Message.ShouldContain("ELF file");

        var random = new Random(1);
        for (int i = 0; i < 500; i++)
        {
            core = Elf([(0x1000, _memory)]);
            random.NextBytes(core.AsSpan(random.Next(4, 120), random.Next(1, 16)));
            try
            {
                Run(Write("core", core));
            }
            catch (InputException)
            {
                // Refused, with a reason.
            }
        }
    }

    [Fact]
    public void A_root_or_a_width_that_does_not_exist_is_refused()
    {
        string raw = Write("raw", _memory);
        Should.Throw<InputException>(() => ForeignDump.Run(Kind, [raw], 0x10_0000, null, null)).Message.ShouldContain("is in none of the files");
        Should.Throw<InputException>(() => ForeignDump.Run(Kind, [raw], 0x1000, 60, null)).Message.ShouldContain("60");
        Should.Throw<InputException>(() => ForeignDump.Run(Kind, [$"{raw}@12"], 0x1000, null, null)).Message.ShouldContain("no hexadecimal address of a page");
        Should.Throw<InputException>(() => ForeignDump.Run(Kind, [raw + "x"], 0x1000, null, null));
    }

    private static FormatKind Kind => FormatCatalog.Find("x86-64")!;

    private static ForeignDumpResult Run(params string[] files) => ForeignDump.Run(Kind, files, 0x1000, null, null);

    private static byte[] Elf(IReadOnlyList<(ulong Address, byte[] Bytes)> segments)
    {
        var header = new byte[64 + (56 * segments.Count)];
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(header);
        header[16] = 4;
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(32), 64);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(54), 56);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(56), (ushort)segments.Count);
        int offset = header.Length;
        for (int index = 0; index < segments.Count; index++)
        {
            var segment = header.AsSpan(64 + (56 * index));
            BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[8..], (ulong)offset);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], segments[index].Address);
            BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)segments[index].Bytes.Length);
            offset += segments[index].Bytes.Length;
        }

        return [.. header, .. segments.SelectMany(segment => segment.Bytes)];
    }

    private void Put(int table, int index, ulong entry) => BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan(table + (index * 8)), entry);

    private string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
