using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>The register work of the fact sheet's table of minimum flush work: aligned runs, existing tables.</summary>
public class TegraCountsTests
{
    private const ulong Iova = 0x4000_0000;

    [Theory]
    [InlineData("tegra30", 32, 64, 32, 32)]
    [InlineData("tegra30", 1024, 2048, 1024, 1024)]
    [InlineData("tegra114", 1024, 2048, 1024, 1024)]
    [InlineData("tegra124", 32, 96, 32, 32)]
    [InlineData("tegra124", 1024, 3072, 1024, 1024)]
    [InlineData("tegra210", 32, 96, 32, 32)]
    [InlineData("tegra210", 1024, 3072, 1024, 1024)]
    [InlineData("tegra210", 4608, 13_824, 4608, 4608)]
    public void Page_by_page(string soc, int pages, long writes, long reads, long lines) =>
        Check(soc, new MachineSettings(), SyncPolicy.PerPage, pages, writes, reads, lines);

    [Theory]
    [InlineData("tegra124", 32, 12, 2)]
    [InlineData("tegra124", 1024, 384, 64)]
    [InlineData("tegra210", 32, 8, 2)]
    [InlineData("tegra210", 1024, 256, 64)]
    [InlineData("tegra210", 4608, 1152, 288)]
    public void By_range_with_groups_of_32_KiB(string soc, int pages, long writes, long lines) =>
        CheckRangePolicies(soc, Tuned(TegraTuning.TlbStep, 32 << 10), pages, writes, lines);

    [Theory]
    [InlineData("tegra30", 32, 16, 2)]
    [InlineData("tegra30", 1024, 512, 64)]
    [InlineData("tegra114", 1024, 384, 64)]
    [InlineData("tegra124", 32, 16, 2)]
    [InlineData("tegra124", 1024, 512, 64)]
    [InlineData("tegra210", 32, 12, 2)]
    [InlineData("tegra210", 1024, 384, 64)]
    [InlineData("tegra210", 4608, 1728, 288)]
    public void By_range_with_groups_of_16_KiB(string soc, int pages, long writes, long lines) =>
        CheckRangePolicies(soc, Tuned(TegraTuning.TlbStep, 16 << 10), pages, writes, lines);

    [Theory]
    [InlineData("tegra30", 32, 9, 2)]
    [InlineData("tegra30", 1024, 257, 64)]
    [InlineData("tegra124", 32, 9, 2)]
    [InlineData("tegra124", 1024, 257, 64)]
    [InlineData("tegra210", 32, 5, 2)]
    [InlineData("tegra210", 1024, 129, 64)]
    [InlineData("tegra210", 4608, 581, 288)]
    public void By_range_with_sections(string soc, int pages, long writes, long lines) =>
        CheckRangePolicies(soc, Tuned(TegraTuning.SectionThreshold, 1), pages, writes, lines);

    [Theory]
    [InlineData("tegra30")]
    [InlineData("tegra210")]
    public void Everything_at_once_is_two_writes_and_a_read_for_any_size(string soc)
    {
        using var machine = TegraMachine.Create(Cases.Soc(soc));
        using var domain = machine.CreateDomain(new DomainOptions { Policy = SyncPolicy.Gather, FlushAllPages = 512, Release = TableRelease.Never });
        domain.Attach(machine.TestDevice);
        var (map, unmap) = Measure(machine, domain, 4608);
        foreach (var counts in (OperationCounts[])[map, unmap])
        {
            counts.RegisterWrites.Total.ShouldBe(2);
            counts.RegisterReads.Total.ShouldBe(1);
            counts.LinesCleaned.ShouldBe(288);
        }
    }

