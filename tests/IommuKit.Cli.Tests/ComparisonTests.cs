using System.Globalization;
using System.Text.Json.Nodes;

namespace IommuKit.Cli.Tests;

/// <summary>Comparisons are honest: what is covered, on what hardware, what it costs in exposure; and answers come before tables.</summary>
public class ComparisonTests
{
    private static string Sample => RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");

    [Fact]
    public void Headings_say_what_is_modelled_how_much_is_covered_and_where_it_was_recorded()
    {
        string[] lines = Command.Succeed("replay", Sample, "--iommu", "tegra210").Split('\n');
        int heading = Array.FindIndex(lines, line => line.StartsWith("If this were a tegra210: 95.2 % of the trace replayed, costs tegra210-2015"));
        heading.ShouldBeGreaterThan(0);
        lines[..heading].ShouldContain(line => line.Contains("recorded on VT-d, not on what is modelled here"));
        Command.Succeed("replay", Sample, "--iommu", "tegra210", "--by-size", "-p", "Deferred").ShouldContain("If this were a tegra210, Deferred *: 95.2 %");
        Command.Succeed("replay", RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz"), "-p", "Gather")
            .ShouldContain("If this were a tegra210: all of the trace replayed");
        var json = JsonNode.Parse(Command.Succeed("replay", Sample, "--iommu", "tegra210", "-p", "Gather", "--jsonl"))!;
        ((double)json["coverage"]!).ShouldBe(3533.0 / 3709, 1e-6);
        ((string)json["recorded_on"]!).ShouldBe("VT-d");
    }

    /// <summary>The first row is no kernel of today: what the recorded one does is said, and which row is like it.</summary>
    [Fact]
    public void What_the_recorded_kernel_flushed_is_said_beside_every_gain()
    {
        const string often = "the recorded kernel flushed 1,581 times for 1,856 unmaps";
        foreach (string[] view in (string[][])[["replay", Sample], ["replay", Sample, "--what-if"]])
        {
            Command.Succeed(view).ShouldContain($"{often}: what comes closest to that, and is to be compared with, is SplitSync or Gather");
        }

        // Other hardware flushes in other pieces, and one policy alone is no comparison.
        foreach (string[] view in (string[][])[["replay", Sample, "--iommu", "tegra210"], ["replay", Sample, "-p", "PerPage,Deferred"]])
        {
            string text = Command.Succeed(view);
            text.ShouldContain(often);
            text.ShouldNotContain("closest");
        }

        Command.Succeed("explain", Sample).ShouldContain($"{often}, not for every page: it has this gain already");
        Command.Succeed("explain", Sample, "--to", "Deferred").ShouldNotContain("has this gain already");
        string none = RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz");
        foreach (string command in (string[])["replay", "explain"])
        {
            Command.Succeed(command, none).ShouldContain("how often the recorded kernel flushed is not in the trace");
        }
    }

    /// <summary>A heading names a few IOMMUs, and counts many.</summary>
    [Fact]
    public void Headings_of_many_IOMMUs_are_short()
    {
        string heading = Command.Succeed("replay", Sample, "--what-if", "--iommu", "all", "-p", "Gather").Split('\n').Single(line => line.Contains("What if", StringComparison.Ordinal));
        heading.ShouldContain(" IOMMUs: ");
        heading.ShouldContain("tegra210-2015 (tegra30, tegra114, tegra124, tegra210)");
        heading.Length.ShouldBeLessThan(400);
    }

    /// <summary>A trace that names no IOMMU is replayed on the usual one, unless that cannot translate its IOVAs.</summary>
    [Theory]
    [InlineData("0x00000000fffff000", "0x0000000100000000", "tegra210")]
    [InlineData("0x0000ffff00000000", "0x0000ffff00001000", "vtd-server")]
    [InlineData("0x0004000000000000", "0x0004000000001000", "vtd-server-57")]
    public void Traces_are_replayed_on_what_can_translate_them(string first, string end, string iommu)
    {
        string trace = Path.GetTempFileName();
        try
        {
            File.WriteAllText(trace, $" a-1 [000] .... 1.000001: map: IOMMU: iova={first} - {end} paddr=0x0000000000005000 size=4096\n");
            foreach (string command in (string[])["replay", "explain"])
            {
                Command.Succeed(command, trace).ShouldContain($"If this were a {iommu}:");
            }
        }
        finally
        {
            File.Delete(trace);
        }
    }

    /// <summary>Times of different hardware are compared by the costs of each, and what has no cost is named.</summary>
    [Fact]
    public void Each_hardware_has_its_own_costs()
    {
        string[] what = ["replay", Sample, "--what-if", "--iommu", "vtd-server,tegra210", "-p", "PerPage,Gather"];
        Command.Succeed(what).ShouldContain("vtd-server: all of the trace replayed, tegra210: 95.2 % of the trace replayed");
        var rows = JsonNode.Parse(Command.Succeed([.. what, "--json"]))!.AsArray();
        foreach (var row in rows)
        {
            string iommu = (string)row!["iommu"]!;
            ((string)row["costs"]!).ShouldBe(iommu == "tegra210" ? "tegra210-2015" : "vtd-public");
            var alone = JsonNode.Parse(Command.Succeed("replay", Sample, "--iommu", iommu, "-p", (string)row["policy"]!, "--jsonl"))!;
            ((double)row["virtual_us"]!).ShouldBe((double)alone["virtual_us"]!);
            row["unpriced"]!.AsArray().ShouldBeEmpty();
        }

        foreach (string[] command in (string[][])
        [
            ["replay", Sample, "--iommu", "vtd-server", "-p", "Gather"],
            [.. what],
            ["replay", Sample, "--iommu", "vtd-server", "-p", "Gather", "--by-size"],
            ["replay", Sample, "--iommu", "vtd-server", "-p", "Gather", "--device", "nic"],
            ["explain", Sample, "--iommu", "vtd-server"],
            ["bench", "--iommu", "vtd-server", "-s", "64K"],
            ["teardown", "--iommu", "vtd-server", "-s", "1M"],
        ])
        {
            const string note = "are assumed to be 0 for what is not in the file: command, doorbell";
            Command.Succeed(command).ShouldNotContain(note);
            Command.Succeed([.. command, "--costs", "tegra210-2015"]).ShouldContain(note, customMessage: string.Join(' ', command));
        }
    }

    /// <summary>
    /// What shows in a trace decides the machine and the rules; every command that runs it says so, and what was asked for comes first. The number of
    /// flushes is that of the events: each map and each unmap has one in caching mode.
    /// </summary>
    [Fact]
    public void A_trace_of_caching_mode_is_replayed_in_caching_mode()
    {
        string sample = RepositoryFiles.InRepository("samples", "vfio-edu-cm.trace.gz");
        const string chosen = "eplayed on vtd-guest, as the trace shows caching mode, by the rules linux-6.12, as it names no kernel";
        foreach (string[] command in (string[][])[["replay", sample, "-p", "Gather"], ["explain", sample], ["report", sample, "-p", "Gather,PerPage"]])
        {
            Command.Succeed(command).ShouldContain(chosen, customMessage: command[0]);
        }

        var json = JsonNode.Parse(Command.Succeed("replay", sample, "-p", "Gather", "--jsonl"))!;
        ((long)json["recorded_commands"]!["iotlb_pages"]!).ShouldBe(5556);

        // 3,982 maps, and 3,985 unmaps of which some have pages of several sizes: by Linux's rule of sizes, 53 parts more.
        const long Flushes = 3982 + 3985 + 53;
        ((long)json["commands"]!["translations"]!).ShouldBe(Flushes);
        ((long)json["commands"]!["waits"]!).ShouldBe(Flushes);
        ((long)json["commands"]!["others"]!).ShouldBe(0);

        // Block by block: 3,982 maps have one each, as recorded.
        var pages = json["commands_by_kind"]!.AsArray().Where(row => (string)row!["kind"]! == "iotlb_pages").ToList();
        pages.Sum(row => (long)row!["queued"]!).ShouldBe(Flushes);
        pages.Sum(row => (long)row!["recorded"]!).ShouldBe(5556);
        pages.Select(row => (ulong)row!["pages"]!).ShouldBeInOrder();
        var wait = json["commands_by_kind"]!.AsArray().Single(row => (string)row!["kind"]! == "wait")!;
        ((long)wait["queued"]!).ShouldBe(Flushes);
        wait["pages"].ShouldBeNull();
        wait["recorded"].ShouldBeNull();
        Command.Succeed("replay", sample, "-p", "Gather").ShouldMatch("iotlb pages +512 +[0-9,]+ +[0-9,]+");
        json["recorded_traits"]!.AsArray().Select(trait => (string)trait!).ShouldBe(["caching mode"]);
        ((long)json["operations"]!["doorbell"]!).ShouldBe(Flushes);
        var explained = JsonNode.Parse(Command.Succeed("explain", sample, "--vtd-rules", "linux-6.1", "--json"))!;
        ((string)explained["tuning"]!["vtd_rules"]!).ShouldBe("linux-6.1");
        string other = Command.Succeed("replay", sample, "--iommu", "vtd-server", "--vtd-rules", "own", "-p", "Gather");
        other.ShouldContain(
            "replayed on vtd-server, though the trace shows caching mode (vtd-guest is closer), by the rules own; a kernel without a name is taken for linux-6.12");
    }

    /// <summary>Traces that name different kernels are run by one driver's own rules, as no kernel's are right for both; a row is the same in any company.</summary>
    [SharedFact]
    public void Rules_are_those_of_the_kernel_that_the_trace_names()
    {
        string capture = RepositoryFiles.InShared("traces", "vfio-edu", "trace.dat");
        string text = Command.Succeed("replay", capture, "-p", "Gather");
        text.ShouldContain("replayed on vtd-server, by the rules linux-6.1, as its kernel is 6.1.0-56-amd64");
        Command.Succeed("replay", capture, "-p", "Gather", "--vtd-rules", "own").ShouldContain(
            "by the rules own, though its kernel 6.1.0-56-amd64 has linux-6.1");
        Command.Succeed("replay", capture, Sample, "-p", "Gather", "--json").ShouldNotContain("vtd_rules");
    }

    /// <summary>Who asks for no IOMMU gets one of the kind that was recorded, with its own costs; several traces have to agree.</summary>
    [Fact]
    public void A_trace_is_replayed_on_what_it_was_recorded_on()
    {
        string text = Command.Succeed("replay", Sample, "-p", "Gather");
        text.ShouldContain("If this were a vtd-server: all of the trace replayed, costs vtd-public");
        text.ShouldContain("recorded on VT-d, and modelled as such");
        text.ShouldContain("replayed on vtd-server, by the rules linux-6.12, as it names no kernel (--iommu and --vtd-rules choose others)");
        string other = RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz");
        foreach (string line in Command.Succeed("replay", Sample, other, "-p", "Gather", "--jsonl").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            ((string)JsonNode.Parse(line)!["iommu"]!).ShouldBe("vtd-server");
        }

        var row = JsonNode.Parse(Command.Succeed("replay", Sample, "-p", "SplitSync", "--vtd-rules", "linux-6.1", "--jsonl"))!;
        ((string)row["tuning"]!["vtd_rules"]!).ShouldBe("linux-6.1");
        ((long)row["purposes"]!["tlb"]!).ShouldBe((long)row["purposes"]!["completion"]!);
        Command.Refuse("replay", Sample, "--vtd-rules", "mine").ShouldContain("\"mine\" is none of own, linux-6.1, linux-6.12, linux-6.12.63, linux-6.19");
        Command.Refuse("replay", Sample, "--tlb-step", "16K").ShouldContain("vtd-server cannot be tuned so");
    }

    [Fact]
    public void Causes_are_taken_apart_on_a_queue_too_but_the_page_of_2015_is_of_registers()
    {
        Command.Succeed("explain", "--iommu", "vtd-server", "-s", "128K").ShouldStartWith("If this were a vtd-server: unmap of 128K");
        Command.Refuse("explain", "--iommu", "vtd-server", "--no-prior").ShouldContain("are not fitted to times; --costs takes them as they are");
        Command.Refuse("report", "--iommu", "vtd-client", "-o", "there-is-no-report.html").ShouldContain("'explain' and 'bench' can run it");
    }

    [Fact]
    public void Exposure_is_beside_time_and_policies_that_promise_less_are_marked_and_equal_rows_are_one()
    {
        string text = Command.Succeed("replay", Sample, "--iommu", "tegra210");
        text.ShouldContain("Left pages");
        text.ShouldContain("Left for");
        text.ShouldMatch(@"\n  RangeFlush, SplitSync +58\.3 +12\.0× +– +– ");
        text.ShouldMatch(@"\n  Deferred \* +34\.3 +20\.4× +32,256 +10 ms ");
        text.ShouldMatch(@"\n  Explicit \* ");
        text.ShouldContain("* promises less: when unmap returns, devices can still reach what was unmapped");
        Command.Succeed("replay", Sample, "-p", "Gather").ShouldNotContain("promises less");
        foreach (string view in (string[])["", "--what-if"])
        {
            foreach (string line in Command.Succeed(["replay", Sample, "--iommu", "tegra210", "--jsonl", .. view.Split(' ', StringSplitOptions.RemoveEmptyEntries)])
                .Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                var row = JsonNode.Parse(line)!;
                bool isFull = (string)row["policy"]! is not ("Deferred" or "Explicit");
                ((bool)row["promises_all"]!).ShouldBe(isFull);
                ((long)row["reachable_pages_max"]! == 0).ShouldBe(isFull);
                ((double)row["reachable_recorded_max_us"]! == 0).ShouldBe(isFull);
                ((double)row["reachable_virtual_max_us"]! == 0).ShouldBe(isFull);
            }
        }
    }

    [Fact]
    public void Bench_says_what_is_left_when_unmap_returns()
    {
        string text = Command.Succeed("bench", "-s", "4M");
        text.ShouldMatch(@"SplitSync, Gather +159 +21\.6× +– ");
        text.ShouldMatch(@"Deferred \* +14\.1 +243\.0× +1,024 ");
        text.ShouldContain("* promises less");
        foreach (var row in JsonNode.Parse(Command.Succeed("bench", "-s", "4M", "--json"))!.AsArray())
        {
            bool isLeft = (string)row!["op"]! == "unmap" && !(bool)row["promises_all"]!;
            ((long)row["reachable_pages"]!).ShouldBe(isLeft ? 1024 : 0);
        }
    }

    [Fact]
    public void What_if_is_sorted_and_marks_the_best_that_promises_everything()
    {
        string[] words = ["replay", Sample, "--iommu", "tegra210", "--what-if", "--flush-all", "0,64,512", "--section-threshold", "0,2"];
        string text = Command.Succeed(words);
        string[] rows = [.. text.Split('\n').Where(line => line.StartsWith("  ") && line.Contains("   --flush-all "))];
        double[] times = [.. rows.Select(TimeIn)];
        times.ShouldBe(times.Order());
        rows.Where(row => row.StartsWith("  best")).ShouldHaveSingleItem().ShouldContain(" Gather  ");
        rows.Where(row => row.Contains("PerPage")).ShouldHaveSingleItem().ShouldContain("--flush-all any --section-threshold any");
        text.ShouldContain("--flush-all has no effect on this trace under PerPage on tegra210.");
        text.ShouldContain("--section-threshold has no effect on this trace under PerPage, Explicit on tegra210.");

        // Nothing is left out of the records.
        var records = Command.Succeed([.. words, "--jsonl"])
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!).ToList();
        records.Count.ShouldBe(36);
        var best = records.Where(record => (bool)record["is_best"]!).ShouldHaveSingleItem();
        ((double)best["virtual_us"]!).ShouldBe(records.Where(record => (bool)record["promises_all"]!).Min(record => (double)record["virtual_us"]!));

        static double TimeIn(string row) => double.Parse(
            row.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .First(cell => cell.Contains('.') && !cell.Contains('-')),
            NumberStyles.Float,
            CultureInfo.InvariantCulture);
    }

