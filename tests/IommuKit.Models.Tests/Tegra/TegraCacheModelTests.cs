using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>The caches of the model by itself: what they hold, and what a flush drops.</summary>
public sealed class TegraCacheModelTests : TegraModelFixture
{
    [Fact]
    public void The_page_table_cache_holds_a_line_until_it_is_flushed_by_its_address()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Read(model, 0x4000_0000).ShouldBeNull();

        // Stored behind the caches' back: not seen, by a TLB flush alone neither.
        Store(Table, ReadWrite | 0x1_0000);
        Store(Table + 64, ReadWrite | 0x2_0000);
        Flush(model, TegraTlbFlush.All);
        Read(model, 0x4000_0000).ShouldBeNull();

        // The next line of 64 bytes was not read before.
        Read(model, 0x4001_0000).ShouldBe(0x2000_0000ul);

        // Flushed with the wrong upper bits: not seen. With the right ones, and the TLB after it: seen.
        FlushPtc(model, Table | (1ul << 32));
        Flush(model, TegraTlbFlush.All);
        Read(model, 0x4000_0000).ShouldBeNull();
        FlushPtc(model, Table);
        Read(model, 0x4000_0000).ShouldBeNull();
        Flush(model, TegraTlbFlush.All);
        Read(model, 0x4000_0000).ShouldBe(0x1000_0000ul);
    }

    [Theory]
    [InlineData(16 << 10)]
    [InlineData(32 << 10)]
    [InlineData(64 << 10)]
    public void A_tlb_line_is_a_group_and_a_group_flush_drops_that_line_only(int groupBytes)
    {
        var model = Make(new TegraModelOptions { TlbGroupBytes = groupBytes });
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        uint group = (uint)groupBytes;
        for (uint page = 0; page < 64; page++)
        {
            Store(Table + (page * 4), ReadWrite | (0x1_0000 + page));
        }

        Read(model, 0x4000_0000).ShouldBe(0x1000_0000ul);
        Read(model, 0x4000_0000 + group).ShouldBe(0x1000_0000ul + group);
        for (uint page = 0; page < 64; page++)
        {
            Store(Table + (page * 4), 0);
        }

        model.Write32(TegraMc.PtcFlush, 0);
        Flush(model, TegraTlbFlush.Group(TegraSoc.Tegra210, 5, 0x4000_0000 + group - 1));

        // Every page of the flushed group is gone; every page of the next is still there, also those never used.
        Read(model, 0x4000_0000).ShouldBeNull();
        Read(model, 0x4000_0000 + group - 4096).ShouldBeNull();
        Read(model, 0x4000_0000 + group).ShouldBe(0x1000_0000ul + group);
        Read(model, 0x4000_0000 + (2 * group) - 4096).ShouldBe(0x1000_0000ul + (2 * group) - 4096);
    }

    [Fact]
    public void Tlb_flushes_match_section_asid_or_everything()
    {
        var model = Make();
        for (uint i = 0; i < 2; i++)
        {
            Store(Directory + ((0x100 + i) * 4), 0xf000_0000 | (uint)(Table >> 12));
        }

        Store(Table, ReadWrite | 0x1_0000);
        Store(Table + (4 * 1000), ReadWrite | 0x2_0000);
        uint[] addresses = [0x4000_0000, 0x403e_8000, 0x4040_0000];
        Forget();
        Flush(model, TegraTlbFlush.Section(TegraSoc.Tegra210, 5, 0x4030_0000));
        Seen().ShouldBe([false, false, true]);
        Forget();
        Flush(model, TegraTlbFlush.Asid(TegraSoc.Tegra210, 6));
        Seen().ShouldBe([true, true, true]);
        Flush(model, TegraTlbFlush.Asid(TegraSoc.Tegra210, 5));
        Seen().ShouldBe([false, false, false]);
        Forget();
        Flush(model, new TegraTlbFlush(1));
        Seen().ShouldBe([true, true, true]);
        Flush(model, TegraTlbFlush.All);
        Seen().ShouldBe([false, false, false]);

        // Fills the TLB with translations that the tables no longer have.
        void Forget()
        {
            Store(Table, ReadWrite | 0x1_0000);
            Store(Table + (4 * 1000), ReadWrite | 0x2_0000);
            model.Write32(TegraMc.PtcFlush, 0);
            Flush(model, TegraTlbFlush.All);
            foreach (uint address in addresses)
            {
                Read(model, address).ShouldNotBeNull();
            }

            Store(Table, 0);
            Store(Table + (4 * 1000), 0);
            model.Write32(TegraMc.PtcFlush, 0);
            model.SettleWrites();
        }

        bool[] Seen() => [.. addresses.Select(address => Read(model, address) is not null)];
    }

    [Fact]
    public void Hardware_counters_count_while_enabled_and_reset_on_command()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, ReadWrite | 0x1_0000);
        Read(model, 0x4000_0000);
        model.Read32(TegraMc.StatsTlbMiss).ShouldBe(0u);
        model.Write32(TegraMc.TlbConfig, 0xf000_0030);
        model.Write32(TegraMc.PtcConfig, 0xe800_003f);
        model.SettleWrites();
        Read(model, 0x4000_0000);
        Read(model, 0x4000_1000);
        Read(model, 0x4000_8000);
        model.Read32(TegraMc.StatsTlbHit).ShouldBe(2u);
        model.Read32(TegraMc.StatsTlbMiss).ShouldBe(1u);

        // The walk for the second group: the directory's line and the table's line were read before.
        model.Read32(TegraMc.StatsPtcHit).ShouldBe(2u);
        model.Read32(TegraMc.StatsPtcMiss).ShouldBe(0u);

        // The reset bit does not stick.
        model.Read32(TegraMc.TlbConfig).ShouldBe(0xb000_0030u);
        model.Read32(TegraMc.PtcConfig).ShouldBe(0xa800_003fu);
    }

    [Fact]
    public void More_tlb_lines_than_there_are_switch_it_off()
    {
        var tegra30 = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra30, Memory.DeviceView);
        tegra30.Write32(TegraMc.TlbConfig, 32);
        tegra30.Read32(TegraMc.TlbConfig).ShouldBe(0u);

        var model = Make();
        model.Write32(TegraMc.TlbConfig, 49);
        model.SettleWrites();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, ReadWrite | 0x1_0000);
        Read(model, 0x4000_0000).ShouldBe(0x1000_0000ul);
        Read(model, 0x4000_0000).ShouldBe(0x1000_0000ul);
        model.Statistics.TlbHits.ShouldBe(0);
        model.Statistics.TlbMisses.ShouldBe(2);
    }

    [Theory]
    [InlineData(CacheReplacement.RoundRobin, false)]
    [InlineData(CacheReplacement.LeastRecentlyUsed, true)]
    public void A_full_tlb_makes_room_by_its_rule(CacheReplacement replacement, bool keepsFirst)
    {
        var model = Make(new TegraModelOptions { TlbReplacement = replacement });
        Store(Directory + (0x100 * 4), ReadWrite);
        for (uint group = 0; group < 48; group++)
        {
            Read(model, 0x4000_0000 + (group << 15)).ShouldNotBeNull();
        }

        long misses = model.Statistics.TlbMisses;
        Read(model, 0x4000_0000).ShouldNotBeNull();
        model.Statistics.TlbMisses.ShouldBe(misses);
        Read(model, 0x4000_0000 + (60u << 15)).ShouldNotBeNull();
        Read(model, 0x4000_0000).ShouldNotBeNull();
        model.Statistics.TlbMisses.ShouldBe(misses + (keepsFirst ? 1 : 2));
    }

    [Fact]
    public void With_the_page_table_cache_off_memory_is_read_each_time()
    {
        var model = Make();
        model.Write32(TegraMc.PtcConfig, 0);
        model.SettleWrites();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Read(model, 0x4000_0000).ShouldBeNull();
        Store(Table, ReadWrite | 0x1_0000);
        Flush(model, TegraTlbFlush.All);
        Read(model, 0x4000_0000).ShouldBe(0x1000_0000ul);
        model.Statistics.PtcHits.ShouldBe(0);
    }

    [Fact]
    public void Hardware_counters_stand_still_while_disabled_and_keep_their_value()
    {
        var model = Make(new TegraModelOptions { PostedWrites = 0 });
        Store(Directory + (0x100 * 4), ReadWrite);
        Read(model, 0x4000_0000);
        model.Write32(TegraMc.TlbConfig, 0xb000_0030);
        model.Write32(TegraMc.PtcConfig, 0xa800_003f);
        model.Read32(TegraMc.StatsTlbMiss).ShouldBe(0u);
        Read(model, 0x4000_0000);
        Read(model, 0x4000_8000);
        model.Write32(TegraMc.TlbConfig, 0x3000_0030);
        model.Write32(TegraMc.PtcConfig, 0x2800_003f);
        Read(model, 0x4000_0000);
        Read(model, 0x4001_0000);
        uint[] counters = [TegraMc.StatsTlbHit, TegraMc.StatsTlbMiss, TegraMc.StatsPtcHit, TegraMc.StatsPtcMiss];
        counters.Select(model.Read32).ShouldBe([1u, 1u, 1u, 0u]);
        model.Write32(TegraMc.TlbConfig, 0x7000_0030);
        counters.Select(model.Read32).ShouldBe([0u, 0u, 1u, 0u]);
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(3u)]
    public void A_flush_by_address_without_an_address_space_is_for_all_of_them(uint match)
    {
        var model = Make(new TegraModelOptions { PostedWrites = 0 });
        Store(Directory + (0x100 * 4), ReadWrite);
        Read(model, 0x4000_0000).ShouldNotBeNull();
        Store(Directory + (0x100 * 4), 0);
        model.Write32(TegraMc.PtcFlush, 0);
        Flush(model, new TegraTlbFlush((0x4040_0000 >> 12) | match));
        Read(model, 0x4000_0000).ShouldNotBeNull();
        Flush(model, new TegraTlbFlush((0x4000_0000 >> 12) | match));
        Read(model, 0x4000_0000).ShouldBeNull();
    }
}
