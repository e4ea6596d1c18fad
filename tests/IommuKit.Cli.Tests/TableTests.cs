using System.Text.RegularExpressions;

namespace IommuKit.Cli.Tests;

/// <summary>Tables are readable at the widths that terminals have.</summary>
public partial class TableTests
{
    private static readonly string[][] Commands =
    [
        ["bench"],
        ["bench", "--iommu", "all", "--tables", "fresh", "--policy", "Gather,Deferred"],
        ["bench", "--host-time", "-s", "128K,18M", "--policy", "Gather"],
        ["replay", RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz"), RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz")],
        ["models"],
        ["audit", RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz")],
        ["audit", RepositoryFiles.InRepository("samples", "e1000e-counter-lazy-qi.trace.gz")],
        ["calibrate", "--seed-table", "--resamples", "20"],
        ["calibrate", RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), "--resamples", "20"],
        ["replay", RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), "--what-if"],
        ["explain", "-s", "128K", "--resamples", "20", "--details"],
        ["replay", RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz"), "--device", "nic", "--what-if", "--vtd-rules", "own,linux-6.12"],
    ];

    private static readonly Lazy<List<List<string[]>>>[] Wide =
        [.. Commands.Select(arguments => new Lazy<List<List<string[]>>>(() => Tables(Command.Succeed(arguments))))];

    public static IEnumerable<object[]> Cases =>
        from width in (int[])[60, 80, 120, 200]
        from command in Enumerable.Range(0, Commands.Length)
        select new object[] { width, command };

    [Theory]
    [MemberData(nameof(Cases))]
    public void No_cell_is_cut_or_wrapped(int width, int command)
    {
        var (code, narrow, error) = Command.Run(width, Commands[command]);
        error.ShouldBeEmpty();
        code.ShouldBe(0);
        narrow.Split('\n').ShouldAllBe(line => line.TrimEnd().Length <= width);
        narrow.ShouldNotContain("…");
        var tables = Tables(narrow);
        var wide = Wide[command].Value;
        if (Commands[command] is not ["models"])
        {
            // Times of this host are different each time; their shape is not.
            tables.Select(table => table.Count).ShouldBe(wide.Select(table => table.Count));
        }

        // Every row is one that the wide table has, with some of its cells left out.
        var rows = wide.SelectMany(table => table).ToList();
        bool isTimed = Commands[command].Contains("--host-time");
        foreach (string[] row in tables.SelectMany(table => table))
        {
            rows.Exists(full => isTimed ? full.Intersect(row).Count() >= 2 : row.Except(full).Any() is false).ShouldBeTrue(string.Join(" | ", row));
        }
    }

    [Fact]
    public void A_narrow_table_says_what_it_leaves_out_and_keeps_what_matters()
    {
        string text = Command.Run(80, ["bench"]).Output;
        text.ShouldContain("Left out, as the terminal is narrow: Samples,");
        Blanks().Replace(text.Replace(" \n", " ").Replace('\n', ' '), " ").ShouldContain("--csv and --json have all that was counted and measured");
        string header = text.Split('\n').First(line => line.Contains("Policy"));
        foreach (string column in (string[])["Size", "Op", "Policy", "Paper µs", "Model µs", "Faster", "Left"])
        {
            header.ShouldContain(column);
        }

        Command.Succeed("bench").ShouldNotContain("Left out");
        Command.Run(80, ["bench", "--markdown"]).Output.ShouldBe(Command.Succeed("bench", "--markdown"));
    }

    [Fact]
    public void A_policy_alone_has_the_papers_figures_beside_it()
    {
        string text = Command.Succeed("bench", "-p", "Gather", "-s", "4M");
        text.ShouldContain("Paper before");
        text.ShouldContain("3,894");
        text.ShouldContain("150");
        text.ShouldNotContain("Off");
        text.ShouldNotContain("Faster");
        Command.Succeed("bench", "-p", "Gather", "-s", "1M").ShouldNotContain("Paper");
    }

    [Fact]
    public void Rows_below_the_least_are_explained()
    {
        Command.Succeed("bench").ShouldContain("Deferred: takes less than Least where it flushes everything at once");
        Command.Succeed("bench", "-p", "PerPage,Gather").ShouldNotContain("takes less than Least");
    }

    [Fact]
    public void Tuning_in_force_is_stated()
    {
        string[] tuning = ["--flush-all", "512", "--tlb-step", "16K", "--section-threshold", "3", "--asid-threshold", "9", "--sections"];
        const string stated = "--flush-all 512 --tlb-step 16K --section-threshold 3 --asid-threshold 9 --sections";
        Command.Succeed(["bench", "-p", "Gather", .. tuning]).ShouldContain($"; tuned with {stated}");
        Command.Succeed(["bench", "-p", "Gather", "--host-time", "-s", "128K", .. tuning]).ShouldContain($"; tuned with {stated}");
        Command.Succeed(["bench", "-p", "Gather", "--jsonl", .. tuning]).ShouldContain(
            "\"tuning\":{\"flush_all\":512,\"tlb_step\":16384,\"section_threshold\":3,\"asid_threshold\":9,\"sections\":true},");
        string[] csv = Command.Succeed(["bench", "-p", "Gather", "--csv", .. tuning]).Split('\n');
        csv[0].ShouldContain(",tuning.flush_all,tuning.tlb_step,tuning.section_threshold,tuning.asid_threshold,tuning.sections,");
        csv[1].ShouldContain(",512,16384,3,9,True,");
        Command.Succeed(["replay", Commands[3][1], "-p", "Gather", .. tuning]).ShouldContain($"; tuned with {stated}");
        Command.Succeed("bench", "-p", "Gather").ShouldNotContain("tuned");
    }

    [Fact]
    public void Sections_that_change_nothing_are_noted()
    {
        const string note = "--sections changed nothing";
        Command.Succeed("bench", "-p", "Gather", "--sections").ShouldContain(note);
        Command.Succeed("bench", "-p", "Gather", "--sections", "--layout", "contiguous").ShouldNotContain(note);
        Command.Succeed("bench", "-p", "Gather").ShouldNotContain(note);
    }

    /// <summary>The rows of each table, header first, as their cells.</summary>
    private static List<List<string[]>> Tables(string text)
    {
        var tables = new List<List<string[]>>();
        string[] lines = text.Split('\n');
        for (int line = 1; line < lines.Length; line++)
        {
            if (!lines[line].StartsWith('─'))
            {
                continue;
            }

            var table = new List<string[]> { Cells(lines[line - 1]) };
            for (int row = line + 1; row < lines.Length && lines[row].StartsWith("  ") && !lines[row].StartsWith("  skipped"); row++)
            {
                if (lines[row].Trim().Length != 0)
                {
                    table.Add(Cells(lines[row]));
                }
            }

            tables.Add(table);
        }

        return tables;
    }

    private static string[] Cells(string line) => Blanks().Split(line.Trim());

    [GeneratedRegex(" {2,}", RegexOptions.None, 1000)]
    private static partial Regex Blanks();
}
