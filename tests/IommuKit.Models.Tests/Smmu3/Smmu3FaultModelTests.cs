using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>What becomes of a transaction that faults: it ends, silently or not, or stalls.</summary>
public sealed class Smmu3FaultModelTests
{
    private const ulong Stalls = 1ul << 44;
    private const ulong Records = 1ul << 45;
    private const ulong Aborts = 1ul << 46;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Stage_1_ends_as_the_context_wants(bool aborts, bool records)
    {
        using var machine = new Smmu3Machine();
        machine.BindFirst(machine.NewTable()).SwitchOn();
        ulong w0 = Smmu3Machine.First(1) & ~(Records | Aborts);
        machine.Store(Smmu3Machine.Contexts + (8 * 64), w0 | (records ? Records : 0) | (aborts ? Aborts : 0));
        machine.Ask(0x1000).Outcome.ShouldBe(aborts ? Smmu3Outcome.Abort : Smmu3Outcome.Ignored);
        machine.TakeEvent().HasValue.ShouldBe(records);
    }

    [Fact]
    public void Stage_2_aborts_and_records_as_the_stream_wants()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindSecond(root).SetStream(9, (6 << 1) | 1, 0, Smmu3Machine.Second(2) & ~(1ul << 58), root).SwitchOn();

        // Beyond the 40 bits of its input too (QEMU records nothing).
        foreach (ulong address in new[] { 0x1000ul, 1ul << 40, (1ul << 52) - 0x1000 })
        {
            var record = machine.Fault(address, Smmu3Access.Write);
            record.Type.ShouldBe(Smmu3EventType.Translation);
            record.IsStage2.ShouldBeTrue();
            record.Class.ShouldBe(Smmu3FaultClass.Input);
            record.Ipa.ShouldBe(address & 0x00ff_ffff_ffff_f000);
            machine.Ask(address, stream: 9).Outcome.ShouldBe(Smmu3Outcome.Abort);
            machine.TakeEvent().ShouldBeNull();
        }
    }

    /// <summary>
    /// What has more bits than an IPA can have passes stage 1 by and is too wide for it, whatever stage 2 wants of its own faults (IHI 0070, section
    /// 3.4); on the first transaction and on those that go the short way.
    /// </summary>
    [Fact]
    public void What_is_wider_than_an_IPA_does_not_reach_stage_2()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | 0xfc | (1 << 10) | 3, startLevel: 1, inputBits: 40);
        machine.BindSecond(root, flags: 1ul << 57).SwitchOn();
        for (int i = 0; i < 3; i++)
        {
            var record = machine.Fault((1ul << 52) | 0x1000, Smmu3Access.Write);
            record.Type.ShouldBe(Smmu3EventType.AddressSize);
            record.IsStage2.ShouldBeFalse();
            record.Class.ShouldBe(Smmu3FaultClass.Input);
            machine.Write(0x1000).ShouldBe(0x7000_0000ul);
            machine.Ask(0x2000, Smmu3Access.Write).Outcome.ShouldBe(Smmu3Outcome.Stalled);
            machine.TakeEvent().ShouldNotBeNull();
        }
    }

    /// <summary>A write to a read-only page is recorded, whether a read has loaded its translation or not (QEMU: only if not).</summary>
    [Fact]
    public void A_denied_write_is_recorded_on_a_hit_too()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | 0x3c | (1 << 6) | (1 << 10) | 3, startLevel: 1, inputBits: 40);
        machine.BindSecond(root).SwitchOn();
        var cold = machine.Fault(0x1008, Smmu3Access.Write);
        machine.Read(0x1008).ShouldBe(0x7000_0008ul);
        machine.Fault(0x1008, Smmu3Access.Write).ShouldBe(cold);
        cold.Type.ShouldBe(Smmu3EventType.Permission);
        cold.Ipa.ShouldBe(0x1000ul);
    }

    /// <summary>
    /// An atomic operation that stage 2 lets write and not read is told as a read; one that it lets do neither, as the write (section 13.1.1).
    /// </summary>
    [Theory]
    [InlineData(2, true)]
    [InlineData(1, false)]
    [InlineData(0, false)]
    public void An_atomic_operation_is_told_as_the_half_that_is_denied(int rights, bool isRead)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | 0x3c | ((ulong)rights << 6) | (1 << 10) | 3, startLevel: 1, inputBits: 40);
        machine.BindSecond(root).SwitchOn();
        var record = machine.Fault(0x1000, Smmu3Access.Read | Smmu3Access.Write);
        record.Type.ShouldBe(Smmu3EventType.Permission);
        record.IsRead.ShouldBe(isRead);
        machine.Fault(0x1000, Smmu3Access.Read | Smmu3Access.Write).ShouldBe(record);
    }

    [Fact]
    public void A_stall_lasts_until_it_is_resumed()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root, flags: Stalls).SwitchOn();
        var first = machine.Ask(0x1000, Smmu3Access.Write);
        var second = machine.Ask(0x2000);
        first.Outcome.ShouldBe(Smmu3Outcome.Stalled);
        second.StallTag.ShouldNotBe(first.StallTag);
        machine.Model.StallCount.ShouldBe(2);
        var record = machine.TakeEvent().ShouldNotBeNull();
        record.IsStall.ShouldBeTrue();
        record.StallTag.ShouldBe(first.StallTag);
        record.W1.ShouldBe(first.StallTag | (1ul << 31) | (2ul << 40));

        // An unknown tag, or another stream's, does nothing.
        machine.Invalidate(
            Smmu3Command.Resume(8, 77, isRetry: true, isAbort: false),
            Smmu3Command.Resume(9, first.StallTag, isRetry: true, isAbort: false),
            Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests),
            Smmu3Command.DropStreams(0, 31));
        machine.Model.StallCount.ShouldBe(2);
        machine.Map(root, 0x1000, 0x7000_0000 | Smmu3Machine.ValidLeaf);
        machine.Invalidate(Smmu3Command.Resume(8, first.StallTag, isRetry: true, isAbort: false));
        var end = machine.Ended.ShouldHaveSingleItem();
        end.ShouldBe(new Smmu3StallEnd(first.StallTag, new Smmu3Request(8, 0x1000, Smmu3Access.Write), Smmu3Outcome.Retry));
        machine.Model.Translate(end.Request).Outcome.ShouldBe(Smmu3Outcome.Allowed);
        machine.Invalidate(Smmu3Command.Resume(8, second.StallTag, isRetry: false, isAbort: true));
        machine.Ended[^1].Outcome.ShouldBe(Smmu3Outcome.Abort);
        var third = machine.Ask(0x3000);
        machine.Invalidate(Smmu3Command.Resume(8, third.StallTag, isRetry: false, isAbort: false));
        machine.Ended[^1].Outcome.ShouldBe(Smmu3Outcome.Ignored);
        machine.Model.StallCount.ShouldBe(0);
    }

    [Fact]
    public void STALL_TERM_and_SMMUEN_end_stalls()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root, flags: Stalls).BindSecond(root, stream: 9, flags: 1ul << 57).SwitchOn();
        machine.Ask(0x1000);
        machine.Ask(0x2000);
        machine.Ask(0x1000, stream: 9).Outcome.ShouldBe(Smmu3Outcome.Stalled);
        machine.Invalidate(Smmu3Command.TerminateStalls(8));
        machine.Ended.Select(end => (end.Request.StreamId, end.Outcome)).ShouldBe([(8u, Smmu3Outcome.Abort), (8u, Smmu3Outcome.Abort)]);
        machine.Model.StallCount.ShouldBe(1);
        machine.Model.Write32(Smmu3Register.Control0, 0xc);
        machine.Ended[^1].Request.StreamId.ShouldBe(9u);
        machine.Model.StallCount.ShouldBe(0);
    }

    /// <summary>Records of stalls wait for room, and cause no overflow.</summary>
    [Fact]
    public void A_record_of_a_stall_is_never_lost()
    {
        using var machine = new Smmu3Machine();
        machine.BindFirst(machine.NewTable(), flags: Stalls).SwitchOn();
        for (uint i = 0; i < 40; i++)
        {
            machine.Ask(i << 12).Outcome.ShouldBe(Smmu3Outcome.Stalled);
        }

        machine.Model.Read32(Smmu3Register.EventProducer).ShouldBe(32u);
        var seen = new List<ulong>();
        while (machine.TakeEvent() is { } record)
        {
            seen.Add(record.Address);
        }

        seen.ShouldBe(Enumerable.Range(0, 40).Select(i => (ulong)i << 12));
        machine.Model.Statistics.LostEvents.ShouldBe(0);
    }

    /// <summary>
    /// A stall whose record has no room yet is retried at a CMD_SYNC: what was invalidated may be what it stalls for, and its record would tell of the
    /// past (IHI 0070, section 7.2.1). One that is recorded waits for its CMD_RESUME.
    /// </summary>
    [Fact]
    public void A_stall_without_a_record_is_retried_at_a_sync()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root, flags: Stalls).SwitchOn();
        for (uint i = 0; i < 34; i++)
        {
            machine.Ask(i << 12).Outcome.ShouldBe(Smmu3Outcome.Stalled);
        }

        machine.Map(root, 32 << 12, 0x7000_0000 | Smmu3Machine.ValidLeaf);
        machine.Model.StallEnded = end =>
        {
            machine.Ended.Add(end);
            _ = machine.Model.Translate(end.Request);
        };
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));
        machine.Ended.Select(end => (end.Request.Address, end.Outcome)).ShouldBe(
            [(32ul << 12, Smmu3Outcome.Retry), (33ul << 12, Smmu3Outcome.Retry)]);

        // What is mapped by now went through, and the other one waits as before.
        machine.Model.StallCount.ShouldBe(33);
        var seen = new List<ulong>();
        while (machine.TakeEvent() is { } record)
        {
            seen.Add(record.Address >> 12);
        }

        seen.ShouldBe([.. Enumerable.Range(0, 32).Select(i => (ulong)i), 33]);
    }

    /// <summary>Where faults can only be answered by aborts (TERM_MODEL), CMD_RESUME cannot ask for less.</summary>
    [Theory]
    [InlineData(false, Smmu3Outcome.Ignored)]
    [InlineData(true, Smmu3Outcome.Abort)]
    public void A_stall_ends_as_the_part_can_end_it(bool onlyAborts, Smmu3Outcome expected)
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 | (onlyAborts ? 1u << 26 : 0) });
        machine.BindFirst(machine.NewTable(), flags: Stalls).SwitchOn();
        ushort tag = machine.Ask(0x1000).StallTag;
        machine.Invalidate(Smmu3Command.Resume(8, tag, isRetry: false, isAbort: false));
        machine.Ended.ShouldHaveSingleItem().Outcome.ShouldBe(expected);
    }

    [Fact]
    public void No_more_stall_than_the_part_says()
    {
        using var machine = new Smmu3Machine(Smmu3Unit.Full with { Idr5 = (Smmu3Unit.Full.Idr5 & 0xffff) | (2u << 16) });
        machine.BindFirst(machine.NewTable(), flags: Stalls).SwitchOn();
        machine.Ask(0x1000).Outcome.ShouldBe(Smmu3Outcome.Stalled);
        machine.Ask(0x2000).Outcome.ShouldBe(Smmu3Outcome.Stalled);
        machine.Ask(0x3000).Outcome.ShouldBe(Smmu3Outcome.Retry);
        machine.Invalidate(Smmu3Command.Resume(8, 0, isRetry: false, isAbort: true));
        machine.Ask(0x3000).StallTag.ShouldBe((ushort)0);
    }

    [Fact]
    public void Hardware_sets_the_access_flag()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        const ulong unused = 0x7000_0000 | (Smmu3Machine.ValidLeaf & ~(1ul << 10));
        ulong at = machine.Map(root, 0x1000, unused);
        machine.BindFirst(root).BindFirst(root, asid: 2, stream: 9, flags: 1ul << 35).BindFirst(root, asid: 3, stream: 10, flags: 1ul << 43);
        machine.SwitchOn();
        machine.Fault(0x1000).Type.ShouldBe(Smmu3EventType.AccessFlag);
        machine.Read(0x1000, stream: 9).ShouldBe(0x7000_0000ul);
        machine.Load(at).ShouldBe(unused);
        machine.Read(0x1000, stream: 10).ShouldBe(0x7000_0000ul);
        machine.Load(at).ShouldBe(unused | (1 << 10));
        machine.Read(0x1000).ShouldBe(0x7000_0000ul);
    }

    [Fact]
    public void Hardware_notes_the_first_write()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        const ulong clean = 0x7000_0000 | Smmu3Machine.ValidLeaf | (1ul << 51) | (1 << 7);
        ulong at = machine.Map(root, 0x1000, clean);
        machine.BindFirst(root, flags: 3ul << 42).BindFirst(root, asid: 2, stream: 9, flags: 1ul << 42).SwitchOn();

        // HD without HA is off.
        machine.Fault(0x1000, Smmu3Access.Write, stream: 9).Type.ShouldBe(Smmu3EventType.Permission);
        var read = machine.Ask(0x1000);
        ((int)read.Range.Rights & 2).ShouldBe(0);
        machine.Load(at).ShouldBe(clean);
        machine.Write(0x1000).ShouldBe(0x7000_0000ul);
        machine.Load(at).ShouldBe(clean & ~(1ul << 7));
        ((int)machine.Ask(0x1000).Range.Rights & 2).ShouldBe(2);
    }

    /// <summary>In nested translation, what is set in stage 1 has to be allowed, and is noted, by stage 2.</summary>
    [Fact]
    public void Access_flags_of_stage_1_are_stored_through_stage_2()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        ulong at = machine.Map(first, 0x1000, 0x40_0000 | (Smmu3Machine.ValidLeaf & ~(1ul << 10)));
        ulong page = at & ~0xffful;
        machine.Map(second, page, page | 0x3c | 3 | (1 << 6) | (1 << 10), startLevel: 1, inputBits: 40);
        machine.BindNested(first, second, flags: 1ul << 43).SwitchOn();
        var denied = machine.Fault(0x1000);
        denied.Type.ShouldBe(Smmu3EventType.Permission);
        denied.Class.ShouldBe(Smmu3FaultClass.Table);
        denied.Ipa.ShouldBe(page);
        (denied.W1 & Smmu3Event.TableRead).ShouldBe(0ul);
        denied.IsRead.ShouldBeTrue();

        // With DBM and S2HD, stage 2 notes that its page was written.
        ulong entry = machine.Map(second, page, page | 0x3c | 3 | (1 << 6) | (1 << 10) | (1ul << 51), startLevel: 1, inputBits: 40);
        machine.Model.Evict();
        machine.BindNested(first, second, flags: 1ul << 43, secondFlags: 3ul << 55);
        machine.Read(0x1000).ShouldBe(0x40_0000ul);
        (machine.Load(at) & (1 << 10)).ShouldNotBe(0ul);
        (machine.Load(entry) & (1 << 7)).ShouldNotBe(0ul);
    }
}
