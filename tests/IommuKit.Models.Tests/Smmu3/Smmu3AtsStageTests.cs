using IommuKit.Models.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Translation requests of devices where there is a stage 2 (IHI 0070, sections 3.13.7 and 13.6).</summary>
public sealed class Smmu3AtsStageTests
{
    private const Smmu3RequestKind Asked = Smmu3RequestKind.TranslationRequest;
    private const Smmu3Access ReadWrite = Smmu3Access.Read | Smmu3Access.Write;
    private const Protection Rights = Protection.Read | Protection.Write;
    private const ulong FullAts = 1ul << 28;
    private const ulong SplitAts = 2ul << 28;
    private const ulong KeepsDirtyState = 3ul << 55;
    private const ulong DirtyModifier = 1ul << 51;
    private const ulong Writable = 1 << 7;
    private const ulong Page = 0x7000_0000 | 0x3c | 3 | (1 << 10);

    private static void SetAts(Smmu3Machine machine, ulong ats) => machine.Store(Smmu3Machine.StreamTable + (Smmu3Machine.Device * 64ul) + 8, ats);

    private static Protection RightsOf(in Smmu3Translation answer) => answer.Range.Rights & Rights;

    /// <summary>Who asks because it will write gets the right, and the page of stage 2 is written from then on; who only reads does not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_request_to_write_makes_a_page_of_stage_2_dirty(bool isNested)
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        const ulong clean = Page | (1 << 6) | DirtyModifier;
        ulong at = machine.Map(second, 0x40_0000, clean, startLevel: 1, inputBits: 40);
        ulong address = 0x40_0000;
        if (isNested)
        {
            ulong first = machine.NewTable();
            machine.Map(first, address = 0x1000, 0x40_0000 | Smmu3Machine.ValidLeaf);
            machine.BindNested(first, second, secondFlags: KeepsDirtyState);
        }
        else
        {
            machine.BindSecond(second, flags: KeepsDirtyState);
        }