    /// <summary>explain had fitted its costs while replay took the built-in ones: 363 against 437 ms for the same work.</summary>
    [Theory]
    [InlineData("PerPage", "RangeFlush")]
    [InlineData("Gather", "Deferred")]
    [InlineData("SplitSync", "Explicit")]
    public void One_trace_under_one_policy_has_one_time(string from, string to)
    {
        foreach (string[] costs in (string[][])[[], ["--costs", "smmuv3-2021"]])
        {
            var explained = JsonNode.Parse(Command.Succeed(["explain", Sample, "--iommu", "tegra210", "--from", from, "--to", to, "--json", .. costs]))!;
            var part = explained["parts"]![0]!;
            ((double)part["from_us"]!).ShouldBe(TimeOf(from, costs), 0.002);
            ((double)part["to_us"]!).ShouldBe(TimeOf(to, costs), 0.002);
            ((string)explained["costs_name"]!).ShouldBe(costs is [_, var name] ? name : "tegra210-2015");
        }

        static double TimeOf(string policy, string[] costs) =>
            (double)JsonNode.Parse(Command.Succeed(["replay", Sample, "--iommu", "tegra210", "-p", policy, "--jsonl", .. costs]))!["virtual_us"]!;
    }

    /// <summary>Traces of several domains: explain had skipped what maps over a mapping, which replay does in a domain of its own.</summary>
    [SharedTheory]
    [InlineData("vtd-72-lazy", "vtd-server", "PerPage", "Gather")]
    [InlineData("vtd-72-lazy", "tegra210", "Gather", "Explicit")]
    [InlineData("smmuv3-72-strict", "smmuv3", "Gather", "Deferred")]
    public void A_trace_of_several_domains_has_one_time_too(string boot, string iommu, string from, string to)
    {
        string trace = RepositoryFiles.InShared("faults", boot, "trace.gz");
        var explained = JsonNode.Parse(Command.Succeed("explain", trace, "--iommu", iommu, "--from", from, "--to", to, "--json"))!;
        var part = explained["parts"]![0]!;
        var replayed = JsonNode.Parse(Command.Succeed("replay", trace, "--iommu", iommu, "-p", $"{from},{to}", "--json"))!.AsArray();
        new[] { part["from_us"]!, part["to_us"]! }.Select(us => (double)us).ShouldBe(replayed.Select(one => (double)one!["virtual_us"]!), 0.002);
        ((double)explained["coverage"]!).ShouldBe((double)replayed[0]!["coverage"]!);
        ((long)explained["exposure"]!["reachable_pages_max"]!).ShouldBe((long)replayed[1]!["reachable_pages_max"]!);
    }

