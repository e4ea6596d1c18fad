using System.Text.RegularExpressions;

namespace IommuKit.Cli.Tests;

/// <summary>What every command that reads traces says of events of size 0, and of events that are not read.</summary>
public sealed class OddEventsTests : IDisposable
{
    private const string Map = "a-1 [000] ..... 1.000000: map: IOMMU: iova=0x1000 - 0x3000 paddr=0x8000 size=8192";
    private const string Unmap = "a-1 [000] ..... 2.000000: unmap: IOMMU: iova=0x1000 - 0x2000 size=4096 unmapped_size=4096";
    private const string EmptyMap = "a-1 [000] ..... 1.500000: map: IOMMU: iova=0x40000000 - 0x40000000 paddr=0x8000 size=0";
    private const string EmptyUnmap = "a-1 [000] ..... 1.600000: unmap: IOMMU: iova=0x1000 - 0x1000 size=0 unmapped_size=0";
    private const string Own = "a-1 [000] ..... 1.700000: map_sg: dev=0000:00:03.0 [1/3] dev_addr=0xfffe0000 phys_addr=0x6c66000 size=4096";

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private string Trace => Path.Combine(_folder, "trace");

    public static TheoryData<string[]> Commands => new()
    {
        new[] { "replay", "-p", "Gather" },
        new[] { "explain" },
        new[] { "dump", "-f", "x86-64" },
        new[] { "audit" },
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Commands))]
    public void Events_of_size_0_change_nothing(string[] command)
    {
        string without = Run(command, Map, Unmap);
        string with = Run(command, Map, EmptyMap, EmptyUnmap, Unmap);
        WithoutCounts(with).ShouldBe(WithoutCounts(without));
        if (command[0] is "replay" or "audit")
        {
            with.ShouldContain("\"other_events\":2", Case.Sensitive);
        }
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Where_all_are_of_size_0_that_is_said(string[] command)
    {
        File.WriteAllLines(Trace, [EmptyMap, EmptyUnmap]);
        string error = Command.Refuse([command[0], Trace, .. command[1..]]);
        error.ShouldContain("has 2 events of iommu:map and iommu:unmap, and all are of size 0, which map and unmap nothing");
        error.ShouldNotContain("both events on");
    }

    [Fact]
    public void Events_that_VTd_had_until_5_10_are_counted_and_named()
    {
        File.WriteAllLines(Trace, [Map, Own, Unmap, Own]);
        foreach (string[] command in (string[][])[["replay", Trace, "-p", "Gather"], ["explain", Trace], ["dump", Trace, "-f", "x86-64"]])
        {
            Command.Succeed(command).ShouldContain(
                "2 events of VT-d's own until Linux 5.10 (map_single, map_sg, unmap_single, unmap_sg), which are not read, lines 2–4");
            Compact(Command.Succeed([.. command, "--json"])).ShouldContain("""{"reason":"vtd-mapping","count":2,"first_line":2,"last_line":4}""");
        }

        Command.Succeed("audit", Trace).ShouldContain("unmap_sg that VT-d had until Linux 5.10, which are not read: 2");
    }

    /// <summary>What a command says as JSON.</summary>
    private string Run(string[] command, params string[] lines)
    {
        File.WriteAllLines(Trace, lines);
        return Compact(Command.Succeed([command[0], Trace, .. command[1..], "--json"]));
    }

    private static string Compact(string json) => Regex.Replace(json, "\\s", "", RegexOptions.None, TimeSpan.FromMinutes(1));

    /// <summary>A result without what counts all events and lines.</summary>
    private static string WithoutCounts(string json) =>
        Regex.Replace(json, "\"(?:other_events|peak_line)\":[0-9]+", "", RegexOptions.None, TimeSpan.FromMinutes(1));
}