        machine.SwitchOn();
        SetAts(machine, FullAts);
        RightsOf(machine.Ask(address, kind: Asked)).ShouldBe(Protection.Read);
        machine.Load(at).ShouldBe(clean);
        RightsOf(machine.Ask(address, ReadWrite, kind: Asked)).ShouldBe(Rights);
        machine.Load(at).ShouldBe(clean | Writable);
    }

    /// <summary>Where stage 1 lets nobody write, no page of either stage is written.</summary>
    [Fact]
    public void A_request_to_write_what_stage_1_forbids_leaves_stage_2_clean()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        const ulong clean = Page | (1 << 6) | DirtyModifier;
        ulong at = machine.Map(second, 0x40_0000, clean, startLevel: 1, inputBits: 40);
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x40_0000 | Smmu3Machine.ValidLeaf | (1 << 7));
        machine.BindNested(first, second, secondFlags: KeepsDirtyState).SwitchOn();
        SetAts(machine, FullAts);
        RightsOf(machine.Ask(0x1000, ReadWrite, kind: Asked)).ShouldBe(Protection.Read);
        machine.Load(at).ShouldBe(clean);
    }

    /// <summary>By split stage a device is told the IPA, with the rights and the size of both stages; where stage 2 has nothing, nothing.</summary>
    [Fact]
    public void Split_stage_tells_the_IPA_and_what_both_stages_allow()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        machine.Map(second, 0x40_0000, Page | (1 << 6), startLevel: 1, inputBits: 40);
        machine.Map(second, 0x40_1000, Page | (3 << 6), startLevel: 1, inputBits: 40);
        ulong first = machine.NewTable();
        machine.Map(first, 0x20_0000, 0x40_0000 | (Smmu3Machine.ValidLeaf & ~2ul), leafLevel: 2);
        machine.Map(first, 0x1000, 0x4000_0000 | Smmu3Machine.ValidLeaf);
        machine.BindNested(first, second).SwitchOn(control: Smmu3Register.Control.CheckTranslated);
        SetAts(machine, SplitAts);
        for (int i = 0; i < 2; i++)
        {
            var readable = machine.Ask(0x20_0008, ReadWrite, kind: Asked);
            readable.Range.PhysicalOf(0x20_0008).ShouldBe(0x40_0008ul);
            readable.Range.Length.ShouldBe(0x1000ul);
            RightsOf(readable).ShouldBe(Protection.Read);
            var all = machine.Ask(0x20_1008, ReadWrite, kind: Asked);
            all.Range.PhysicalOf(0x20_1008).ShouldBe(0x40_1008ul);
            RightsOf(all).ShouldBe(Rights);
            var nothing = machine.Ask(0x1000, kind: Asked);
            nothing.Outcome.ShouldBe(Smmu3Outcome.Allowed);
            RightsOf(nothing).ShouldBe(Protection.None);
        }

        // Without split stage the same pages are told by their physical addresses.
        machine.Read(0x20_1008).ShouldBe(0x7000_0008ul);
        machine.TakeEvent().ShouldBeNull();
    }

    /// <summary>Where stage 1 is passed by, the IPA is what was asked for, and stage 2 says what may be done there.</summary>
    [Fact]
    public void Split_stage_past_stage_1_tells_what_stage_2_allows()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        machine.Map(second, 0x40_0000, Page | (1 << 6), startLevel: 1, inputBits: 40);
        machine.BindNested(machine.NewTable(), second).SwitchOn(control: Smmu3Register.Control.CheckTranslated);
        ulong entry = Smmu3Machine.StreamTable + (Smmu3Machine.Device * 64ul);
        machine.Store(entry, machine.Load(entry) | (1ul << 59));
        const ulong bypassesStage1 = 1;
        SetAts(machine, SplitAts | bypassesStage1);
        var told = machine.Ask(0x40_0008, ReadWrite, kind: Asked);
        told.Range.PhysicalOf(0x40_0008).ShouldBe(0x40_0008ul);
        told.Range.Length.ShouldBe(0x1000ul);
        RightsOf(told).ShouldBe(Protection.Read);
        RightsOf(machine.Ask(0x4000_0000, kind: Asked)).ShouldBe(Protection.None);
        RightsOf(machine.Ask(1ul << 60, kind: Asked)).ShouldBe(Protection.None);
    }

    /// <summary>Of a translated transaction with more bits than addresses have, nothing is recorded (section 3.9.1.1).</summary>
    [Fact]
    public void A_translated_address_that_cannot_be_is_aborted()
    {
        using var machine = new Smmu3Machine();
        machine.BindNested(machine.NewTable(), machine.NewIdentitySecond()).SwitchOn(control: Smmu3Register.Control.CheckTranslated);
        SetAts(machine, SplitAts);
        machine.Ask(1ul << 52, kind: Smmu3RequestKind.Translated).Outcome.ShouldBe(Smmu3Outcome.Abort);
        machine.TakeEvent().ShouldBeNull();
    }

    /// <summary>
    /// Where stage 1 leaves nothing to who asks, its IPA is not translated: stage 2 sets no access flag there, and its table is not looked at (section
    /// 3.9.1.2). Who may do something there has it translated.
    /// </summary>
    [Fact]
    public void What_stage_1_grants_nothing_of_does_not_reach_stage_2()
    {
        using var machine = new Smmu3Machine();
        ulong second = machine.NewIdentitySecond();
        const ulong unused = (Page & ~(1ul << 10)) | (3 << 6);
        ulong at = machine.Map(second, 0x40_0000, unused, startLevel: 1, inputBits: 40);
        ulong first = machine.NewTable();
        machine.Map(first, 0x1000, 0x40_0000 | (Smmu3Machine.ValidLeaf & ~(1ul << 6)));
        machine.BindNested(first, second, secondFlags: KeepsDirtyState).SwitchOn();
        SubstreamsOf(machine);
        SetAts(machine, FullAts);
        var nothing = machine.Ask(0x1000, ReadWrite, kind: Asked, substream: 1);
        nothing.Outcome.ShouldBe(Smmu3Outcome.Allowed);
        nothing.Range.PhysicalAddress.ShouldBe(0ul);
        RightsOf(nothing).ShouldBe(Protection.None);
        machine.Load(at).ShouldBe(unused);
        RightsOf(machine.Ask(0x1000, ReadWrite | Smmu3Access.Privileged, kind: Asked, substream: 1)).ShouldBe(Rights);
        machine.Load(at).ShouldBe(unused | (1 << 10));

        // By now both stages are in the TLB, and the answer is the same.
        machine.Ask(0x1000, ReadWrite, kind: Asked, substream: 1).ShouldBe(nothing);
        machine.TakeEvent().ShouldBeNull();
    }

    /// <summary>A right to execute is told to who asks for it, and with one to read alone; INSTCFG makes of one what the other is (section 13.7.1).</summary>
    [Theory]
    [InlineData("RX", 0, false, Protection.Read | Protection.NoExecute)]
    [InlineData("RX", 0, true, Protection.Read)]
    [InlineData("R", 0, true, Protection.Read | Protection.NoExecute)]
    [InlineData("X", 0, true, Protection.None)]
    [InlineData("X", 3, true, Protection.Read)]
    [InlineData("R", 3, true, Protection.None)]
    [InlineData("R", 2, true, Protection.Read)]
    public void A_right_to_execute_is_told_to_who_asks_for_it(string page, int instruction, bool isAsked, Protection expected)
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        const ulong user = 1 << 6;
        const ulong readOnly = 1 << 7;
        const ulong userExecuteNever = 1ul << 54;
        ulong leaf = 0x7000_0000 | (Smmu3Machine.ValidLeaf & ~user) | readOnly | (page[0] == 'R' ? user : 0) | (page[^1] == 'X' ? 0 : userExecuteNever);
        machine.Map(root, 0x1000, leaf);
        machine.BindFirst(root).SwitchOn();
        SubstreamsOf(machine);
        SetAts(machine, FullAts | ((ulong)instruction << 50));
        var access = Smmu3Access.Read | (isAsked ? Smmu3Access.Execute : 0);
        for (int i = 0; i < 2; i++)
        {
            var told = machine.Ask(0x1000, access, kind: Asked, substream: 1).Range.Rights & (Rights | Protection.NoExecute);
            told.ShouldBe(expected, $"{i}");
        }
    }

    /// <summary>Without a PASID a request is one of unprivileged data, and so is a translated transaction where IDR3.PASIDTT is 0 (section 13.7).</summary>
    [Fact]
    public void Without_a_PASID_a_request_is_not_privileged()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x1000, 0x7000_0000 | (Smmu3Machine.ValidLeaf & ~(1ul << 6)));
        machine.Map(root, 0x2000, 0x7000_0000 | Smmu3Machine.ValidLeaf);
        machine.BindFirst(root).SwitchOn();
        SetAts(machine, FullAts);
        RightsOf(machine.Ask(0x1000, ReadWrite | Smmu3Access.Privileged, kind: Asked)).ShouldBe(Protection.None);
        var told = machine.Ask(0x2000, Smmu3Access.Read | Smmu3Access.Execute, kind: Asked).Range.Rights;
        (told & Protection.NoExecute).ShouldBe(Protection.NoExecute);

        // Stage 2 that only EL1 may execute from; what is translated is not told to be a fetch.
        using var split = new Smmu3Machine();
        ulong second = split.NewIdentitySecond();
        split.Map(second, 0x40_0000, Page | (3 << 6) | (2ul << 53), startLevel: 1, inputBits: 40);
        split.BindNested(split.NewTable(), second).SwitchOn(control: Smmu3Register.Control.CheckTranslated);
        SetAts(split, SplitAts);
        split.Ask(0x40_0000, Smmu3Access.Read | Smmu3Access.Execute, kind: Smmu3RequestKind.Translated).Outcome.ShouldBe(Smmu3Outcome.Allowed);
        split.Ask(0x40_0000, Smmu3Access.Read | Smmu3Access.Execute).Outcome.ShouldBe(Smmu3Outcome.Abort);
    }

    /// <summary>Lets the device have substreams, of which 1 is as the one that it had.</summary>
    private static void SubstreamsOf(Smmu3Machine machine)
    {
        ulong entry = Smmu3Machine.StreamTable + (Smmu3Machine.Device * 64ul);
        ulong table = machine.Load(entry) & 0x00ff_ffff_ffff_ffc0;
        for (ulong word = 0; word < 64; word += 8)
        {
            machine.Store(table + 64 + word, machine.Load(table + word));
        }

        machine.Store(entry, machine.Load(entry) | (1ul << 59));
    }
}
