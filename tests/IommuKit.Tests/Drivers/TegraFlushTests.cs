using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.PageTables;

namespace IommuKit.Tests.Drivers;

/// <summary>The Tegra driver's maintenance, access by access, against the sequences of the fact sheet.</summary>
public sealed class TegraFlushTests : TegraDriverFixture
{
    /// <summary>Page by page the driver does what the one in Linux does, to the register write.</summary>
    [Fact]
    public void Per_page_on_tegra210_is_the_sequence_of_mainline()
    {
        using var domain = MakeAttached("tegra210", SyncPolicy.PerPage);

        // The first page makes the table at 0x1_0000_1000; its directory entry is 0x40 entries into the directory.
        domain.Map(0x1000_1000, 0x2_0000_0000, 0x1000, ReadWrite);
        Bus.Calls.ShouldBe(
        [
            "C 100001000 4096", "B",
            "C 100000100 64", "B", "W 9b8 00000001", "W 034 00000101", "W 030 80010002", "R 01c",
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 80010003", "R 01c",
        ]);
        Entry(0x1_0000_0100).ShouldBe(0xf010_0001u);
        Entry(0x1_0000_1004).ShouldBe(0xe020_0000u);

        Bus.Calls.Clear();
        domain.Map(0x1000_f000, 0x2_0000_1000, 0x2000, ReadWrite);
        Bus.Calls.ShouldBe(
        [
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 8001000f", "R 01c",
            "C 100001040 64", "B", "W 9b8 00000001", "W 034 00001041", "W 030 80010013", "R 01c",
        ]);

        // With the last entry the table goes: the pointer is flushed first.
        Bus.Calls.Clear();
        domain.Unmap(0x1000_1000, 0x1000).ShouldBe(0x1000ul);
        domain.Unmap(0x1000_f000, 0x1000).ShouldBe(0x1000ul);
        domain.Unmap(0x1001_0000, 0x1000).ShouldBe(0x1000ul);
        Bus.Calls.ShouldBe(
        [
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 80010003", "R 01c",
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 8001000f", "R 01c",
            "C 100001040 64", "B", "W 9b8 00000001", "W 034 00001041", "W 030 80010013", "R 01c",
            "C 100000100 64", "B", "W 9b8 00000001", "W 034 00000101", "W 030 80010002", "R 01c",
        ]);
        Entry(0x1_0000_0100).ShouldBe(0u);
    }

    [Fact]
    public void Per_page_on_tegra30_has_no_high_half_and_small_atoms()
    {
        using var domain = MakeAttached("tegra30", SyncPolicy.PerPage, pool: 0x8000_0000);
        domain.Map(0x1000_5000, 0x9000_0000, 0x1000, ReadWrite);
        Bus.Calls.Skip(2).ShouldBe(
        [
            "C 80000100 64", "B", "W 034 80000101", "W 030 80010002", "R 01c",
            "C 80001000 64", "B", "W 034 80001011", "W 030 80010007", "R 01c",
        ]);
    }

    [Theory]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    public void A_range_flush_aligns_its_head_and_tail(SyncPolicy policy)
    {
        using var domain = MakeAttached("tegra210", policy);
        domain.Map(0x1000_0000, 0, 0x1000, ReadWrite);
        Bus.Calls.Clear();

        // Pages 0xf to 0x21: entries 15 to 33 are in lines 0, 1 and 2, and in groups of 8 pages 1 to 4. The first group is named by the
        // 16 KiB that page 0xf lies in.
        domain.Map(0x1000_f000, 0x2_0000_0000, 0x1_3000, ReadWrite);
        Bus.Calls.ShouldBe(
        [
            "C 100001000 192", "B",
            "W 9b8 00000001", "W 034 00001001", "W 9b8 00000001", "W 034 00001041", "W 9b8 00000001", "W 034 00001081",
            "W 030 8001000f", "W 030 80010013", "W 030 8001001b", "W 030 80010023", "R 01c",
        ]);
        string[] calls = [.. Bus.Calls];
        Bus.Calls.Clear();
        domain.Unmap(0x1000_f000, 0x1_3000);
        Bus.Calls.ShouldBe(calls);
    }

    [Fact]
    public void Thresholds_choose_sections_and_the_address_space()
    {
        var options = new TegraDriverOptions { SectionThreshold = 8, AsidThreshold = 3 };
        using var domain = MakeAttached("tegra210", SyncPolicy.Gather, options, release: TableRelease.Never);
        domain.Map(0x1000_0000, 0, 16 << 20, ReadWrite);
        domain.Unmap(0x1000_0000, 16 << 20);

        Flushes(0x1000_0000, 0x1_0000).ShouldBe(["W 030 80010003", "W 030 8001000b"]);
        Flushes(0x1000_0000, 0x4_0000).ShouldBe(["W 030 80010002"]);
        Flushes(0x1000_0000, 0x40_0000 + 0x1000).ShouldBe(["W 030 80010002", "W 030 80010403"]);
        Flushes(0x1000_0000, 0x1_8000).ShouldBe(["W 030 80000000"]);
        Flushes(0x1000_0000, 16 << 20).ShouldBe(["W 030 80000000"]);

        string[] Flushes(ulong iova, ulong size)
        {
            Bus.Calls.Clear();
            domain.Map(iova, 0, size, ReadWrite);
            string[] flushes = [.. Bus.Calls.Where(call => call.StartsWith("W 030"))];
            domain.Unmap(iova, size).ShouldBe(size);
            return flushes;
        }
    }

    [Fact]
    public void A_step_of_16_KiB_flushes_twice_as_many_groups()
    {
        using var domain = MakeAttached("tegra210", SyncPolicy.Gather, new TegraDriverOptions { TlbStep = 16 << 10 });
        domain.Map(0x1000_0000, 0, 0x1000, ReadWrite);
        Bus.Calls.Clear();
        domain.Map(0x1000_4000, 0, 0x8000, ReadWrite);
        Bus.Calls.Where(call => call.StartsWith("W 030")).ShouldBe(["W 030 80010007", "W 030 8001000b"]);
    }

    [Fact]
    public void The_deferred_queue_is_drained_by_two_writes_and_a_read()
    {
        using var domain = MakeAttached("tegra210", SyncPolicy.Deferred);
        domain.Map(0x1000_0000, 0, 0x8000, ReadWrite);
        Bus.Calls.Clear();
        domain.Unmap(0x1000_0000, 0x2000);
        domain.Unmap(0x1000_4000, 0x2000);
        Bus.Calls.ShouldBe(["C 100001000 64", "B", "C 100001000 64", "B"]);
        Bus.Calls.Clear();
        domain.Flush();
        Bus.Calls.ShouldBe(["W 034 00000000", "W 030 80000000", "R 01c"]);
    }

    [Fact]
    public void Sections_are_used_only_when_asked_for()
    {
        using var domain = MakeAttached("tegra124", SyncPolicy.Gather, new TegraDriverOptions { UsesSections = true });
        domain.PageSizes.ShouldBe(0x40_1000u);
        domain.Map(0x1000_0000, 0x2_0000_0000, 8 << 20, ReadWrite);
        Bus.Calls.ShouldBe(
        [
            "C 100000100 64", "B", "W 9b8 00000001", "W 034 00000101", "W 030 80010002", "W 030 80010402", "R 01c",
        ]);
        Entry(0x1_0000_0100).ShouldBe(0xe020_0000u);
        Entry(0x1_0000_0104).ShouldBe(0xe020_0400u);
    }
}