    [Fact]
    public void Explain_says_what_a_policy_that_promises_less_leaves()
    {
        Command.Succeed("explain", Sample, "--to", "Deferred").ShouldMatch(@"\n  Deferred \* leaves up to [0-9,]+ pages reachable after their unmap, for up to [0-9.]+ .?s of the trace's time\.");
        Command.Succeed("explain", "-s", "4M", "--to", "Deferred", "--resamples", "20").ShouldContain("Deferred * leaves what was unmapped reachable until its queue is drained.");
        Command.Succeed("explain", Sample, "--to", "Gather").ShouldNotContain(" leaves ");
        Command.Succeed("teardown", "--size", "1M", "-p", "Gather,Deferred").ShouldContain("Here the flush that ends that is in the times");
    }

    [Fact]
    public void Explain_and_bench_have_one_time_for_a_size()
    {
        double[] explained =
        [
            .. JsonNode.Parse(Command.Succeed("explain", "-s", "4M", "--resamples", "20", "--json"))!["parts"]!.AsArray()
                .Where(part => (string)part!["op"]! == "unmap")
                .Take(1)
                .SelectMany(part => new[] { (double)part!["from_us"]!, (double)part["to_us"]! }),
        ];
        explained.ShouldBe(
            JsonNode.Parse(Command.Succeed("bench", "-s", "4M", "-p", "PerPage,RangeFlush", "--json"))!.AsArray()
                .Where(row => (string)row!["op"]! == "unmap").Select(row => (double)row!["virtual_us"]!));
    }

