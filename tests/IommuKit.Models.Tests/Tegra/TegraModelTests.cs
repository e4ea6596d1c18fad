using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>The model by itself: registers, walks and caches, with tables written by hand.</summary>
public sealed class TegraModelTests : IDisposable
{
    private const ulong Directory = 0x10_0000;
    private const ulong Table = 0x10_1000;
    private const uint ReadWrite = 0xe000_0000;
    private const int Client = 0x6c;

    private readonly PhysicalMemory _memory = new(1ul << 34, isCoherent: true);

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void After_reset_everything_passes_untranslated()
    {
        var model = Make(isOn: false);
        var translation = model.Translate(new DmaRequest(Client, 0x1234_5678, IsWrite: true));
        translation.IsAllowed.ShouldBeTrue();
        translation.PhysicalOf(0x1234_5678).ShouldBe(0x1234_5678ul);
        model.Read32(TegraMc.SmmuConfig).ShouldBe(0u);
    }

    [Fact]
    public void A_client_is_translated_only_if_all_three_switches_are_on()
    {
        var model = Make(new TegraModelOptions { PostedWrites = 0 });
        Read(model, 0x4000_0000).ShouldBeNull();
        model.Write32(0x234, 0);
        Read(model, 0x4000_0000).ShouldBe(0x4000_0000ul);
        model.Write32(0x234, 1 << 12);
        model.Write32(0x284, 0);
        Read(model, 0x4000_0000).ShouldBe(0x4000_0000ul);
        model.Write32(0x284, 0x8000_0005);
        Read(model, 0x4000_0000).ShouldBeNull();
        model.Write32(TegraMc.SmmuConfig, 0);
        Read(model, 0x4000_0000).ShouldBe(0x4000_0000ul);

        // The walker itself and the CPU have no switch.
        model.Write32(TegraMc.SmmuConfig, 1);
        model.Translate(new DmaRequest(0x00, 0x4000_0000, IsWrite: false)).IsAllowed.ShouldBeTrue();
        model.Translate(new DmaRequest(0x39, 0x4000_0000, IsWrite: true)).IsAllowed.ShouldBeTrue();
    }

