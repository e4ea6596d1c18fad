namespace IommuKit.Cli.Tests;

/// <summary>Which columns of a table go first where the terminal is narrow: what says least to the one who asks.</summary>
public class NarrowTests
{
    private const int Widest = 240;
    private const int Narrowest = 40;
    private const int Step = 4;

    private static string Sample(string name) => RepositoryFiles.InRepository("samples", name);

    [Fact]
    public void Of_a_bench() => Gone("bench", "-s", "128K").ShouldBe(
        "Stores | Least | Barriers | Samples | Paper's | Reads | Lines | Writes | Off | Paper µs | Faster | Left");

    [Fact]
    public void Of_a_replay() => Gone("replay", Sample("vfio-edu.trace.gz"), "-p", "PerPage,Gather").ShouldBe(
        "Skipped | Map p50 µs | Unmap p50 µs | Left for | Left pages | Barriers | Map max µs | Unmap max µs | Map p99 µs | Doorbells | Gather | "
        + "Unmap p99 µs | PerPage | Recorded | Commands");

    [Fact]
    public void Of_what_if() => Gone("replay", Sample("vfio-edu.trace.gz"), "--what-if").ShouldBe(
        "Lines | PTC flushes | Skipped | Map p99 µs | Unmap p99 µs | Waits | TLB flushes | Operations | Ops | Time | Left for | Left pages");

    [Fact]
    public void Of_an_audit() => Gone("audit", Sample("vfio-edu.trace.gz")).ShouldBe("First line");

    /// <summary>The headings that are missing at each width that has fewer than the one before; the widest first.</summary>
    private static string Gone(params string[] arguments)
    {
        var steps = new List<string>();
        HashSet<string>? before = null;
        for (int width = Widest; width >= Narrowest; width -= Step)
        {
            var now = HeadingsOf(Command.Run(width, arguments).Output);
            if (before is not null && before.Except(now).ToList() is { Count: not 0 } gone)
            {
                steps.Add(string.Join(", ", gone));
            }

            before = now;
        }

        return string.Join(" | ", steps);
    }

    /// <summary>The headings of all tables: the line before a rule, whose columns two blanks part at least.</summary>
    private static HashSet<string> HeadingsOf(string text)
    {
        string[] lines = text.Split('\n');
        return
        [
            .. Enumerable.Range(1, lines.Length - 1).Where(line => lines[line].StartsWith('─'))
                .SelectMany(line => lines[line - 1].Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)),
        ];
    }
}
