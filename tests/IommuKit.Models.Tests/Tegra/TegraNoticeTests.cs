using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

namespace IommuKit.Models.Tests.Tegra;

/// <summary>What is told of invalidations: what each register names, and when.</summary>
public sealed class TegraNoticeTests : TegraModelFixture
{
    private const uint AsidRegister = 0x284;
    private const uint EnableRegister = 0x234;
    private const uint Iova = 0x1234_5000;

    private static readonly TegraSoc s_soc = TegraSoc.Tegra210;
    private static readonly InvalidationNotice s_everything = new(InvalidationScope.Everything);
    private static readonly InvalidationNotice s_section = new(InvalidationScope.Pages, 0x1200_0000, 0x123f_ffff);
    private static readonly InvalidationNotice s_group = new(InvalidationScope.Pages, 0x1234_0000, 0x1234_7fff);

    public static TheoryData<string, uint, uint, InvalidationNotice?> Registers() => new()
    {
        { "TLB flush of all", TegraMc.TlbFlush, TegraTlbFlush.All.Value, s_everything },
        { "TLB flush by ASID", TegraMc.TlbFlush, TegraTlbFlush.Asid(s_soc, 7).Value, new(InvalidationScope.AddressSpace, Space: 7) },
        { "TLB flush of a section", TegraMc.TlbFlush, TegraTlbFlush.Section(s_soc, 7, Iova).Value, s_section with { Space = 7 } },
        { "TLB flush of a group", TegraMc.TlbFlush, TegraTlbFlush.Group(s_soc, 7, Iova).Value, s_group with { Space = 7 } },
        { "of all address spaces", TegraMc.TlbFlush, TegraTlbFlush.Group(s_soc, 7, Iova).Value & int.MaxValue, s_group },
        { "reserved", TegraMc.TlbFlush, 1, null },

        // What the TLB holds stays.
        { "PTC flush of all", TegraMc.PtcFlush, 0, null },
        { "PTC flush of a line", TegraMc.PtcFlush, TegraPtcFlush.Line(s_soc, Directory).Value, null },
        { "PTB_ASID", TegraMc.PtbAsid, 9, null },
        { "PTB_DATA", TegraMc.PtbData, 0, new(InvalidationScope.AddressSpace, Space: 5) },
        { "an ASID", AsidRegister, 0, s_everything },
        { "an enable", EnableRegister, 0, s_everything },
        { "SMMU_CONFIG", TegraMc.SmmuConfig, 0, s_everything },
        { "TLB_CONFIG", TegraMc.TlbConfig, 0x3000_0010, s_everything },
        { "TLB_CONFIG that counts", TegraMc.TlbConfig, 0xb000_0030, null },
        { "INTMASK", TegraMc.IntMask, 0, null },
    };

    [Theory]
    [MemberData(nameof(Registers))]
    public void Each_register_tells_what_it_names(string name, uint register, uint value, InvalidationNotice? expected)
    {
        var model = Make();
        var notices = Listen(model);
        model.Write32(register, value);
        notices.ShouldBe(expected is { } one ? [one] : [], name);
    }

    [Fact]
    public void Reset_and_restore_tell_of_everything_and_what_is_forgotten_is_not_told()
    {
        var model = Make();
        var notices = Listen(model);
        model.EvictTranslations();
        model.EvictTableLine(Table);
        notices.ShouldBeEmpty();
        model.Restore(model.Save());
        model.Reset();
        notices.ShouldBe([s_everything, s_everything]);
        model.Write32(TegraMc.IntMask, 0);
        notices.Count.ShouldBe(2);
    }

    /// <summary>Without a TLB nothing is kept behind the page-table cache, and software need flush no more than that.</summary>
    [Fact]
    public void With_the_TLB_off_the_table_cache_is_told_of()
    {
        var model = Make();
        model.Write32(TegraMc.TlbConfig, 0x3000_0000);
        var notices = Listen(model);
        model.Write32(TegraMc.PtcFlush, TegraPtcFlush.Line(s_soc, Directory).Value);
        notices.ShouldBe([s_everything]);
    }