    [Fact]
    public void Explain_answers_first()
    {
        string[] lines = Command.Succeed("explain").Split('\n');
        lines[0].ShouldBe("If this were a tegra210: unmap of 4M, 3,435 µs under PerPage → 159 µs under RangeFlush (21.6× faster)");
        lines[1].ShouldContain("how much of the gain is batching up the TLB maintenance, how much doing the DMA sync in fewer pieces?");
        lines[2].ShouldMatch("^  TLB maintenance +8[01]–97 % +█{20}▒+$");
        lines[3].ShouldMatch("^  DMA sync +1–15 % +▒+$");
        lines[4].ShouldMatch("^  software +0–8 % +▒+$");
        lines[5].ShouldContain("From the proposal's timings of 2015 alone: TLB maintenance 0–100 %, DMA sync 0–100 %.");
        lines[6].ShouldBe("What would settle it: time 1000 read-backs in a row on a board.");
        lines.Count(line => line.StartsWith('─')).ShouldBe(1);
        string.Join('\n', lines).ShouldContain("By cause: invalidation batching");
        lines[7].ShouldMatch("^On machines of today it would read: where the walker snoops, TLB maintenance 9[2-5]–9[2-5] %, DMA sync 0 %; where it does not, TLB maintenance 76 %");
        Command.Succeed("explain", "--details").Split('\n').Count(line => line.StartsWith('─')).ShouldBe(4);
    }

