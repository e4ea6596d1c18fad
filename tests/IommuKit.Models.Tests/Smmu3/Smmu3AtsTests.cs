using IommuKit.Models.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Translation requests of devices, what they have translated, and page requests.</summary>
public sealed class Smmu3AtsTests
{
    private const Smmu3RequestKind Asked = Smmu3RequestKind.TranslationRequest;
    private const Smmu3RequestKind Translated = Smmu3RequestKind.Translated;
    private const ulong FullAts = 1ul << 28;
    private const ulong SplitAts = 2ul << 28;
    private const ulong Leaf = Smmu3Machine.ValidLeaf;

    private static void SetAts(Smmu3Machine machine, ulong ats, uint stream = Smmu3Machine.Device) =>
        machine.Store(Smmu3Machine.StreamTable + (stream * 64ul) + 8, ats);

    [Fact]
    public void A_device_is_told_what_it_may_do()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | Leaf);
        machine.Map(root, 0x2000, 0x7000_1000 | Leaf | (1 << 7));
        machine.BindFirst(root).SwitchOn();
        SetAts(machine, FullAts);
        var all = machine.Ask(0x1000, Smmu3Access.Read | Smmu3Access.Write, kind: Asked);
        all.Outcome.ShouldBe(Smmu3Outcome.Allowed);
        all.Range.PhysicalAddress.ShouldBe(0x7000_0000ul);
        (all.Range.Rights & (Protection.Read | Protection.Write)).ShouldBe(Protection.Read | Protection.Write);
        (machine.Ask(0x2000, Smmu3Access.Read | Smmu3Access.Write, kind: Asked).Range.Rights & (Protection.Read | Protection.Write))
            .ShouldBe(Protection.Read);

        // Where there is nothing, that is the answer, and no event.
        var nothing = machine.Ask(0x9000, Smmu3Access.Write, kind: Asked);
        nothing.ShouldBe(new Smmu3Translation(
            Smmu3Outcome.Allowed, new(IsAllowed: true, 0x9000, 0x1000, 0, Protection.None), Smmu3EventType.Translation));
        machine.TakeEvent().ShouldBeNull();
    }

    /// <summary>With NW, dirty state is not touched, and no write is granted on a clean page; without, it becomes dirty.</summary>
    [Fact]
    public void A_request_to_write_makes_a_page_dirty()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        const ulong clean = 0x7000_0000 | Leaf | (1ul << 51) | (1 << 7);
        ulong at = machine.Map(root, 0x1000, clean);
        machine.BindFirst(root, flags: 3ul << 42).SwitchOn();
        SetAts(machine, FullAts);
        (machine.Ask(0x1000, Smmu3Access.Read, kind: Asked).Range.Rights & Protection.Write).ShouldBe(Protection.None);
        machine.Load(at).ShouldBe(clean);
        (machine.Ask(0x1000, Smmu3Access.Read | Smmu3Access.Write, kind: Asked).Range.Rights & Protection.Write).ShouldBe(Protection.Write);
        machine.Load(at).ShouldBe(clean & ~(1ul << 7));
    }

    [Fact]
    public void A_device_that_may_not_ask_is_refused()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root).SetStream(9, 1 | (4 << 1)).SetStream(10, 1).SwitchOn();
        machine.Ask(0x1234, Smmu3Access.Write | Smmu3Access.Privileged, kind: Asked, substream: 3).Outcome.ShouldBe(Smmu3Outcome.Abort);
        var record = machine.TakeEvent().ShouldNotBeNull();
        record.W0.ShouldBe(5 | (1ul << 11) | (3ul << 12) | (8ul << 32));
        record.W1.ShouldBe((1ul << 30) | (1ul << 28));
        record.W2.ShouldBe(0x1000ul);
        machine.Ask(0x1000, stream: 9, kind: Asked).Event.ShouldBe(Smmu3EventType.BadTranslationRequest);
        machine.TakeEvent().ShouldNotBeNull();
        machine.Ask(0x1000, stream: 10, kind: Asked).Outcome.ShouldBe(Smmu3Outcome.Abort);
        machine.TakeEvent().ShouldBeNull();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Errors_of_the_configuration_are_completer_aborts(bool records)
    {
        using var machine = new Smmu3Machine();
        machine.SetStream(9, 0).BindFirst(0x1000).SwitchOn(records ? Smmu3Register.Control2Bits.RecordsAtsErrors : 0);
        SetAts(machine, FullAts);
        machine.Store(Smmu3Machine.Contexts + (8 * 64), 0);
        machine.Ask(0x1000, stream: 9, kind: Asked).Outcome.ShouldBe(Smmu3Outcome.CompleterAbort);
        (machine.TakeEvent()?.Type).ShouldBe(records ? Smmu3EventType.BadStream : null);
        machine.Ask(0x1000, kind: Asked).Outcome.ShouldBe(Smmu3Outcome.CompleterAbort);
        (machine.TakeEvent()?.Type).ShouldBe(records ? Smmu3EventType.BadContext : null);
        machine.Ask(0x1000, stream: 9, kind: Translated).Outcome.ShouldBe(Smmu3Outcome.Allowed);
        machine.Model.Write32(Smmu3Register.Control0, 0x1d);
        machine.Ask(0x1000, stream: 9, kind: Translated).Outcome.ShouldBe(Smmu3Outcome.Abort);
        (machine.TakeEvent()?.Type).ShouldBe(records ? Smmu3EventType.BadStream : null);
    }

    [Fact]
    public void Translated_transactions_are_checked_if_that_is_wanted()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.BindFirst(root).BindFirst(root, stream: 9).SetStream(10, 1).SwitchOn();
        SetAts(machine, FullAts);
        machine.Ask(0x1234, stream: 9, kind: Translated).Range.PhysicalOf(0x1234).ShouldBe(0x1234ul);
        machine.Model.Write32(Smmu3Register.Control0, 0x1d);
        machine.Ask(0x1234, kind: Translated).Range.PhysicalOf(0x1234).ShouldBe(0x1234ul);
        machine.Ask(0x1234, stream: 9, kind: Translated).Event.ShouldBe(Smmu3EventType.TranslatedForbidden);
        var record = machine.TakeEvent().ShouldNotBeNull();
        record.W1.ShouldBe(Smmu3Event.Read);
        record.Address.ShouldBe(0x1234ul);
        machine.Ask(0x1234, stream: 10, kind: Translated).Outcome.ShouldBe(Smmu3Outcome.Abort);
        machine.TakeEvent().ShouldBeNull();
        machine.Model.Write32(Smmu3Register.Control0, 0xc);
        machine.Ask(0x1234, kind: Translated).Outcome.ShouldBe(Smmu3Outcome.Abort);

        // Of a disabled SMMU no device can have got a translation.
        machine.TakeEvent().ShouldNotBeNull().Type.ShouldBe(Smmu3EventType.TranslatedForbidden);
    }

    /// <summary>Split stage: the device is told what stage 1 says, and stage 2 comes when it uses that.</summary>
    [Fact]
    public void A_device_may_translate_by_stage_1_alone()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x40_0000 | Leaf);
        machine.Map(second, 0x40_0000, 0x7000_0000 | 0xfc | 3 | (1 << 10), startLevel: 1, inputBits: 40);
        machine.BindNested(first, second).SwitchOn();
        SetAts(machine, SplitAts);
        machine.Ask(0x1000, kind: Asked).Event.ShouldBe(Smmu3EventType.BadTranslationRequest);
        machine.TakeEvent().ShouldNotBeNull();
        machine.Model.Write32(Smmu3Register.Control0, 0x1d);
        var told = machine.Ask(0x1008, kind: Asked).Range;
        told.PhysicalOf(0x1008).ShouldBe(0x40_0008ul);
        machine.Ask(0x40_0008, kind: Translated).Range.PhysicalOf(0x40_0008).ShouldBe(0x7000_0008ul);
        machine.Ask(0x1_0000_0000, kind: Translated).Event.ShouldBe(Smmu3EventType.Translation);
        machine.TakeEvent().ShouldNotBeNull().IsStage2.ShouldBeTrue();
        machine.Read(0x1008).ShouldBe(0x7000_0008ul);
    }

    [Fact]
    public void Page_requests_are_queued_and_answered()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        var request = Smmu3PageRequest.Create(8, 5, 0x1234_5678, 77, isRead: true, isWrite: true, isLast: true, isExecute: true, isPrivileged: true);
        machine.Model.RequestPage(request).ShouldBeTrue();
        machine.Load(Smmu3Machine.PageQueue).ShouldBe(8ul | (5ul << 32) | (0x1ful << 58) | (1ul << 63));
        machine.Load(Smmu3Machine.PageQueue + 8).ShouldBe(0x1234_5000ul | 77);
        machine.Interrupts.ShouldBe([Smmu3Interrupt.PageRequestQueue]);
        machine.Invalidate(
            Smmu3Command.RespondToPages(8, 5, 77, 2), Smmu3Command.RespondToPages(8, null, 78, 0), Smmu3Command.RespondToPages(8, null, 79, 1));
        machine.Responses.ShouldBe([new(8, 5, 77, 0), new(8, null, 78, 15), new(8, null, 79, 1)]);
    }

    /// <summary>After an overflow nothing is stored until it is acknowledged; last requests of a group are answered, others and stop markers
    /// dropped.</summary>
    [Fact]
    public void Page_requests_that_do_not_fit_are_answered_by_the_SMMU()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        for (int i = 0; i < 32; i++)
        {
            machine.Model.RequestPage(Smmu3PageRequest.Create(8, null, 0, i, true, false, true)).ShouldBeTrue();
        }

        machine.Model.RequestPage(Smmu3PageRequest.Create(8, 5, 0, 100, true, false, isLast: false)).ShouldBeFalse();
        machine.Responses.ShouldBeEmpty();
        machine.Model.Read32(Smmu3Register.PageRequestProducer).ShouldBe(32u | Smmu3Register.Overflow);
        machine.Model.Write32(Smmu3Register.PageRequestConsumer, 16);
        machine.Model.RequestPage(Smmu3PageRequest.Create(8, 5, 0, 101, true, false, isLast: true)).ShouldBeFalse();
        machine.Model.RequestPage(Smmu3PageRequest.Create(8, 5, 0, 102, false, false, isLast: true)).ShouldBeFalse();

        // IDR3.PPS: the answer carries the PASID.
        machine.Responses.ShouldBe([new(8, 5, 101, 0)]);
        machine.Model.Write32(Smmu3Register.PageRequestConsumer, 16 | Smmu3Register.Overflow);
        machine.Model.RequestPage(Smmu3PageRequest.Create(8, null, 0, 103, true, false, true)).ShouldBeTrue();
        machine.Model.Write32(Smmu3Register.Control0, 0xd);
        machine.Model.RequestPage(Smmu3PageRequest.Create(8, 5, 0, 104, true, false, isLast: true)).ShouldBeFalse();
        machine.Responses[^1].ShouldBe(new Smmu3PageResponse(8, null, 104, 15));
    }

    [Fact]
    public void GATOS_translates_without_a_trace()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | Leaf | (3 << 8));
        const ulong inhibited = 1 << 6;
        machine.Map(root, 0x20_0000, 0x4000_0000 | (Leaf & ~2ul) | (2 << 2), leafLevel: 2);
        ulong unused = machine.Map(root, 0x3000, 0x7000_0000 | (Leaf & ~(1ul << 10)));
        machine.BindFirst(root, flags: 1ul << 43).SwitchOn();
        var model = machine.Model;
        Ask(8, 0x1000 | (1 << 10) | (1 << 8)).ShouldBe(0xff00_0000_7000_0000 | (3 << 8));

        // 2 MiB: bit 20 is the lowest that is set; non-cacheable and so outer shareable.
        Ask(8, 0x20_1000 | (1 << 10) | (1 << 8)).ShouldBe(0x4400_0000_4010_0000ul | (1 << 11) | (2 << 8));
        Ask(8, 0x3000 | (1 << 10) | (1 << 8) | inhibited).ShouldBe(0xff00_0000_7000_0000);
        machine.Load(unused).ShouldBe(0x7000_0000ul | (Leaf & ~(1ul << 10)));
        Ask(8, 0x9000 | (1 << 10)).ShouldBe(1ul | (0x10 << 4));
        Ask(8, 0x1000).ShouldBe(1ul | (0xff << 4));
        Ask(8, 0x1000 | (2 << 10)).ShouldBe(1ul | (0xfe << 4));
        Ask(64, 0x1000 | (1 << 10)).ShouldBe(1ul | (2 << 4));
        machine.TakeEvent().ShouldBeNull();
        model.Write32(Smmu3Register.Control0, 0);
        model.Write64(Smmu3Register.TranslationStream, 8);
        model.Write32(Smmu3Register.TranslationControl, 1);
        model.Read32(Smmu3Register.TranslationControl).ShouldBe(0u);

        ulong Ask(uint stream, ulong address)
        {
            model.Write64(Smmu3Register.TranslationStream, stream);
            model.Write64(Smmu3Register.TranslationAddress, address);
            model.Read64(Smmu3Register.TranslationAddress).ShouldBe(address);
            model.Write32(Smmu3Register.TranslationControl, 1);
            return model.Read64(Smmu3Register.TranslationResult);
        }
    }

    /// <summary>RUN is bit 0 of GATOS_CTRL (qbox has bits 1 and 8, too).</summary>
    [Fact]
    public void GATOS_runs_by_its_lowest_bit_alone()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | Leaf);
        machine.BindFirst(root).SwitchOn();
        var model = machine.Model;
        model.Write64(Smmu3Register.TranslationStream, 8);
        model.Write64(Smmu3Register.TranslationAddress, 0x1000 | (1 << 10) | (1 << 8));
        for (int bit = 1; bit < 32; bit++)
        {
            model.Write32(Smmu3Register.TranslationControl, 1u << bit);
            model.Read32(Smmu3Register.TranslationControl).ShouldBe(0u, $"bit {bit}");
            model.Read64(Smmu3Register.TranslationResult).ShouldBe(0ul, $"bit {bit}");
        }

        model.Write32(Smmu3Register.TranslationControl, 1);
        (model.Read64(Smmu3Register.TranslationResult) & 0x00ff_ffff_ffff_f001).ShouldBe(0x7000_0000ul);
    }

    /// <summary>The answer from what is held is the one of the walk. RISC-V's reference model grants no write a second time.</summary>
    [Theory]
    [InlineData(0, 0ul)]
    [InlineData(1 << 7, 0ul)]
    [InlineData(1 << 7, 1ul << 51)]
    public void A_request_is_answered_alike_with_and_without_a_cache(int readOnly, ulong dirtyModifier)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | Leaf | (uint)readOnly | dirtyModifier);
        machine.BindFirst(root, flags: 3ul << 42).SwitchOn();
        SetAts(machine, FullAts);
        foreach (var access in new[] { Smmu3Access.Read, Smmu3Access.Read | Smmu3Access.Write, Smmu3Access.Read })
        {
            var cold = machine.Ask(0x1000, access, kind: Asked);
            machine.Ask(0x1000, access, kind: Asked).ShouldBe(cold);
            machine.Model.Evict();
            machine.Ask(0x1000, access, kind: Asked).ShouldBe(cold);
        }
    }

    [Fact]
    public void GATOS_tells_which_stage_failed()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x8000_0000 | Leaf);
        machine.BindNested(first, second).SwitchOn();
        var model = machine.Model;
        model.Write64(Smmu3Register.TranslationStream, 8);

        // Stage 1 alone yields the IPA; both fail in stage 2, for the input; stage 2 alone takes an IPA.
        model.Write64(Smmu3Register.TranslationAddress, 0x1000 | (1 << 10) | (1 << 8));
        model.Write32(Smmu3Register.TranslationControl, 1);
        (model.Read64(Smmu3Register.TranslationResult) & 0x00ff_ffff_ffff_f001).ShouldBe(0x8000_0000ul);
        model.Write64(Smmu3Register.TranslationAddress, 0x1000 | (3 << 10) | (1 << 8));
        model.Write32(Smmu3Register.TranslationControl, 1);
        model.Read64(Smmu3Register.TranslationResult).ShouldBe(1ul | (3 << 1) | (0x10 << 4) | 0x8000_0000);
        model.Write64(Smmu3Register.TranslationAddress, 0x5000 | (2 << 10) | (1 << 8));
        model.Write32(Smmu3Register.TranslationControl, 1);
        (model.Read64(Smmu3Register.TranslationResult) & 0x00ff_ffff_ffff_f001).ShouldBe(0x5000ul);
    }

    /// <summary>
    /// Attributes of both stages: device over normal, non-cacheable over write-through over write-back; with S2FWB, stage 2 decides, or leaves it.
    /// </summary>
    [Theory]
    [InlineData(0, 0xf, false, 0xff)]
    [InlineData(0, 0x5, false, 0x44)]
    [InlineData(0, 0xa, false, 0xbb)]
    [InlineData(2, 0xf, false, 0x44)]
    [InlineData(1, 0xf, false, 0x00)]
    [InlineData(0, 0x1, false, 0x04)]
    [InlineData(1, 0x3, false, 0x00)]
    [InlineData(1, 0x6, true, 0xff)]
    [InlineData(2, 0x7, true, 0x44)]
    [InlineData(1, 0x7, true, 0x00)]
    [InlineData(0, 0x5, true, 0x44)]
    [InlineData(1, 0x5, true, 0x00)]
    [InlineData(0, 0x2, true, 0x08)]
    public void Attributes_of_both_stages_are_combined(int index, int second, bool isForced, int expected)
    {
        using var machine = new Smmu3Machine();
        ulong stage2 = machine.NewIdentitySecond(isForced ? (3ul << 6) & ~(0xful << 2) : 3ul << 6);
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x40_0000 | Leaf | ((ulong)(uint)index << 2));
        machine.Map(stage2, 0x40_0000, 0x7000_0000 | 0xc0 | 3 | (1 << 10) | ((ulong)(uint)second << 2), startLevel: 1, inputBits: 40);
        machine.BindNested(first, stage2).SwitchOn();
        machine.Store(Smmu3Machine.StreamTable + (8 * 64) + 8, isForced ? 1ul << 25 : 0);
        machine.Model.Write64(Smmu3Register.TranslationStream, 8);
        machine.Model.Write64(Smmu3Register.TranslationAddress, 0x1000 | (3 << 10) | (1 << 8));
        machine.Model.Write32(Smmu3Register.TranslationControl, 1);
        ulong result = machine.Model.Read64(Smmu3Register.TranslationResult);
        (result & 1).ShouldBe(0ul);
        (result >> 56).ShouldBe((ulong)expected);

        // Devices, and what nobody caches, are outer shareable, in either stage and in the result.
        (result >> 8 & 3).ShouldBe(index != 0 || expected is 0x44 or < 0x10 ? 2ul : 0ul);
    }

    /// <summary>S2PTW: a walk of stage 1 must not lead to what stage 2 calls a device.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Walks_may_be_kept_from_devices(bool isProtected)
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x40_0000 | Leaf);
        machine.Map(second, first, first | 3 | (3 << 6) | (1 << 10) | (1 << 2), startLevel: 1, inputBits: 40);
        machine.BindNested(first, second, secondFlags: isProtected ? 1ul << 54 : 0).SwitchOn();
        if (!isProtected)
        {
            machine.Read(0x1000).ShouldBe(0x40_0000ul);
            return;
        }

        var record = machine.Fault(0x1000, Smmu3Access.Write);
        record.Type.ShouldBe(Smmu3EventType.Permission);
        record.Class.ShouldBe(Smmu3FaultClass.Table);
        record.Ipa.ShouldBe(first);
        (record.W1 & Smmu3Event.TableRead).ShouldNotBe(0ul);
        record.IsRead.ShouldBeFalse();
    }
}
