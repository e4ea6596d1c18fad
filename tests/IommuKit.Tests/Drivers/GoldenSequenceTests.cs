using System.Globalization;
using IommuKit.Domains;
using IommuKit.PageTables;

namespace IommuKit.Tests.Drivers;

/// <summary>
/// Register accesses of Linux's own Tegra driver (6.1 and 6.12 do the same), recorded on this project's model, against those of this driver under
/// <see cref="SyncPolicy.PerPage"/>: alike, but for what is listed.
/// </summary>
public sealed class GoldenSequenceTests : TegraDriverFixture
{
    private const ulong Target = 0x9000_0000;

    // What this driver adds, and why.
    private static readonly Dictionary<string, string[]> Added = new(StringComparer.Ordinal)
    {
        // It enables its interrupts itself; in Linux the memory controller's driver does.
        ["probe, from PTC_CONFIG on"] = ["W 004"],

        // It waits for the registers of the device, so that the device is in the domain when the call returns.
        ["attach hc"] = ["R 01c"],
    };

    [SharedTheory]
    [InlineData("tegra30", 0x1000_0000)]
    [InlineData("tegra114", 0x1000_0000)]
    [InlineData("tegra124", 0x1_0000_0000)]
    [InlineData("tegra210", 0x1_0000_0000)]
    public void Page_by_page_it_does_what_Linux_does(string soc, ulong pool)
    {
        var golden = Sections(RepositoryFiles.InShared("vectors", "tegra", $"mainline-{soc}.txt"));
        var driver = Make(soc, pool: pool);
        var options = new DomainOptions { Policy = SyncPolicy.PerPage, Release = TableRelease.WhenEmpty };
        int accesses = 0;
        Compare("probe, from PTC_CONFIG on");
        var domain = driver.CreateDomain(options);
        Step("attach hc", () => domain.Attach(driver.GetDevice("hc")));
        Step("map 10001000 +1000", () => domain.Map(0x1000_1000, Target, 0x1000, ReadWrite));
        Step("map 1000f000 +2000", () => domain.Map(0x1000_f000, Target, 0x2000, ReadWrite));
        Step("unmap 10001000", () => domain.Unmap(0x1000_1000, 0x1000));
        Step("unmap 1000f000", () => domain.Unmap(0x1000_f000, 0x1000));
        Step("unmap 10010000", () => domain.Unmap(0x1001_0000, 0x1000));
        Step("map 203f8000 +10000 over two tables", () => domain.Map(0x203f_8000, Target, 0x1_0000, ReadWrite));
        Step("unmap 203f8000 +10000", () => domain.Unmap(0x203f_8000, 0x1_0000));
        accesses.ShouldBeGreaterThan(200);

        void Step(string name, Action action)
        {
            Bus.Calls.Clear();
            action();
            Compare(name);
        }

        void Compare(string name)
        {
            var here = Normal(Bus.Calls);
            var linux = Normal(golden[name].Where(call => !call.Contains(" ahb ", StringComparison.Ordinal)));
            accesses += linux.Count;
            here.Take(linux.Count).ShouldBe(linux, $"{soc}: {name}");
            here.Skip(linux.Count).Select(call => call[..5]).ShouldBe(Added.GetValueOrDefault(name) ?? [], $"{soc}: {name}");
        }
    }

    /// <summary>Tables are told apart by when they occur: the two take free ones in another order.</summary>
    private static List<string> Normal(IEnumerable<string> calls)
    {
        var tables = new List<uint>();
        var normal = new List<string>();
        foreach (string call in calls)
        {
            string[] words = call.Split(' ');
            ulong address = words[0] == "C" || (words[0] == "W" && words[1] == "034")
                ? ulong.Parse(words[0] == "C" ? words[1] : words[2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
                : 0;
            if (address < 0x1000)
            {
                normal.Add(call);
                continue;
            }

            uint table = (uint)address & ~0xfffu;
            if (!tables.Contains(table))
            {
                tables.Add(table);
            }

            normal.Add($"{words[0]} table {tables.IndexOf(table)} + {address & 0xfff:x} {(words[0] == "C" ? words[2] : string.Empty)}");
        }

        return normal;
    }

    private static Dictionary<string, List<string>> Sections(string path)
    {
        var sections = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        List<string>? section = null;
        foreach (string line in File.ReadLines(path))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                sections[line[2..]] = section = [];
            }
            else
            {
                section!.Add(line.Trim());
            }
        }

        return sections;
    }
}
