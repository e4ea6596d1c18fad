using System.Diagnostics;
using System.Globalization;

namespace IommuKit.Benchmarks;

/// <summary>
/// Runs rows in turn, round after round, so that a change of the machine's speed meets all of them, and prints medians and ratios. It takes
/// minutes; for intervals and allocations there is BenchmarkDotNet.
/// </summary>
internal static class RowRunner
{
    // Short rounds, so that some of them are not interrupted where other programs run too.
    private const int Rounds = 200;
    private static readonly TimeSpan RoundTime = TimeSpan.FromMilliseconds(2);

    /// <summary>Runs groups of rows, each in a process of its own.</summary>
    /// <param name="names">Their names, or parts of them; empty for all. One whole name runs it in this process.</param>
    public static void Run(string[] names)
    {
        var groups = Rows.Groups.Where(group => names.Length == 0 || names.Any(name => group.Name.Contains(name, StringComparison.OrdinalIgnoreCase))).ToList();
        if (names is [var name] && groups.Find(group => group.Name == name) is { Rows: { } rows })
        {
            Run([.. rows()]);
            return;
        }

        foreach (var (group, _) in groups)
        {
            // Of a program with a host of its own, the first argument is its library too.
            bool isHosted = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
            string[] self = [.. Environment.GetCommandLineArgs().Take(isHosted ? 1 : 0)];
            using var process = Process.Start(Environment.ProcessPath!, [.. self, "rows", group]);
            process.WaitForExit();
        }
    }

    private static void Run(IReadOnlyList<Row> rows)
    {
        // Code is final after some rounds of warming: the runtime compiles a second time from what it saw.
        var counts = rows.Select(Calibrate).ToArray();
        var processors = rows.Any(row => row.Work.Length > 1) ? new SecondProcessor() : null;
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < rows.Count; i++)
            {
                bool wasThere = rows[i].Work.Length == 1 || processors!.IsThere();
                double time = Time(rows[i].Work, counts[i]);
                rows[i].Add(time, isUndisturbed: wasThere && (rows[i].Work.Length == 1 || processors!.IsThere()));
            }
        }

        Console.WriteLine("| work | ns | p10 to p90 | ratio, and undisturbed |");
        Console.WriteLine("|---|---|---|---|");
        foreach (var row in rows)
        {
            var of = rows.FirstOrDefault(other => other.Name == row.Of);
            string ratio = of is null ? "" : string.Create(
                CultureInfo.InvariantCulture,
                $"{of.Nanoseconds / row.Nanoseconds:0.00}{Undisturbed(row, of)} × as many as {of.Name}");
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {row.Name} | {row.Nanoseconds:0.0} | {row.Quantile(0.1):0.0} to {row.Quantile(0.9):0.0} | {ratio} |"));
        }

        Console.WriteLine();
    }

    /// <summary>
    /// Of one thread, the ratio of the tenth of the rounds that was disturbed least; of two, that of the rounds that had two processors to themselves.
    /// </summary>
    private static string Undisturbed(Row row, Row of) => row switch
    {
        { Work.Length: 1 } => string.Create(CultureInfo.InvariantCulture, $", {of.Quantile(0.1) / row.Quantile(0.1):0.00} at p10"),
        { UndisturbedRounds: 0 } => ", none of two processors",
        _ => string.Create(CultureInfo.InvariantCulture, $", {of.Nanoseconds / row.UndisturbedNanoseconds:0.00} in {row.UndisturbedRounds} rounds of two processors"),
    };

    private static int Calibrate(Row row)
    {
        for (int i = 0; i < 40; i++)
        {
            Time(row.Work, 2000);
            Thread.Sleep(5);
        }

        return Math.Max(1, (int)(RoundTime.TotalNanoseconds / Time(row.Work, 2000)));
    }

    /// <summary>Nanoseconds for one operation.</summary>
    public static double Time(Action<int>[] work, int count)
    {
        if (work.Length == 1)
        {
            long start = Stopwatch.GetTimestamp();
            work[0](count);
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
        }

        // From the first one's beginning to the last one's end, by their own clocks: the caller may be kept from looking.
        var common = new CommonStart(work.Length);
        long[] starts = new long[work.Length];
        long[] ends = new long[work.Length];
        var threads = work.Select((part, index) => new Thread(() =>
        {
            part(100);
            common.Wait(index);
            starts[index] = Stopwatch.GetTimestamp();
            part(count);
            ends[index] = Stopwatch.GetTimestamp();
        })).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        return Stopwatch.GetElapsedTime(starts.Min(), ends.Max()).TotalNanoseconds / count / work.Length;
    }
}