    /// <summary>Clients that see 16 GiB have four address spaces, of which the command does not say which window each is.</summary>
    [Fact]
    public void Where_clients_see_more_than_4_GiB_pages_are_told_in_each_window()
    {
        var model = Make(new TegraModelOptions { WideSwgroups = new HashSet<string> { "vic" } });
        var notices = Listen(model);
        model.Write32(TegraMc.TlbFlush, TegraTlbFlush.Group(s_soc, 7, Iova).Value);
        notices.ShouldBe(Enumerable.Range(0, 4).Select(window => s_group with
        {
            First = s_group.First + ((ulong)window << 32),
            Last = s_group.Last + ((ulong)window << 32),
            Space = 7,
        }));
    }

    /// <summary>Otherwise what was told of could be asked for again before the flush takes effect, and would stay.</summary>
    [Fact]
    public void While_somebody_listens_nothing_is_posted()
    {
        var model = Make(new TegraModelOptions { PostedWrites = 16 });
        Store(Directory, 0xf000_0000 | (uint)(Table >> 12));
        Store(Table + 4, ReadWrite | 0x8_0000);
        Read(model, 0x1000).ShouldBe(0x8000_0000ul);
        Store(Table + 4, ReadWrite | 0x9_0000);
        model.Write32(TegraMc.PtcFlush, 0);
        model.Write32(TegraMc.TlbFlush, 0);
        Read(model, 0x1000).ShouldBe(0x8000_0000ul, "posted");
        var state = model.Save();
        var seen = new List<ulong?>();
        model.Invalidated = _ => seen.Add(Read(model, 0x1000));
        Read(model, 0x1000).ShouldBe(0x9000_0000ul);
        seen.ShouldBeEmpty();
        Store(Table + 4, ReadWrite | 0xa_0000);
        model.Write32(TegraMc.PtcFlush, 0);
        model.Write32(TegraMc.TlbFlush, 0);
        seen.ShouldBe([0xa000_0000ul]);
        Store(Table + 4, ReadWrite | 0xb_0000);
        model.Restore(state);
        seen.ShouldBe([0xa000_0000ul, 0xb000_0000ul]);
    }

    [Fact]
    public void While_a_listener_runs_others_translate_and_use_registers()
    {
        var model = Make();
        int told = 0;
        model.Invalidated = _ =>
        {
            told++;
            Background.Run(() => (Read(model, 0x1000), model.Read32(TegraMc.SmmuConfig)).ShouldBe((null, 1u))).ShouldEnd();
        };
        model.Write32(TegraMc.TlbFlush, 0);
        told.ShouldBe(1);
    }

    /// <summary>The notice comes before the read-back, which waits for accesses that began before.</summary>
    [Fact]
    public void The_read_back_waits_for_accesses_that_began_before_the_notice()
    {
        var model = Make();
        bool isTold = false;
        model.Invalidated = _ => isTold = true;
        Background readBack;
        using (model.Accesses.Enter())
        {
            model.Write32(TegraMc.TlbFlush, 0);
            isTold.ShouldBeTrue();
            readBack = Background.Run(() => model.Read32(TegraMc.SmmuConfig));
            readBack.ShouldWait();
        }

        readBack.ShouldEnd();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_allocated(bool isListening)
    {
        var model = Make();
        ulong sum = 0;
        model.Invalidated = isListening ? notice => sum += notice.Last - notice.First : null;
        Allocated.By(() =>
        {
            for (int i = 0; i < 64; i++)
            {
                model.Write32(TegraMc.TlbFlush, TegraTlbFlush.Group(s_soc, 5, Iova).Value);
                model.Read32(TegraMc.SmmuConfig);
            }
        }).ShouldBe(0);
        (sum != 0).ShouldBe(isListening);
    }

    private static List<InvalidationNotice> Listen(TegraSmmuModel<DeviceMemory> model)
    {
        var notices = new List<InvalidationNotice>();
        model.Invalidated = notices.Add;
        return notices;
    }
}