    [Fact]
    public void A_walk_goes_through_directory_and_table()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table + (0x23 * 4), ReadWrite | 0x3_4567);
        var translation = model.Translate(new DmaRequest(Client, 0x4002_3abc, IsWrite: true));
        translation.IsAllowed.ShouldBeTrue();
        translation.Iova.ShouldBe(0x4002_3000ul);
        translation.Length.ShouldBe(4096ul);
        translation.Rights.ShouldBe(Protection.Read | Protection.Write);
        translation.PhysicalOf(0x4002_3abc).ShouldBe(0x3456_7abcul);
        translation.BytesFrom(0x4002_3abc).ShouldBe(0x544ul);
        Read(model, 0x4002_4000).ShouldBeNull();
    }

    [Fact]
    public void A_directory_entry_without_next_is_a_section()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), ReadWrite | 0x20_0400);
        Read(model, 0x4000_0000).ShouldBe(0x2_0040_0000ul);
        Read(model, 0x403f_f123).ShouldBe(0x2_007f_f123ul);
        Read(model, 0x4040_0000).ShouldBeNull();
    }

    /// <summary>What root, directory and page grant is combined; each level alone can take a right away.</summary>
    [Theory]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0xe000_0000u, true, true, true)]
    [InlineData(0xa000_0000u, 0xf000_0000u, 0xe000_0000u, true, false, true)]
    [InlineData(0xe000_0000u, 0x7000_0000u, 0xe000_0000u, false, true, true)]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0xa000_0000u, true, false, true)]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0x2000_0000u, false, false, true)]
    [InlineData(0xe000_0000u, 0xf000_0000u, 0xc000_0000u, false, false, false)]
    public void Rights_are_checked_at_every_level(uint root, uint directory, uint page, bool canRead, bool canWrite, bool isNonSecure)
    {
        var model = Make(root: root);
        Store(Directory + (0x100 * 4), directory | (uint)(Table >> 12));
        Store(Table, page | 0x1_0000);
        model.Translate(new DmaRequest(Client, 0x4000_0000, IsWrite: false)).IsAllowed.ShouldBe(canRead);
        model.Translate(new DmaRequest(Client, 0x4000_0000, IsWrite: true)).IsAllowed.ShouldBe(canWrite);
        if (!isNonSecure)
        {
            model.Translate(new DmaRequest(Client, 0x4000_0000, IsWrite: true, IsSecure: true)).IsAllowed.ShouldBeTrue();
        }
    }

    [Fact]
    public void The_first_fault_is_recorded_until_its_interrupt_is_cleared()
    {
        var model = Make();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        model.SettleWrites();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, 0xa001_0000);

        model.Translate(new DmaRequest(Client, 0x4000_0123, IsWrite: true)).IsAllowed.ShouldBeFalse();
        model.Translate(new DmaRequest(Client, 0x5000_0000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        levels.ShouldBe([true]);
        model.Read32(TegraMc.IntStatus).ShouldBe(1u << 10);
        model.Read32(TegraMc.ErrAdr).ShouldBe(0x4000_0123u);
        var status = new TegraFaultStatus(model.Read32(TegraMc.ErrStatus));
        status.Type.ShouldBe(TegraFaultType.InvalidSmmuPage);
        status.IsWrite.ShouldBeTrue();
        status.Rights.ShouldBe(TegraEntry.Readable | TegraEntry.NonSecure);
        status.ClientOn(TegraSoc.Tegra210).ShouldBe(Client);

        // Writing zeros clears nothing, and other bits do not clear this one.
        model.Write32(TegraMc.IntStatus, ~(1u << 10));
        model.Read32(TegraMc.IntStatus).ShouldBe(1u << 10);
        model.Write32(TegraMc.IntStatus, 1u << 10);
        model.Read32(TegraMc.IntStatus).ShouldBe(0u);
        levels.ShouldBe([true, false]);

        model.Translate(new DmaRequest(Client, 0x5000_0000, IsWrite: false));
        model.Read32(TegraMc.ErrAdr).ShouldBe(0x5000_0000u);
        model.Statistics.Faults.ShouldBe(3);
    }

    [Fact]
    public void A_masked_interrupt_is_pending_and_silent()
    {
        var model = Make();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        Read(model, 0x4000_0000).ShouldBeNull();
        levels.ShouldBeEmpty();
        model.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
        model.SettleWrites();
        levels.ShouldBe([true]);
    }

    [Fact]
    public void A_translation_to_where_no_memory_is_gives_a_decode_error()
    {
        using var small = new PhysicalMemory(16 << 20, isCoherent: true);
        var model = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, small.DeviceView);
        var device = new DmaDevice<DeviceMemory>(model, small.DeviceView, Client, Client);
        device.Read(0xfff_f000, new byte[4]).IsComplete.ShouldBeFalse();
        model.Read32(TegraMc.IntStatus).ShouldBe(TegraMc.Interrupt.DecodeErrorEmem);
        new TegraFaultStatus(model.Read32(TegraMc.ErrStatus)).Type.ShouldBe(TegraFaultType.DecodeError);
        model.Read32(TegraMc.ErrAdr).ShouldBe(0xfff_f000u);
    }

    [Fact]
    public void A_transfer_is_split_at_pages_and_stops_where_it_may_not_go_on()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, ReadWrite | 0x200);
        Store(Table + 4, ReadWrite | 0x300);
        var device = new DmaDevice<DeviceMemory>(model, _memory.DeviceView, Client, Client);
        byte[] data = [.. Enumerable.Range(0, 6000).Select(i => (byte)i)];
        device.Write(0x4000_0800, data).ShouldBe(new DmaResult(IsComplete: true, 6000));
        _memory.CpuView.Span(0x20_0800, 0x800).SequenceEqual(data.AsSpan(0, 0x800)).ShouldBeTrue();
        _memory.CpuView.Span(0x30_0000, 6000 - 0x800).SequenceEqual(data.AsSpan(0x800)).ShouldBeTrue();
        _memory.CpuView.Span(0x20_1000, 64).ContainsAnyExcept((byte)0).ShouldBeFalse();

        device.Read(0x4000_1f00, new byte[512]).ShouldBe(new DmaResult(IsComplete: false, 256));
    }

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
    public void Posted_writes_take_effect_at_a_read_back_at_the_latest()
    {
        var model = Make();
        Store(Directory + (0x100 * 4), 0xf000_0000 | (uint)(Table >> 12));
        Store(Table, ReadWrite | 0x1_0000);
        Read(model, 0x4000_0000).ShouldNotBeNull();
        Store(Table, 0);
        model.Write32(TegraMc.PtcFlush, 0);
        model.Write32(TegraMc.TlbFlush, 0);
        Read(model, 0x4000_0000).ShouldNotBeNull();
        model.Read32(TegraMc.PtbAsid);
        Read(model, 0x4000_0000).ShouldBeNull();
    }

    [Fact]
    public void A_full_queue_of_posted_writes_lets_the_oldest_take_effect()
    {
        var model = Make(new TegraModelOptions { PostedWrites = 2 });
        model.Write32(TegraMc.IntMask, 1 << 10);
        model.Write32(TegraMc.PtbAsid, 1);
        Read(model, 0x4000_0000).ShouldBeNull();
        var levels = new List<bool>();
        model.Interrupt = levels.Add;
        model.Write32(TegraMc.PtbAsid, 2);
        levels.ShouldBe([true]);
    }

    [Fact]
    public void The_root_is_reached_through_the_selected_address_space()
    {
        var model = Make();
        model.Write32(TegraMc.PtbAsid, 7);
        model.Write32(TegraMc.PtbData, 0xffff_ffff);
        model.Write32(TegraMc.PtbAsid, 8);
        model.Read32(TegraMc.PtbData).ShouldBe(0u);
        model.Write32(TegraMc.PtbAsid, 7);
        model.Read32(TegraMc.PtbData).ShouldBe(0xe03f_ffffu);
        model.Read32(TegraMc.PtbAsid).ShouldBe(7u);

        var small = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra30, _memory.DeviceView);
        small.Write32(TegraMc.PtbAsid, 0xff);
        small.Read32(TegraMc.PtbAsid).ShouldBe(3u);
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
        var tegra30 = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra30, _memory.DeviceView);
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
    public void Iovas_above_32_bits_need_a_wide_group_and_use_its_other_address_spaces()
    {
        var model = Make(new TegraModelOptions { WideSwgroups = new HashSet<string> { "vic" } });
        model.Write32(0x284, 0x8000_0605);
        model.Write32(TegraMc.PtbAsid, 6);
        model.Write32(TegraMc.PtbData, ReadWrite | (uint)(Directory >> 12));
        model.SettleWrites();
        Store(Directory + (0x100 * 4), ReadWrite);
        model.Translate(new DmaRequest(Client, 0x1_4000_0123, IsWrite: false)).PhysicalOf(0x1_4000_0123).ShouldBe(0x123ul);
        model.Translate(new DmaRequest(Client, 0x4_0000_0000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        new TegraFaultStatus(model.Read32(TegraMc.ErrStatus)).AddressHigh.ShouldBe(0u);

        var narrow = Make();
        narrow.Translate(new DmaRequest(Client, 0x1_4000_0000, IsWrite: false)).IsAllowed.ShouldBeFalse();
        new TegraFaultStatus(narrow.Read32(TegraMc.ErrStatus)).AddressHigh.ShouldBe(1u);
    }

    [Fact]
    public void Registers_without_effect_hold_their_value_and_unknown_ones_nothing()
    {
        var model = Make();
        foreach (uint offset in (uint[])[0x038, 0x9f4, 0x040, 0x200, 0x970])
        {
            model.Write32(offset, 0x1234_5678);
            model.Read32(offset).ShouldBe(0x1234_5678u);
        }

        model.Read32(TegraMc.HotResetStatus).ShouldBe(0x1234_5678u);
        model.Write32(0xffc, 1);
        model.Read32(0xffc).ShouldBe(0u);
        model.Write32(TegraMc.TlbFlush, 0);
        model.Read32(TegraMc.TlbFlush).ShouldBe(0u);

        // The GPU's enable bits were set by firmware and stay; a bit without client cannot be set.
        model.Write32(0x230, 0);
        model.Read32(0x230).ShouldBe(3u << 24);
        model.Write32(0x228, 0xffff_ffff);
        model.Read32(0x228).ShouldBe(0xf0e3_c07eu);
    }

    [Fact]
    public void An_emulator_can_bring_its_own_memory()
    {
        var own = new OwnMemory();
        own.Words[Directory + (0x100 * 4)] = ReadWrite | 0x400;
        var model = new TegraSmmuModel<CallbackMemory>(TegraSoc.Tegra210, new CallbackMemory(own));
        SwitchOn(model, ReadWrite);
        model.Translate(new DmaRequest(Client, 0x4000_0010, IsWrite: false)).PhysicalOf(0x4000_0010).ShouldBe(0x40_0010ul);
        own.Reads.ShouldBeGreaterThan(0);
    }

    private static ulong? Read<TMemory>(TegraSmmuModel<TMemory> model, ulong iova)
        where TMemory : struct, IMemoryAccessor
    {
        var translation = model.Translate(new DmaRequest(Client, iova, IsWrite: false));
        return translation.IsAllowed ? translation.PhysicalOf(iova) : null;
    }

    private static void Flush(TegraSmmuModel<DeviceMemory> model, TegraTlbFlush command)
    {
        model.Write32(TegraMc.TlbFlush, command.Value);
        model.SettleWrites();
    }

    private static void FlushPtc(TegraSmmuModel<DeviceMemory> model, ulong address)
    {
        model.Write32(TegraMc.PtcFlushHigh, TegraPtcFlush.LineHigh(address));
        model.Write32(TegraMc.PtcFlush, TegraPtcFlush.Line(TegraSoc.Tegra210, address).Value);
        model.SettleWrites();
    }

    private static void SwitchOn<TMemory>(TegraSmmuModel<TMemory> model, uint root)
        where TMemory : struct, IMemoryAccessor
    {
        model.Write32(TegraMc.TlbConfig, 0x3000_0030);
        model.Write32(TegraMc.PtcConfig, 0x2800_003f);
        model.Write32(TegraMc.PtbAsid, 5);
        model.Write32(TegraMc.PtbData, root | (uint)(Directory >> 12));
        model.Write32(0x284, 0x8000_0005);
        model.Write32(0x234, 1 << 12);
        model.Write32(TegraMc.SmmuConfig, 1);
        model.SettleWrites();
    }

    private TegraSmmuModel<DeviceMemory> Make(TegraModelOptions? options = null, bool isOn = true, uint root = ReadWrite)
    {
        var model = new TegraSmmuModel<DeviceMemory>(TegraSoc.Tegra210, _memory.DeviceView, options);
        if (isOn)
        {
            SwitchOn(model, root);
        }

        return model;
    }

    private void Store(ulong address, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_memory.CpuView.Span(address, 4), value);

    private sealed class OwnMemory : IMemoryAccessor
    {
        public Dictionary<ulong, uint> Words { get; } = [];

        public int Reads { get; private set; }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            Reads++;
            for (int i = 0; i < destination.Length; i += 4)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(destination[i..], Words.GetValueOrDefault(physicalAddress + (ulong)i));
            }

            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;
    }
}
