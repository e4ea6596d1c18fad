using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Stream tables, context descriptors, and the events of those that are wrong.</summary>
public sealed class Smmu3StreamTests
{
    private const ulong Page = 0x7000_0000 | Smmu3Machine.ValidLeaf;

    [Fact]
    public void A_stream_is_aborted_or_passes()
    {
        using var machine = new Smmu3Machine();
        machine.SetStream(1, 1).SetStream(2, 1 | (4 << 1)).SetStream(3, 0).SwitchOn();
        machine.Ask(0x1000, stream: 1).Outcome.ShouldBe(Smmu3Outcome.Abort);
        machine.TakeEvent().ShouldBeNull();
        machine.Read(0x1234, stream: 2).ShouldBe(0x1234ul);
        machine.Fault(0x1000, stream: 3).Type.ShouldBe(Smmu3EventType.BadStream);
        var size = machine.Fault(1ul << 52, stream: 2);
        size.Type.ShouldBe(Smmu3EventType.AddressSize);
        size.IsStage2.ShouldBeFalse();
        size.Class.ShouldBe(Smmu3FaultClass.Input);
        machine.Ask(0x1000, stream: 2, substream: 1).Event.ShouldBe(Smmu3EventType.BadSubstreamId);
    }

    [Fact]
    public void A_StreamID_beyond_the_table_is_recorded_if_that_is_wanted()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        var record = machine.Fault(0x1000, stream: 64, substream: 5);
        record.Type.ShouldBe(Smmu3EventType.BadStreamId);
        record.W0.ShouldBe(2 | (1ul << 11) | (5ul << 12) | (64ul << 32));
        machine.Fault(0x1000, stream: uint.MaxValue).StreamId.ShouldBe(uint.MaxValue);
        using var silent = new Smmu3Machine();
        silent.SwitchOn(control2: 0);
        silent.Ask(0x1000, stream: 64).ShouldBe(new Smmu3Translation(Smmu3Outcome.Abort, default, Smmu3EventType.BadStreamId));
        silent.TakeEvent().ShouldBeNull();
    }

    /// <summary>The last StreamID of 32 bits in a table of two levels. QEMU has another bound (2^Span − 1), and C_BAD_STE beyond it.</summary>
    [Theory]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(10)]
    public void Two_levels_hold_as_many_streams_as_Span_says(int split)
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        var model = machine.Model;
        model.Write32(Smmu3Register.Control0, 0);

        // The first level is of the top of memory's 8 GiB: its entry for the last streams is at the end.
        ulong levels = 8ul << (32 - split);
        ulong first = 0x1_0000_0000 & ~(levels - 1);
        ulong table = 0x10_0000;
        uint last = uint.MaxValue >> split << split;
        machine.Store(first + (((ulong)last >> split) * 8), table | 3);
        machine.Store(first, table | 0).Store(first + 8, table | 12).Store(first + 16, table | (uint)(split + 2));
        machine.SetStream(3, 1 | (4 << 1)).SetStream(4, 1 | (4 << 1));
        model.Write64(Smmu3Register.StreamTable, first);
        model.Write32(Smmu3Register.StreamTableConfig, 32 | ((uint)split << 6) | (1 << 16));
        model.Write32(Smmu3Register.Control0, 0xd);
        machine.Read(0x1000, stream: last + 3).ShouldBe(0x1000ul);
        machine.Fault(0x1000, stream: last + 4).Type.ShouldBe(Smmu3EventType.BadStreamId);
        machine.Fault(0x1000, stream: 3).Type.ShouldBe(Smmu3EventType.BadStreamId);
        machine.Fault(0x1000, stream: (1u << split) + 3).Type.ShouldBe(Smmu3EventType.BadStreamId);
        machine.Fault(0x1000, stream: (2u << split) + 3).Type.ShouldBe(Smmu3EventType.BadStreamId);
    }

    [Fact]
    public void What_cannot_be_read_is_told_with_its_address()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        machine.Model.Write32(Smmu3Register.Control0, 0);
        machine.Model.Write64(Smmu3Register.StreamTable, 1ul << 40);
        machine.Model.Write32(Smmu3Register.Control0, 0xd);
        var stream = machine.Fault(0x1000, stream: 1);
        stream.Type.ShouldBe(Smmu3EventType.StreamFetch);
        stream.W3.ShouldBe((1ul << 40) + 64);
        stream.W2.ShouldBe(0ul);

        // QEMU has the address of F_CD_FETCH in InputAddr.
        using var other = new Smmu3Machine();
        other.SetStream(1, (1ul << 41) | (5 << 1) | 1).SwitchOn();
        var context = other.Fault(0x1000, stream: 1);
        context.Type.ShouldBe(Smmu3EventType.ContextFetch);
        context.W2.ShouldBe(0ul);
        context.FetchAddress.ShouldBe(1ul << 41);
    }

    [Fact]
    public void A_substream_has_its_own_context()
    {
        using var machine = new Smmu3Machine();
        ulong one = machine.NewTable();
        ulong two = machine.NewTable();
        machine.Map(one, 0x1000, 0x7000_0000 | Smmu3Machine.ValidLeaf);
        machine.Map(two, 0x1000, 0x7001_0000 | Smmu3Machine.ValidLeaf);

        // Two levels of 4 KiB: entry 1 has the contexts from 64 on.
        ulong upper = machine.NewTable();
        ulong low = machine.NewTable();
        ulong high = machine.NewTable();
        machine.Store(upper, low | 1, high | 1).Store(upper + 16, 0);
        machine.Store(low, Smmu3Machine.First(1), one, 0, 0).Store(high + (3 * 64), Smmu3Machine.First(2), two, 0, 0);
        const ulong stage1 = (5 << 1) | 1 | (1 << 4) | (8ul << 59);
        machine.SetStream(1, upper | stage1, 2).SetStream(2, upper | stage1, 1).SetStream(3, upper | stage1, 0).SetStream(4, upper | stage1, 3);
        machine.SwitchOn();
        machine.Read(0x1004, 1).ShouldBe(0x7000_0004ul);
        machine.Read(0x1004, 1, 67).ShouldBe(0x7001_0004ul);
        machine.Read(0x1004, 2, 0).ShouldBe(0x7000_0004ul);

        // S1DSS: 2 takes substream 0 for those without, 1 passes them by, 0 and 3 stop them.
        var taken = machine.Fault(0x1000, stream: 1, substream: 0);
        taken.Type.ShouldBe(Smmu3EventType.StreamDisabled);
        taken.W0.ShouldBe(6 | (1ul << 32));
        machine.Read(0x1004, 2).ShouldBe(0x1004ul);
        machine.Fault(1ul << 52, stream: 2).Type.ShouldBe(Smmu3EventType.AddressSize);
        machine.Fault(0x1000, stream: 3).Type.ShouldBe(Smmu3EventType.StreamDisabled);
        machine.Fault(0x1000, stream: 4).Type.ShouldBe(Smmu3EventType.StreamDisabled);

        // Beyond S1CDMax, or without a table: the SubstreamID, without SSV.
        machine.Fault(0x1000, stream: 1, substream: 256).W0.ShouldBe(8 | (256ul << 12) | (1ul << 32));
        machine.Fault(0x1000, stream: 1, substream: 128).Type.ShouldBe(Smmu3EventType.BadSubstreamId);
        machine.Fault(0x1000, stream: 1, substream: 66).Type.ShouldBe(Smmu3EventType.BadContext);
    }

    /// <summary>Renode ignores S1DSS, and QEMU applies it always: it counts with S1CDMax alone.</summary>
    [Fact]
    public void Without_substreams_S1DSS_does_not_count()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        machine.BindFirst(root).SwitchOn();
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, 1);
        machine.Read(0x1000).ShouldBe(0x7000_0000ul);
        machine.Ask(0x1000, substream: 1).Event.ShouldBe(Smmu3EventType.BadSubstreamId);
    }

    [Fact]
    public void A_disabled_half_faults_and_the_other_is_checked_for_every_access()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        machine.BindFirst(root).SwitchOn();
        machine.Read(0x1000).ShouldBe(0x7000_0000ul);

        // EPD1 is F_TRANSLATION, and no bad CD (Renode).
        var record = machine.Fault(0xffff_0000_0000_1000);
        record.Type.ShouldBe(Smmu3EventType.Translation);
        record.Address.ShouldBe(0xffff_0000_0000_1000ul);

        // Without EPD1, T1SZ = 0 is out of range, for addresses of TTB0 too.
        machine.BindFirst(root, stream: 9);
        machine.Store(Smmu3Machine.Contexts + (9 * 64), Smmu3Machine.First(2) & ~(1ul << 30));
        machine.Fault(0x1000, stream: 9).Type.ShouldBe(Smmu3EventType.BadContext);
    }

    /// <summary>39 bits start at level 1 (Renode starts at 0), and TTB1 is chosen by bit 55.</summary>
    [Fact]
    public void The_first_level_follows_from_the_size_of_addresses()
    {
        using var machine = new Smmu3Machine();
        ulong lower = machine.NewTable();
        ulong upper = machine.NewTable(16);
        machine.Map(lower, 0x40_0000_0000, Page, startLevel: 1, inputBits: 39);
        machine.Map(upper, 0x3_0000_0000, 0x7000_0000 | Smmu3Machine.ValidLeaf, leafLevel: 3, startLevel: 2, granule: 16, inputBits: 42);
        ulong w0 = Smmu3Machine.First(1, t0sz: 25) & ~(1ul << 30);
        machine.BindFirst(lower).SwitchOn();
        machine.Store(Smmu3Machine.Contexts + (8 * 64), w0 | (22 << 16) | (3 << 22), lower, upper, 0);
        machine.Read(0x40_0000_0ff0).ShouldBe(0x7000_0ff0ul);
        machine.Read(0xffff_fc03_0000_8ff0).ShouldBe(0x7000_8ff0ul);
        machine.Fault(0x80_0000_0000).Type.ShouldBe(Smmu3EventType.Translation);
        machine.Fault(0xffff_f803_0000_0000).Type.ShouldBe(Smmu3EventType.Translation);
        machine.Fault(0xff7f_fc03_0000_0000).Type.ShouldBe(Smmu3EventType.Translation);
    }

    [Fact]
    public void The_top_byte_is_ignored_if_that_is_wanted_and_recorded_all_the_same()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        machine.BindFirst(root, flags: 1ul << 38).SwitchOn();
        machine.Read(0xab00_0000_0000_1004).ShouldBe(0x7000_0004ul);
        machine.Model.Translate(new Smmu3Request(8, 0xab00_0000_0000_1004, Smmu3Access.Read)).Range.Iova.ShouldBe(0xab00_0000_0000_1000ul);
        machine.Fault(0xab00_0000_0000_2000).Address.ShouldBe(0xab00_0000_0000_2000ul);
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1000, asid: 1));
        machine.Store(Smmu3Machine.Tables, 0);
        machine.Fault(0xcd00_0000_0000_1000).Type.ShouldBe(Smmu3EventType.Translation);
    }

    /// <summary>Each illegal thing in an entry: V, formats, granules, sizes, stalls, widths.</summary>
    [Theory]
    [InlineData(0, 1ul << 0, "V")]
    [InlineData(1, 1ul << 27, "S1STALLD where all may stall is legal")]
    [InlineData(2, 1ul << 51, "S2AA64")]
    [InlineData(2, 3ul << 46, "S2TG reserved")]
    [InlineData(2, 24ul << 32, "S2T0SZ 0")]
    [InlineData(2, 2ul << 38, "S2SL0 against S2T0SZ")]
    [InlineData(3, 1ul << 55, "S2TTB beyond S2PS")]
    public void An_illegal_stream_is_a_bad_one(int word, ulong flipped, string what)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewIdentitySecond();
        ulong[] words = [(6 << 1) | 1, 0, Smmu3Machine.Second(1), root];
        words[word] ^= flipped;
        machine.SetStream(8, words[0], words[1], words[2], words[3]).SwitchOn();
        if (word == 1)
        {
            machine.Read(0x1000).ShouldBe(0x1000ul, what);
        }
        else
        {
            machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadStream, what);
        }
    }

    [Theory]
    [InlineData(0, 1ul << 31, "V")]
    [InlineData(0, 1ul << 41, "AA64")]
    [InlineData(0, 3ul << 6, "TG0 reserved")]
    [InlineData(0, 16ul, "T0SZ 0")]
    [InlineData(1, 1ul << 55, "TTB0 beyond IPS")]
    public void An_illegal_context_is_a_bad_one(int word, ulong flipped, string what)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        machine.BindFirst(root).SwitchOn();
        ulong at = Smmu3Machine.Contexts + (8 * 64) + ((ulong)word * 8);
        machine.Store(at, machine.Load(at) ^ flipped);
        machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadContext, what);
    }

    [Fact]
    public void What_a_part_has_not_is_illegal()
    {
        // QEMU's has no stalls, no VMIDs or ASIDs that are too wide, no big-endian tables, no second-level contexts, and aborts always.
        using var machine = new Smmu3Machine(Smmu3Unit.Emulated);
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, Page);
        machine.SwitchOn();
        foreach (ulong flag in new[] { 1ul << 44, 1ul << 15, 1ul << 43, 1ul << 42 })
        {
            machine.BindFirst(root, flags: flag);
            machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadContext);
            machine.Invalidate(Smmu3Command.DropStream(8));
        }

        machine.BindFirst(root);
        machine.Store(Smmu3Machine.Contexts + (8 * 64), Smmu3Machine.First(1) & ~(1ul << 46));
        machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadContext);
        foreach (ulong flag in new[] { 1ul << 57, 1ul << 52, 1ul << 55, 1ul << 56 })
        {
            machine.Invalidate(Smmu3Command.DropStream(8));
            machine.BindSecond(root, flags: flag);
            machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadStream);
        }

        var narrow = Smmu3Unit.Emulated with { Idr0 = Smmu3Unit.Emulated.Idr0 & ~((1u << 12) | (1u << 18)) };
        using var small = new Smmu3Machine(narrow);
        small.BindFirst(root, asid: 256).BindSecond(root, vmid: 256, stream: 9).SwitchOn();
        small.Fault(0x1000).Type.ShouldBe(Smmu3EventType.BadContext);
        small.Fault(0x1000, stream: 9).Type.ShouldBe(Smmu3EventType.BadStream);
    }
}
