using System.Text.Json;
using IommuKit.Cli.HostTime;

namespace IommuKit.Cli.Tests;

/// <summary>The commands about page tables: <c>bench --format</c> and <c>dump</c>.</summary>
public sealed class PageTableCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Bench_of_a_format_compares_with_others_only_where_tables_have_the_same_shape()
    {
        string text = Succeed("bench", "--format", "arm-v7s", "--host-time", "--threads", "1");
        text.ShouldContain("arm-v7s: store limit");
        text.ShouldNotContain("measured on another machine");
        text.ShouldNotContain("Linux 6.1");
        text = Succeed("bench", "--format", "vtd-ss", "--host-time", "--threads", "1", "--markdown");
        text.ShouldContain("Linux 6.1 × fill*");
        text.ShouldContain("io-pgtable-arm, LPAE with 4K");
        text.ShouldContain(@"- \* measured on another machine");
        text.Contains("say nothing", StringComparison.Ordinal).ShouldBe(!FormatBenchRunner.IsOptimised);
    }

    // VA 0x40000000 has indices 0, 1, 0, 0. A page is 0x..e43, read-only 0x..ec3 (see ArmLpaeDescriptor), a cached block 0x..f45.
    [Fact]
    public void Dump_of_four_levels_of_arm()
    {
        string text = Succeed(
            "dump", "--format", "arm-lpae-4k-s1", "--map", "40000000:80000000:16K", "--map", "0x40004000:0x80004000:4K:r",
            "--map", "0x40006000:0x80006000:4K", "--map", "40200000:80200000:4M:rwc", "--map", "ffff00000000:100000:64K:rn", "--raw");
        text.ShouldBe(
            """
            arm-lpae-4k-s1: IOVAs of 48 bits, physical addresses of 48 bits, pages of 4K 64K 2M 32M 1G 16G
            level 3 table (Arm's level 0) at 0x10000000, 2 of 512 entries, 2 lines
            ├─ 0x0..0x7fffffffff: level 2 table (Arm's level 1) at 0x10003000, 1 of 512 entries, 1 line  0x10003003
            │  └─ 0x40000000..0x7fffffff: level 1 table (Arm's level 2) at 0x10002000, 3 of 512 entries, 1 line  0x10002003
            │     ├─ 0x40000000..0x401fffff: level 0 table (Arm's level 3) at 0x10001000, 6 of 512 entries, 1 line  0x10001003
            │     │  ├─ 0x40000000..0x40003fff → 0x80000000..0x80003fff  4 × 4K  RW  [AttrIndx=0 AP[1] SH=outer AF nG]  0x80000e43
            │     │  ├─ 0x40004000..0x40004fff → 0x80004000..0x80004fff  1 × 4K  R  [AttrIndx=0 AP[1] AP[2] SH=outer AF nG]  0x80004ec3
            │     │  └─ 0x40006000..0x40006fff → 0x80006000..0x80006fff  1 × 4K  RW  [AttrIndx=0 AP[1] SH=outer AF nG]  0x80006e43
            │     └─ 0x40200000..0x405fffff → 0x80200000..0x805fffff  2 × 2M  RWC  [AttrIndx=1 AP[1] SH=inner AF nG]  0x80200f45
            └─ 0xff8000000000..0xffffffffffff: level 2 table (Arm's level 1) at 0x10006000, 1 of 512 entries, 1 line  0x10006003
               └─ 0xffff00000000..0xffff3fffffff: level 1 table (Arm's level 2) at 0x10005000, 1 of 512 entries, 1 line  0x10005003
                  └─ 0xffff00000000..0xffff001fffff: level 0 table (Arm's level 3) at 0x10004000, 16 of 512 entries, 2 lines  0x10004003
                     └─ 0xffff00000000..0xffff0000ffff → 0x100000..0x10ffff  1 × 64K  RN  [AttrIndx=0 AP[1] AP[2] SH=outer AF nG CONTIG PXN UXN]  0x70000000100ec3
            7 tables, 30 entries, 9 cache lines, 4184K mapped

            """,
            StringCompareShould.IgnoreLineEndings);
    }

    // Groups hold one entry 16 times; a supersection is one too. 0xd12 of a page: nG and S, AP[1:0] = 1, XN.
    [Fact]
    public void Dump_of_short_descriptors() => Succeed(
        "dump", "--format", "arm-v7s", "--map", "0:5000:8K:rn", "--map", "30000:40000:64K:rwcn", "--map", "2000000:3000000:16M:rp").ShouldBe(
            """
            arm-v7s: IOVAs of 32 bits, physical addresses of 32 bits, pages of 4K 64K 1M 16M
            level 1 table (Arm's level 1) at 0x10000000, 17 of 4096 entries, 2 lines
            ├─ 0x0..0xfffff: level 0 table (Arm's level 2) at 0x10004000, 18 of 256 entries, 2 lines
            │  ├─ 0x0..0x1fff → 0x5000..0x6fff  2 × 4K  RN  [TEX=1 AF AP[1] AP[2] S nG XN]
            │  └─ 0x30000..0x3ffff → 0x40000..0x4ffff  1 × 64K  RWCN  [TEX=1 C B AF AP[1] S nG XN]
            └─ 0x2000000..0x2ffffff → 0x3000000..0x3ffffff  1 × 16M  RP  [TEX=1 AF AP[2] S nG]
            2 tables, 35 entries, 4 cache lines, 16456K mapped

            """,
            StringCompareShould.IgnoreLineEndings);

    [Fact]
    public void Dump_writes_the_high_half_as_software_does()
    {
        string text = Succeed("dump", "-f", "x86-64", "--map", "ffff800000000000:1000:8K");
        text.ShouldContain("0xffff800000000000..0xffff800000001fff → 0x1000..0x2fff  2 × 4K  RW  [R/W U/S A D]");
        text.ShouldContain("0xffff800000000000..0xffff807fffffffff: level 2 table");
    }

    [Fact]
    public void Dump_shows_what_a_trace_leaves_mapped()
    {
        string trace = Path.Combine(_folder, "trace");
        File.WriteAllLines(trace,
        [
            Event("map", 0x10000, 0x12000, "paddr=0x0000000000100000 size=8192"),
            Event("map", 0x12000, 0x13000, "paddr=0x0000000000102000 size=4096"),
            Event("map", 0x400000, 0x401000, "paddr=0x0000000000200000 size=4096"),
            Event("unmap", 0x11000, 0x12000, "size=4096 unmapped_size=4096"),
            Event("unmap", 0x400000, 0x401000, "size=4096 unmapped_size=4096"),
            Event("map", 0x1_0000_0000, 0x1_0000_1000, "paddr=0x0000000000200000 size=4096"),
        ]);
        string text = Succeed("dump", trace, "-f", "tegra", "--map", "800000:800000:4M:r");
        text.ShouldContain("├─ 0x10000..0x10fff → 0x100000..0x100fff  1 × 4K  RW  [R W NS]");
        text.ShouldContain("└─ 0x12000..0x12fff → 0x102000..0x102fff  1 × 4K  RW  [R W NS]");
        text.ShouldContain("└─ 0x800000..0xbfffff → 0x800000..0xbfffff  1 × 4M  R  [R NS]");
        text.ShouldContain("2 tables, 4 entries, 2 cache lines, 4104K mapped");
        text.ShouldContain("skipped: 1 event with IOVAs beyond what the format can translate, line 6");
    }

    [Theory]
    [InlineData("x86-64", 46, "3fffffc00000", "3fffffffffff")]
    [InlineData("x86-64", 40, "ffffc00000", "ffffffffff")]
    [InlineData("x86-64", 47, "7fffffc00000", "7fffffffffff")]
    [InlineData("x86-64", 48, "ffffffffffc00000", "ffffffffffffffff")]
    [InlineData("x86-64", 50, "3ffffffc00000", "3ffffffffffff")]
    [InlineData("x86-64", 56, "ffffffffc00000", "ffffffffffffff")]
    [InlineData("x86-64", 57, "ffffffffffc00000", "ffffffffffffffff")]
    [InlineData("riscv-sv39", 38, "3fffc00000", "3fffffffff")]
    [InlineData("riscv-sv39", 39, "ffffffffffc00000", "ffffffffffffffff")]
    [InlineData("riscv-sv48", 46, "3fffffc00000", "3fffffffffff")]
    [InlineData("riscv-sv48", 47, "7fffffc00000", "7fffffffffff")]
    [InlineData("riscv-sv57", 56, "ffffffffc00000", "ffffffffffffff")]
    public void Only_IOVAs_that_use_every_bit_of_their_root_are_sign_extended(string format, int inputBits, string iova, string last) =>
        Succeed("dump", "-f", format, "--input-bits", $"{inputBits}", "-m", $"{iova}:40000000:4M").ShouldContain($" 0x{iova}..0x{last} → ");

    /// <summary>Across the middle, where a wider table has its gap.</summary>
    [Fact]
    public void A_range_across_the_middle_of_a_narrow_table_goes_on_on_the_other_side()
    {
        string text = Succeed("dump", "-f", "riscv-sv39", "--input-bits", "38", "-m", "1fffe00000:40000000:4M");
        text.ShouldContain("0x1fffe00000..0x1fffffffff → 0x40000000..0x401fffff  1 × 2M");
        text.ShouldContain("0x2000000000..0x20001fffff → 0x40200000..0x403fffff  1 × 2M");
        Succeed("dump", "-f", "riscv-sv39", "--input-bits", "38", "-m", "1fc0000000:40000000:2G")
            .ShouldContain("0x1fc0000000..0x203fffffff → 0x40000000..0xbfffffff  2 × 1G");
    }

    [Theory]
    [InlineData("x86-64")]
    [InlineData("vtd-ss")]
    [InlineData("amd-v1")]
    [InlineData("arm-lpae-4k-s1")]
    [InlineData("arm-lpae-4k-s2")]
    [InlineData("arm-v7s")]
    [InlineData("riscv-sv39")]
    [InlineData("riscv-sv48x4")]
    [InlineData("tegra")]
    public void The_rest_of_a_large_page_stays_when_a_part_is_unmapped(string format)
    {
        string trace = Path.Combine(_folder, "trace");
        string map = Event("map", 0x20_0000, 0x40_0000, "paddr=0x0000000000400000 size=2097152");
        File.WriteAllLines(trace, [map, Event("unmap", 0x20_0000, 0x20_1000, "size=4096 unmapped_size=4096")]);
        string text = Succeed("dump", trace, "-f", format);
        text.ShouldContain("2044K mapped");
        text.ShouldNotContain("skipped");

        // In the middle too.
        File.WriteAllLines(trace, [map, Event("unmap", 0x30_0000, 0x30_1000, "size=4096 unmapped_size=4096")]);
        text = Succeed("dump", trace, "-f", format);
        text.ShouldContain("2044K mapped");
        text.ShouldNotContain("skipped");
    }

    [Fact]
    public void Dump_of_a_trace_that_unmaps_everything_shows_its_peak_on_request()
    {
        string trace = Path.Combine(_folder, "trace");
        File.WriteAllLines(trace,
        [
            Event("map", 0x10000, 0x12000, "paddr=0x0000000000100000 size=8192"),
            Event("unmap", 0x10000, 0x11000, "size=4096 unmapped_size=4096"),
            Event("map", 0x400000, 0x402000, "paddr=0x0000000000200000 size=8192"),
            Event("unmap", 0x400000, 0x402000, "size=8192 unmapped_size=8192"),
            Event("unmap", 0x11000, 0x12000, "size=4096 unmapped_size=4096"),
            Event("unmap", 0x11000, 0x12000, "size=4096 unmapped_size=4096"),
        ]);
        string end = Succeed("dump", trace, "-f", "vtd-ss");
        end.ShouldContain("the trace leaves nothing mapped (at most 3 pages of 4K at line 3; --peak shows that)");
        end.ShouldContain("skipped: 1 unmap of pages that are not mapped here, line 6");
        string peak = Succeed("dump", trace, "-f", "vtd-ss", "--peak");
        peak.ShouldContain("└─ 0x400000..0x401fff → 0x200000..0x201fff  2 × 4K");
        peak.ShouldContain("12K mapped");
        peak.ShouldContain("the trace up to line 3, where it has most mapped: 3 pages of 4K");
        peak.ShouldNotContain("skipped");
        using var json = JsonDocument.Parse(Succeed("dump", trace, "-f", "vtd-ss", "--json"));
        json.RootElement.GetProperty("peak_live_pages").GetInt32().ShouldBe(3);
        json.RootElement.GetProperty("peak_line").GetInt32().ShouldBe(3);
        var skipped = json.RootElement.GetProperty("skipped").EnumerateArray().Single();
        skipped.GetProperty("reason").GetString().ShouldBe("not-mapped");
        skipped.GetProperty("first_line").GetInt32().ShouldBe(6);

        File.AppendAllText(trace, Event("map", 0x1000, 0x2000, "paddr=0x0000000000100000 si"));
        Run("dump", trace, "-f", "vtd-ss").Code.ShouldBe(2);
        Succeed("dump", trace, "-f", "vtd-ss", "--lenient").ShouldContain("skipped: 1 damaged line, line 7");
    }

    [Fact]
    public void Dump_takes_addresses_of_52_bits() =>
        Succeed("dump", "-f", "arm-lpae-64k-s1", "--input-bits", "52", "--output-bits", "52", "-m", "0:8000000000000:4T").ShouldContain("1 × 4T");

    [Fact]
    public void A_walk_shows_every_entry_that_hardware_reads_and_what_it_makes_of_it()
    {
        string[] args = ["dump", "-f", "arm-lpae-4k-s1", "--map", "40000000:80000000:16K", "--walk"];
        Succeed([.. args, "0x40001234"]).ShouldBe(
            """
            arm-lpae-4k-s1: IOVAs of 48 bits, physical addresses of 48 bits, pages of 4K 64K 2M 32M 1G 16G
            level 3 (Arm's level 0), entry 0 at 0x10000000: 0x10003003  table at 0x10003000
            level 2 (Arm's level 1), entry 1 at 0x10003008: 0x10002003  table at 0x10002000
            level 1 (Arm's level 2), entry 0 at 0x10002000: 0x10001003  table at 0x10001000
            level 0 (Arm's level 3), entry 1 at 0x10001008: 0x80001e43  page: 4K at 0x80001000  RW  [AttrIndx=0 AP[1] SH=outer AF nG]
            0x40001234 → 0x80001234  RW

            """,
            StringCompareShould.IgnoreLineEndings);
        Succeed([.. args, "40004000"]).ShouldEndWith("0x40004000 faults: nothing is mapped there\n");
        using var json = JsonDocument.Parse(Succeed([.. args, "40001234", "--json"]));
        var steps = json.RootElement.GetProperty("walk").EnumerateArray().ToList();
        steps.Select(step => step.GetProperty("kind").GetString()).ShouldBe(["table", "table", "table", "leaf"]);
        steps[3].GetProperty("physical_address").GetString().ShouldBe("0x80001234");
        steps[0].GetProperty("table").GetString().ShouldBe("0x10003000");
        Succeed([.. args, "40001234", "--csv"]).Split('\n')[0].ShouldBe(string.Join(',', Fields(steps[0])));
    }

    /// <summary>A walk by the rules of the architecture goes where the engine said, in every format: at both ends of a page, and not behind it.</summary>
    [Fact]
    public void A_walk_leads_to_what_was_mapped_in_every_format()
    {
        foreach (var kind in Lab.Iommus.FormatCatalog.All)
        {
            string[] args = ["dump", "-f", kind.Name, "--map", "10000000:20000000:128K", "--walk"];
            Succeed([.. args, "10000000"]).ShouldContain("0x10000000 → 0x20000000  RW");
            Succeed([.. args, "1001fff8"]).ShouldContain("0x1001fff8 → 0x2001fff8  RW");
            Succeed([.. args, "10020000"]).ShouldContain("0x10020000 faults: nothing is mapped there");
        }
    }

    [Theory]
    [InlineData("amd-v1", "AMD's level 4", "AMD's level 1")]
    [InlineData("x86-64", "PML4", "PT")]
    [InlineData("vtd-ss", "SS-PML4", "SS-PT")]
    [InlineData("arm-lpae-64k-s1", "Arm's level 1", "Arm's level 3")]
    [InlineData("arm-v7s", "Arm's level 1", "Arm's level 2")]
    [InlineData("tegra", "page directory", "page table")]
    [InlineData("riscv-sv39", null, null)]
    public void Levels_have_the_names_of_the_architecture_beside_ours(string format, string? root, string? last)
    {
        using var json = JsonDocument.Parse(Succeed("dump", "-f", format, "--map", "10000000:10000000:64K", "--json"));
        var tables = json.RootElement.GetProperty("tables").EnumerateArray().ToList();
        tables[0].GetProperty("native_level").GetString().ShouldBe(root);
        tables[^1].GetProperty("native_level").GetString().ShouldBe(last);
    }

    [Fact]
    public void Dump_json_and_csv_have_the_documented_fields()
    {
        string[] args = ["dump", "-f", "riscv-sv39x4", "--map", "10000:10000:128K:rwm"];
        using var json = JsonDocument.Parse(Succeed([.. args, "--json"]));
        var root = json.RootElement;
        Fields(root).ShouldBe(
        [
            "format", "input_bits", "output_bits", "page_sizes", "table_count", "entries_used", "cache_lines", "bytes_mapped", "skipped_events",
            "tables", "ranges", "skipped", "peak_live_pages", "peak_line", "is_peak", "walk", "problem", "illegal_entries",
            "illegal", "is_cut",
        ]);
        root.GetProperty("tables").GetArrayLength().ShouldBe(3);
        Fields(root.GetProperty("tables")[0]).ShouldBe(["level", "address", "iova", "pointer", "entries", "entries_used", "cache_lines", "native_level"]);
        root.GetProperty("tables")[0].GetProperty("entries").GetInt32().ShouldBe(2048);
        var range = root.GetProperty("ranges").EnumerateArray().Single();
        Fields(range).ShouldBe(
            ["level", "iova", "last_iova", "physical_address", "last_physical_address", "pages", "page_bytes", "protection", "flags", "entry", "native_level"]);
        range.GetProperty("pages").GetInt32().ShouldBe(2);
        range.GetProperty("page_bytes").GetInt32().ShouldBe(65536);

        // N, PBMT = 2, PPN 0x18 (64 KiB at 0x10000), D A U X W R V.
        range.GetProperty("entry").GetString().ShouldBe("0xc0000000000060df");
        Succeed([.. args, "--csv"]).Split('\n')[0].ShouldBe(string.Join(',', Fields(range)));
        Succeed([.. args, "--markdown"]).ShouldStartWith("```text");
    }

    [Theory]
    [InlineData("bench --format all", "add --host-time")]
    [InlineData("bench --format pentium --host-time", "choose from tegra")]
    [InlineData("bench --format tegra --host-time --threads 0", "--threads: 0")]
    [InlineData("bench --format tegra --host-time --size 4M", "--size")]
    [InlineData("bench --host-time --threads 2", "--format")]
    [InlineData("dump", "--format")]
    [InlineData("dump -f pentium", "choose from tegra")]
    [InlineData("dump -f tegra", "nothing is mapped")]
    [InlineData("dump -f tegra --map 0:0", "IOVA:PA:SIZE")]
    [InlineData("dump -f tegra --map zz:0:4K", "\"zz\"")]
    [InlineData("dump -f tegra --map 0:0:0", "is 0")]
    [InlineData("dump -f tegra --map 0:0:4K:q", "\"q\"")]
    [InlineData("dump -f tegra --map 1:2:3", "the IOVA, 0x1, is not a multiple of the smallest page, 4K")]
    [InlineData("dump -f tegra --map 0:200:4K", "the physical address, 0x200, is not a multiple of the smallest page, 4K")]
    [InlineData("dump -f tegra --map 0:0:4100", "the size, 4100, is not a multiple of the smallest page, 4K")]
    [InlineData("dump -f tegra --map 0:400000000:4K", "beyond physical addresses of 34 bits")]
    [InlineData("dump -f x86-64 --map 800000000000:0:4K", "beyond IOVAs of 48 bits, sign-extended: up to 0x7fffffffffff, or from 0xffff800000000000")]
    [InlineData("dump -f x86-64 --map ffff800000000000:1000000000000:4K", "beyond physical addresses of 48 bits")]
    [InlineData("dump -f vtd-ss --map 0:0:4K:c", "it gives no right to read or to write")]
    [InlineData("dump -f tegra --map 0:0:8K --map 1000:0:4K", "\"1000:0:4K\": part of it is mapped already")]
    [InlineData("dump -f tegra --map 100000000:0:4K", "beyond IOVAs of 32 bits")]
    [InlineData("dump -f tegra --map 0:0:4K --page-sizes 8K", "pages of 4K 4M, not of 8K")]
    [InlineData("dump -f tegra --map 0:0:4K --page-sizes 5000", "5000 is not a power of two")]
    [InlineData("dump -f arm-v7s --map 0:0:4K --input-bits 48", "no tables for IOVAs of 48 bits")]
    [InlineData("dump -f amd-v1 --map 0:0:4K --input-bits 99", "no tables for IOVAs of 99 bits")]
    [InlineData("dump -f amd-v1 --map 0:0:4K --input-bits x", "--input-bits: \"x\" is not a whole number")]
    [InlineData("dump -f amd-v1 --map 0:0:4K --output-bits 99", "physical addresses of 29 to 52 bits here, not of 99")]
    [InlineData("bench --format tegra --host-time --threads x", "--threads: \"x\" is not a whole number")]
    [InlineData("dump -f tegra --map 0:0:4K --peak", "--peak: this is for a trace")]
    [InlineData("dump -f tegra --map 0:0:4K --lenient", "--lenient: this is for a trace")]
    [InlineData("dump -f tegra - --peak", "must be a file and not a pipe")]
    [InlineData("dump -f tegra /dev/null --peak", "must be a file and not a pipe")]
    [InlineData("dump -f tegra /nowhere", "there is no such file")]
    [InlineData("dump -f tegra --map 0:0:4K --walk zz", "--walk: \"zz\" is not a hexadecimal number")]
    [InlineData("dump -f tegra --map 0:0:4K --walk 100000000", "--walk: 0x100000000 goes beyond IOVAs of 32 bits")]
    [InlineData("dump -f x86-64 --map 0:0:4K --walk 800000000000", "sign-extended: up to 0x7fffffffffff, or from 0xffff800000000000")]
    public void Bad_use_is_one_clear_line_and_exit_code_2(string line, string reason)
    {
        var (code, output, error) = Run(line.Split(' '));
        code.ShouldBe(2);
        output.ShouldBeEmpty();
        error.ShouldStartWith("iommukit: ");
        error.ShouldContain(reason);
        error.TrimEnd('\n').ShouldNotContain("\n");
    }

    private static IEnumerable<string> Fields(JsonElement element) => element.EnumerateObject().Select(field => field.Name);

    private static string Event(string name, ulong iova, ulong end, string rest) =>
        $"    kworker/u4:0-9       [000] .....    10.025165: {name}: IOMMU: iova=0x{iova:x16} - 0x{end:x16} {rest}";

    private static string Succeed(params string[] args)
    {
        var (code, output, error) = Run(args);
        error.ShouldBeEmpty();
        code.ShouldBe(0);
        return output;
    }

    private static (int Code, string Output, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(args, output, error, isInteractive: false);
        return (code, output.ToString(), error.ToString());
    }
}
