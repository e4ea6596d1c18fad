using System.Diagnostics;
using System.Globalization;
using IommuKit.Cli.HostTime;
using IommuKit.Lab.Iommus;
using IommuKit.Specs.Arm;

namespace IommuKit.Benchmarks;

/// <summary>The same work by IommuKit's page table and by others, in turn: the median of the ratios of each round. Below 1 IommuKit is faster.</summary>
internal static class PeerRun
{
    private const int Rounds = 15;
    private const int Few = 32;
    private const int Many = 512;
    private const int Tables = 9;
    private static readonly TimeSpan RoundTime = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>Runs it.</summary>
    /// <param name="arguments">NAME=PROGRAM for each peer.</param>
    public static void Run(string[] arguments)
    {
        var peers = arguments.Select(argument => argument.Split('=', 2)).Select(parts => new Peer(parts[0], parts[1])).ToList();
        Console.WriteLine($"| work | IommuKit ns | {string.Join(" | ", peers.Select(peer => $"to {peer.Name}"))} |");
        Console.WriteLine($"|---|---|{string.Concat(peers.Select(_ => "---|"))}");
        using var works = new FormatWorkloads<ArmLpae<ArmGranule4K, ArmStage1>>(FormatCatalog.Find("arm-lpae-4k-s1")!);
        int table = FormatWorkloads<ArmLpae<ArmGranule4K, ArmStage1>>.PagesOfTable;
        int entries = FormatWorkloads<ArmLpae<ArmGranule4K, ArmStage1>>.TableEntries;
        Pairs(peers, works.Pages(1), "1 page");
        Pairs(peers, works.Pages(Few), "32 pages");
        Pairs(peers, works.Pages(table), $"{table} pages");
        Pairs(peers, works.Blocks(), "2M");
        Pairs(peers, works.Cold(1), "1 page, no tables", isCold: true);
        Pairs(peers, works.Cold(Tables * entries), $"{Tables * entries} pages, no tables", isCold: true);
        Pairs(peers, works.WholeTables(2), "2 whole tables");
        Pairs(peers, works.WholeTables(Tables), "9 whole tables");
        Pairs(peers, works.Lists(Few), "32 pages of a list");
        Pairs(peers, works.Lists(Many), "512 pages of a list");
        LookUps(peers, works.LookUps(LookUpOrder.Sequential), "look-up, hot");
        LookUps(peers, works.LookUps(LookUpOrder.Random), "look-up, random");
        LookUps(peers, works.LookUps(LookUpOrder.Dependent), "look-up, each by the one before");
        peers.ForEach(peer => peer.Dispose());
    }

    private static void Pairs(List<Peer> peers, EnginePairs<ArmLpae<ArmGranule4K, ArmStage1>> work, string name, bool isCold = false)
    {
        work.DoVerified();
        foreach (var peer in peers)
        {
            peer.Prepare(work.Iovas, work.Ranges, isCold ? 0 : work.UnmapSize);
            if (isCold)
            {
                peer.Clear();
            }
        }

        var ours = Enumerable.Range(0, 2).Select(_ => new List<double>()).ToArray();
        var theirs = peers.Select(_ => Enumerable.Range(0, 2).Select(_ => new List<double>()).ToArray()).ToArray();
        int count = CountFor(rounds => Time(work, rounds).Map * work.Slots);
        for (int round = 0; round < Rounds; round++)
        {
            Add(ours, Time(work, count));
            for (int peer = 0; peer < peers.Count; peer++)
            {
                Add(theirs[peer], peers[peer].Pair(count));
            }
        }

        Write($"map {name}", ours[0], [.. theirs.Select(times => times[0])]);
        if (!isCold)
        {
            Write($"unmap {name}", ours[1], [.. theirs.Select(times => times[1])]);
        }
    }

    private static void LookUps(List<Peer> peers, LookUpLoop<ArmLpae<ArmGranule4K, ArmStage1>> work, string name)
    {
        peers.ForEach(peer => peer.Prepare([work.Iova], [work.Range], unmapSize: 0));
        int count = CountFor(rounds => Time(work, rounds));
        List<double> ours = [];
        var theirs = peers.Select(_ => new List<double>()).ToArray();
        for (int round = 0; round < Rounds; round++)
        {
            ours.Add(Time(work, count));
            for (int peer = 0; peer < peers.Count; peer++)
            {
                theirs[peer].Add(peers[peer].LookUp((int)work.Order, count));
            }
        }

        Write(name, ours, theirs);
    }

    private static void Add(List<double>[] to, (double Map, double Unmap) times)
    {
        to[0].Add(times.Map);
        to[1].Add(times.Unmap);
    }

    private static (double Map, double Unmap) Time(PairWork work, int rounds)
    {
        long maps = 0;
        long unmaps = 0;
        for (int round = 0; round < rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            work.Map();
            long middle = Stopwatch.GetTimestamp();
            work.Unmap();
            long end = Stopwatch.GetTimestamp();
            maps += middle - start;
            unmaps += end - middle;
        }

        double operations = (double)rounds * work.Slots * Stopwatch.Frequency / 1e9;
        return (maps / operations, unmaps / operations);
    }

    private static double Time(LoopWork work, int count)
    {
        long start = Stopwatch.GetTimestamp();
        work.Run(count);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
    }

    /// <summary>How often work is to be done in a round, by what it takes once its code is final.</summary>
    private static int CountFor(Func<int, double> time)
    {
        long start = Stopwatch.GetTimestamp();
        double nanoseconds = time(1);
        while (Stopwatch.GetElapsedTime(start) < WarmUp)
        {
            nanoseconds = time(100);
        }

        return (int)Math.Clamp(RoundTime.TotalNanoseconds / nanoseconds, 10, 10_000_000);
    }

    private static void Write(string name, List<double> ours, List<double>[] theirs)
    {
        var ratios = theirs.Select(times => Median(ours.Zip(times, (our, their) => our / their)));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {Median(ours):0.0} | {string.Join(" | ", ratios.Select(ratio => ratio.ToString("0.00", CultureInfo.InvariantCulture)))} |"));
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