    /// <summary>A new table: its page is cleaned, its pointer stored, cleaned and flushed; and back.</summary>
    [Fact]
    public void Tables_that_come_and_go_are_counted()
    {
        using var machine = TegraMachine.Create(Cases.Soc("tegra210"));
        using var domain = machine.CreateDomain(new DomainOptions { Policy = SyncPolicy.PerPage });
        domain.Attach(machine.TestDevice);
        var (map, unmap) = Measure(machine, domain, 1024, isWarm: false);
        map.RegisterWrites.Total.ShouldBe(3072 + 3);
        map.RegisterReads.Total.ShouldBe(1024 + 1);
        map.LinesCleaned.ShouldBe(1024 + 64 + 1);
        map.EntriesStored.ShouldBe(1024 + 1);
        map.TablesAllocated.ShouldBe(1);
        unmap.RegisterWrites.Total.ShouldBe(3072 + 3);
        unmap.TablesFreed.ShouldBe(1);
    }

    [Fact]
    public void Accesses_are_counted_by_purpose()
    {
        using var machine = TegraMachine.Create(Cases.Soc("tegra210"));
        using var domain = machine.CreateDomain(new DomainOptions { Policy = SyncPolicy.Gather, Release = TableRelease.Never });
        domain.Attach(machine.TestDevice);
        var (map, _) = Measure(machine, domain, 1024);
        map.RegisterWrites.ShouldBe(new RegisterAccesses(TableCache: 128, Tlb: 128, Completion: 0, Other: 0));
        map.RegisterReads.ShouldBe(new RegisterAccesses(TableCache: 0, Tlb: 0, Completion: 1, Other: 0));
        map.Barriers.ShouldBe(1);
        map.CleanCalls.ShouldBe(1);
        map.Syncs.ShouldBe(1);
        map.RangesMapped.ShouldBe(1024);
        map.EntriesStored.ShouldBe(1024);
        map.Maintenance.ShouldBe(256 + 1 + 64);
    }

    private static MachineSettings Tuned(TuningOption option, int value) => new() { Tuning = TuningValues.None.With(option, value) };

    private static void CheckRangePolicies(string soc, MachineSettings settings, int pages, long writes, long lines)
    {
        foreach (var policy in (SyncPolicy[])[SyncPolicy.RangeFlush, SyncPolicy.SplitSync, SyncPolicy.Gather, SyncPolicy.Explicit])
        {
            Check(soc, settings, policy, pages, writes, 1, lines);
        }
    }

    private static void Check(string soc, MachineSettings settings, SyncPolicy policy, int pages, long writes, long reads, long lines)
    {
        using var machine = TegraMachine.Create(Cases.Soc(soc), settings);
        using var domain = machine.CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.Never });
        domain.Attach(machine.TestDevice);
        var (map, unmap) = Measure(machine, domain, pages);
        foreach (var (name, counts) in (ReadOnlySpan<(string, OperationCounts)>)[("map", map), ("unmap", unmap)])
        {
            counts.RegisterWrites.Total.ShouldBe(writes, $"{soc} {policy} {name}");
            counts.RegisterReads.Total.ShouldBe(reads, $"{soc} {policy} {name}");
            counts.LinesCleaned.ShouldBe(lines, $"{soc} {policy} {name}");
            counts.EntriesStored.ShouldBe(pages, $"{soc} {policy} {name}");
        }
    }

    private static (OperationCounts Map, OperationCounts Unmap) Measure(Machine machine, IommuDomain domain, int pages, bool isWarm = true)
    {
        // Physically scattered, as the proposal's lists.
        PhysicalRange[] list = [.. Enumerable.Range(0, pages).Select(i => new PhysicalRange(machine.DataStart + ((ulong)(pages - i) * 8192), 4096))];
        ulong size = (ulong)pages * 4096;
        for (int round = isWarm ? 0 : 1; ; round++)
        {
            var start = machine.Counts;
            domain.MapScatterGather(Iova, list, Protection.Read | Protection.Write).ShouldBe(size);
            domain.Flush();
            var mapped = machine.Counts;
            domain.Unmap(Iova, size).ShouldBe(size);
            domain.Flush();
            if (round == 1)
            {
                return (mapped - start, machine.Counts - mapped);
            }
        }
    }
}
