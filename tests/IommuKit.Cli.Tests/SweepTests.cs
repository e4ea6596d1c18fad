using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using static IommuKit.Cli.Tests.Command;

namespace IommuKit.Cli.Tests;

/// <summary>What-if tables, sizes, series, and sweeps in shards.</summary>
public sealed class SweepTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Sample => RepositoryFiles.InRepository("samples", "nvme-seq-strict.trace.gz");

    private static string Other => RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_if_compares_every_combination_with_the_first()
    {
        string[] lines = Lines(Succeed(
            "replay", Sample, "--what-if", "--iommu", "tegra124,tegra210", "-p", "PerPage,Gather",
            "--flush-all", "0,8", "--tlb-step", "16K,32K", "--jsonl"));
        lines.Length.ShouldBe(16);
        var rows = lines.Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        rows[0].GetProperty("time_ratio").GetDouble().ShouldBe(1);
        rows[0].GetProperty("maintenance_ratio").GetDouble().ShouldBe(1);
        double first = rows[0].GetProperty("virtual_us").GetDouble();
        foreach (var row in rows)
        {
            row.GetProperty("time_ratio").GetDouble().ShouldBe(row.GetProperty("virtual_us").GetDouble() / first, 1e-4);
        }

        var combinations = rows.Select(row => (
            row.GetProperty("iommu").GetString(),
            row.GetProperty("tuning").TryGetProperty("flush_all", out var pages) ? pages.GetInt32() : 0,
            row.GetProperty("tuning").GetProperty("tlb_step").GetInt32(),
            row.GetProperty("policy").GetString()));
        combinations.Distinct().Count().ShouldBe(16);

        string text = Succeed("replay", Sample, Other, "--what-if", "-p", "PerPage,Gather", "--section-threshold", "0,2");
        text.ShouldMatch("\n  best +Gather +--section-threshold (0|2|any) ");
        text.Split("What if this were a tegra210: ").Length.ShouldBe(3);
    }

    [Fact]
    public void Sizes_and_series_have_their_tables_and_fields()
    {
        Succeed("replay", Sample, "-p", "Gather", "--by-size").ShouldMatch("unmap +260K–1M +2,050 ");
        Lines(Succeed("replay", Sample, "-p", "Gather", "--by-size", "--csv"))[0].ShouldBe(
            "file,iommu,policy,op,size_from_bytes,size_to_bytes,count,virtual_us,p50_us,p90_us,p99_us,max_us,costs");
        Succeed("replay", Sample, "-p", "Gather", "--series", "1s").ShouldMatch(@"10\.025165 +2,238 +552 ");
        string[] lines = Lines(Succeed("replay", Sample, "-p", "Gather", "--series", "500ms", "--csv"));
        lines[0].ShouldBe(
            "file,iommu,policy,recorded_start_us,maps,unmaps,mapped_bytes,unmapped_bytes,virtual_us,invalidations,syncs,live_pages,costs");
        lines[1].ShouldContain(",10025165,");
    }

    [Theory]
    [InlineData("--what-if --flush-all 0,8,64 --iommu tegra124,tegra210", 3)]
    [InlineData("--what-if -p Gather", 1)]
    [InlineData("-p PerPage,Gather,Deferred", 2)]
    [InlineData("-p Gather", 9)]
    [InlineData("-p Gather,Explicit --by-size", 3)]
    [InlineData("-p Gather,Explicit --by-command --iommu vtd-server,smmuv3,tegra210", 3)]
    [InlineData("-p Gather,Explicit --series 250ms", 4)]
    public void Shards_put_together_print_what_one_run_prints(string options, int shards)
    {
        string[] words = ["replay", Sample, Other, .. options.Split(' ')];
        string[] files =
            [.. Enumerable.Range(1, shards).Reverse().Select(shard => Write($"{shard}.json", Succeed([.. words, "--shard", $"{shard}/{shards}"])))];
        foreach (string[] format in (string[][])[[], ["--json"], ["--jsonl"], ["--csv"], ["--markdown"]])
        {
            Succeed(["merge", .. files, .. format]).ShouldBe(Succeed([.. words, .. format]));
        }
    }

    [Fact]
    public void Shards_keep_what_a_lenient_replay_found()
    {
        string broken = Path.Combine(_folder, "broken.gz");
        File.WriteAllBytes(broken, File.ReadAllBytes(Sample)[..30_000]);
        string[] words = ["replay", broken, "--lenient", "-p", "PerPage,Gather"];
        string[] files = [.. new[] { "1", "2" }.Select(shard => Write(shard, Succeed([.. words, "--shard", $"{shard}/2"])))];
        string text = Succeed(words);
        text.ShouldContain("breaks off");
        Succeed("merge", files[0], files[1]).ShouldBe(text);
    }

    [Fact]
    public void Shards_that_are_missing_or_there_twice_or_of_another_sweep_are_refused()
    {
        string one = Shard("one", "1/3");
        string two = Shard("two", "2/3");
        string three = Shard("three", "3/3");
        Refuse("merge", one, three).ShouldContain("1 shard of 3 missing: 2/3");
        Refuse("merge", one, two, three, two).ShouldContain($"{two}:1: is shard 2/3, and so is {two}");
        Refuse("merge", one, Shard("a", "2/2"), three).ShouldContain(":1: is of a sweep of 2 shards");
        Refuse("merge", one, Shard("b", "2/3", "-p", "Gather,PerPage,Explicit"), three)
            .ShouldContain("b:1: was made with another --policy (Gather, PerPage, Explicit) than");
        Refuse("merge", one, Shard("c", "2/3", "--costs", "smmuv3-2021"), three).ShouldContain("another --costs");
        Refuse("merge", one, Shard("d", "2/3", "--flush-all", "8"), three).ShouldContain("another tuning");
        Refuse("merge", one, Write("e", File.ReadAllText(two).Replace("\"peak_live_pages\":", "\"peak_live_pages\":7")), three)
            .ShouldContain("e:2: ");
    }

    /// <summary>Numbers that are other numbers, names that are other names, lines that are gone: none of it comes out of a merge.</summary>
    [Fact]
    public void Whatever_is_damaged_in_a_shard_is_noticed()
    {
        byte[] whole = File.ReadAllBytes(Shard("whole", "1/1"));
        string damaged = Path.Combine(_folder, "damaged");
        var random = new Random(1);
        for (int round = 0; round < 120; round++)
        {
            var bytes = whole.ToList();
            int at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    // A digit becomes another, which leaves all lines what they were.
                    at = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
                    at = at < 0 ? bytes.FindIndex(b => b is >= (byte)'0' and <= (byte)'9') : at;
                    bytes[at] = (byte)('0' + ((bytes[at] - '0' + 1 + random.Next(9)) % 10));
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(1 + random.Next(20), bytes.Count - at));
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }

            File.WriteAllBytes(damaged, [.. bytes]);
            var (code, _, error) = Command.Run("merge", damaged);
            code.ShouldBe(2, $"round {round}");
            error.ShouldContain(damaged);
        }
    }

    [Theory]
    [InlineData("\"settings\":", "\"setting\":")]
    [InlineData("\"unpriced\":[]", "\"unpriced\":null")]
    [InlineData("\"unpriced\":[]", "\"priced\":[]")]
    [InlineData("\"barrier\":", "\"barriers\":")]
    [InlineData("\"tlb\":", "\"iotlb\":")]
    [InlineData("\"item\":0", "\"items\":0")]
    public void What_somebody_else_made_with_a_checksum_of_its_own_is_refused_in_one_line(string part, string other)
    {
        string[] lines = Lines(File.ReadAllText(Shard("made", "1/1")));
        lines[1].ShouldContain(part);
        lines[1] = lines[1].Replace(part, other);
        byte[] body = Encoding.UTF8.GetBytes(string.Concat(lines[..^1].Select(line => line + "\n")));
        string made = Write("made2", $"{Encoding.UTF8.GetString(body)}{{\"sha256\":\"{Convert.ToHexStringLower(SHA256.HashData(body))}\"}}\n");
        Refuse("merge", made).ShouldContain("made2:2: is not a line that 'iommukit replay --shard' wrote");
    }

    [Fact]
    public void Damaged_shards_are_refused_with_their_line()
    {
        string one = Shard("one", "1/2");
        string text = File.ReadAllText(Shard("two", "2/2"));
        Refuse("merge", one, Write("a", text[..^120])).ShouldContain("a:3: is not a line");
        Refuse("merge", one, Write("b", string.Join('\n', text.Split('\n')[..2]) + "\n")).ShouldContain("b:3: ends after 1 of the 2 results");
        Refuse("merge", one, Write("c", text + "{}\n")).ShouldContain("c:5: is more than");
        Refuse("merge", one, Write("k", string.Join('\n', text.Split('\n')[..3]) + "\n")).ShouldContain("k:4: ends without its checksum");
        Refuse("merge", one, Write("d", text.Replace("\"item\":3", "\"item\":1"))).ShouldContain("d:3: has item 1 where");
        Refuse("merge", Write("e", "[1]\n")).ShouldContain("e:1: is not a line");
        Refuse("merge", Write("f", string.Empty)).ShouldContain("f: is empty");
        Refuse("merge", Write("g", text.Replace("\"iommukit_shard\":4", "\"iommukit_shard\":9"))).ShouldContain("g:1: has version 9");
        Refuse("merge", Write("h", text.Replace("\"shards\":2", "\"shards\":0"))).ShouldContain("h:1: has numbers");
        Refuse("merge", Write("i", text.Replace("\"cases\":4", "\"cases\":2147483647"))).ShouldContain("i:1: has numbers");
        Refuse("merge", one, Write("j", text.Replace("\"skipped\":[]", "\"skipped\":null"))).ShouldContain("j:2: is not a line");
        Refuse("merge", one, Write("l", "\ufeff" + text)).ShouldContain("l:1: is not a line");
        Refuse("merge", "/nowhere").ShouldContain("/nowhere: there is no such file");
        Refuse("merge", "/").ShouldContain("/: is a directory");

        // Whatever one byte turns into is said in one clear line.
        var random = new Random(11);
        for (int i = 0; i < 30; i++)
        {
            char[] changed = text.ToCharArray();
            changed[random.Next(changed.Length)] = (char)random.Next(32, 127);
            var (code, _, error) = Run("merge", one, Write("z", new string(changed)));
            code.ShouldBe(text == new string(changed) ? 0 : 2);
            (code == 0 ? string.Empty : error.TrimEnd('\n')).ShouldNotContain("\n");
        }
    }

    [Theory]
    [InlineData("--shard 0/3", "--shard: \"0/3\" is not I/N")]
    [InlineData("--shard 4/3", "--shard: \"4/3\" is not I/N")]
    [InlineData("--shard x/y", "--shard: \"x/y\" is not I/N")]
    [InlineData("--shard 1", "--shard: \"1\" is not I/N")]
    [InlineData("--shard 1/99999999999", "is not I/N")]
    [InlineData("--shard 1/2 --csv", "--shard writes JSON lines")]
    [InlineData("--by-size --series 1s", "exclude each other")]
    [InlineData("--series 100", "--series: \"100\" is not a duration")]
    [InlineData("--series 0ms", "--series: \"0ms\" is not a duration")]
    [InlineData("--series 99999999999s", "is not a duration")]
    [InlineData("--flush-all 0,8", "--flush-all: \"0,8\"")]
    [InlineData("--what-if --flush-all 0,x", "--flush-all: \"x\"")]
    [InlineData("--what-if --tlb-step 16K,", "--tlb-step")]
    public void Bad_use_is_one_clear_line(string options, string reason) =>
        Refuse(["replay", Sample, .. options.Split(' ')]).ShouldContain(reason);

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A shard of three cases, or of four where there are two shards, so that each of these has two.</summary>
    private string Shard(string name, string shard, params string[] options)
    {
        string[] policies = options.Contains("-p")
            ? []
            : ["-p", shard.EndsWith('2') ? "PerPage,Gather,Deferred,Explicit" : "PerPage,Gather,Deferred"];
        return Write(name, Succeed(["replay", Sample, "--shard", shard, .. policies, .. options]));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