    [Fact]
    public void Explain_says_how_sure_it_is_whatever_is_known()
    {
        Command.Succeed("explain", "-s", "4M", "--no-prior", "--resamples", "50")
            .ShouldMatch("How sure: 90 % intervals from the proposal's timings of 2015 alone. With what is known of such hardware from elsewhere: TLB maintenance [0-9]+–9[0-9] %");
        string given = Command.Succeed("explain", "-s", "4M", "--costs", "tegra210-2015");
        given.ShouldContain("How sure: that is not known");
        given.ShouldMatch("TLB maintenance +[0-9]+ % +█+\n");
        string trace = Command.Succeed("explain", Sample, "--iommu", "tegra210", "--resamples", "20", "--to", "Deferred");
        trace.ShouldContain("(95.2 % of the trace replayed)");
        trace.ShouldContain("under Deferred *");
        trace.ShouldContain("* promises less");
        trace[..trace.IndexOf('─')].ShouldContain("recorded on VT-d");
    }

    [Fact]
    public void Items_of_Markdown_are_whole_sentences()
    {
        string[] items = [.. Command.Succeed("policies", "--markdown").Split('\n').Where(line => line.StartsWith("- "))];
        items.Length.ShouldBeGreaterThan(20);
        items.ShouldAllBe(item => item.TrimEnd().EndsWith('.'));
        items.ShouldAllBe(item => char.IsUpper(item[2]) || item[2] == '\\');
    }

    [Fact]
    public void Policies_are_told_in_words()
    {
        string text = Command.Run(80, ["policies"]).Output;
        text.Split('\n').ShouldAllBe(line => line.Length <= 80);
        text.ShouldContain("\nRangeFlush  Flushes once");
        text.ShouldContain("\nDeferred *  ");
        text.ShouldContain("* promises less than the others");
        var records = JsonNode.Parse(Command.Succeed("policies", "--json"))!.AsArray();
        records.Select(record => (string)record!["policy"]!).ShouldBe(["PerPage", "RangeFlush", "SplitSync", "Gather", "Deferred", "Explicit"]);
        records.Where(record => !(bool)record!["promises_all"]!).Select(record => (string)record!["policy"]!).ShouldBe(["Deferred", "Explicit"]);
        foreach (var record in records)
        {
            foreach (string field in (string[])["does", "promises", "costs", "choose_if", "known_from"])
            {
                ((string)record![field]!).Length.ShouldBeGreaterThan(10);
            }

            ((double)record!["example_unmap_virtual_us"]!).ShouldBeGreaterThan(0);
            ((long)record["example_reachable_pages"]!).ShouldBe((bool)record["promises_all"]! ? 0 : 1024);
        }
    }
}
