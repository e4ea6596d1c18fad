using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>What is told of invalidations: what each command names (IHI 0070, chapter 4), when, and that nothing is held meanwhile.</summary>
public sealed class Smmu3NoticeTests
{
    private const ulong Va = 0x12_3456_7000;
    private const uint Device = Smmu3Machine.Device;

    public static TheoryData<string, Smmu3Command, InvalidationNotice?> Commands()
    {
        var pages = new InvalidationNotice(InvalidationScope.Pages, Va, Va + 0xfff);
        var space = new InvalidationNotice(InvalidationScope.AddressSpace);
        var everything = new InvalidationNotice(InvalidationScope.Everything);
        var stream = new InvalidationNotice(InvalidationScope.Stream, FirstStream: 0x123, LastStream: 0x123);
        var device = new InvalidationNotice(InvalidationScope.Pages, 0x4000, 0x7fff, 0x123, 0x123, IsOfDeviceTlb: true);
        return new()
        {
            { "TLBI_NH_ALL", Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: 3), space with { Domain = 3 } },
            { "TLBI_NH_ASID", Smmu3Command.Drop(Smmu3CommandCode.DropAsid, 3, 5), space with { Domain = 3, Space = 5 } },
            { "TLBI_NH_VA", Address(Smmu3CommandCode.DropVa), pages with { Domain = 3, Space = 5 } },
            { "TLBI_NH_VA, leaf", Address(Smmu3CommandCode.DropVa, leaf: true), pages with { Domain = 3, Space = 5, LeavesOnly = true } },
            { "TLBI_NH_VAA", Address(Smmu3CommandCode.DropVaAllAsids), pages with { Domain = 3 } },
            { "TLBI_EL2_ALL", Smmu3Command.Drop(Smmu3CommandCode.DropHypervisor), everything },
            { "TLBI_EL2_ASID", Smmu3Command.Drop(Smmu3CommandCode.DropHypervisorAsid, asid: 5), space with { Space = 5 } },
            { "TLBI_EL2_VA", Address(Smmu3CommandCode.DropHypervisorVa), pages },
            { "TLBI_EL2_VAA", Address(Smmu3CommandCode.DropHypervisorVaAllAsids), pages },
            { "TLBI_S12_VMALL", Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 3), space with { Domain = 3 } },
            { "TLBI_S2_IPA", Address(Smmu3CommandCode.DropIpa), pages with { Domain = 3 } },
            { "TLBI_NSNH_ALL", Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests), everything },
            {
                // (NUM + 1) × 2^SCALE granules: 6 of 2 × 16 KiB.
                "TLBI_NH_VA, range",
                Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x4000_0000, 3, 5, granule: 2, number: 5, scale: 1),
                pages with { First = 0x4000_0000, Last = 0x4000_0000 + (12 * 0x4000) - 1, Domain = 3, Space = 5 }
            },
            {
                "TLBI_NH_VA, as long as can be",
                Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x1000, granule: 1, number: 31, scale: 39),
                pages with { First = 0x1000, Last = 0x0100_0000_0000_0fff, Domain = 0, Space = 0 }
            },
            {
                "TLBI_NH_VA, up to the last address",
                Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0xffff_ffff_ffff_0000, granule: 1, number: 31, scale: 1),
                pages with { First = 0xffff_ffff_ffff_0000, Last = ulong.MaxValue, Domain = 0, Space = 0 }
            },
            {
                "TLBI_NH_VA, with a top byte",
                Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0xab00_0000_0000_1000),
                pages with { First = 0x1000, Last = 0x1fff, Domain = 0, Space = 0 }
            },
            { "CFGI_STE", Smmu3Command.DropStream(0x123), stream with { LeavesOnly = true } },
            { "CFGI_STE, not leaf", Smmu3Command.DropStream(0x123, leaf: false), stream },
            { "CFGI_STE_RANGE", Smmu3Command.DropStreams(0x123, 3), stream with { FirstStream = 0x120, LastStream = 0x12f } },
            { "CFGI_ALL", Smmu3Command.DropStreams(0x123, 31), everything },
            { "CFGI_CD", Smmu3Command.DropContext(0x123, 9), stream with { Substream = 9, LeavesOnly = true } },
            { "CFGI_CD, not leaf", Smmu3Command.DropContext(0x123, 9, leaf: false), stream },
            { "CFGI_CD_ALL", Smmu3Command.DropContexts(0x123), stream },
            { "ATC_INV", Smmu3Command.DropDeviceTlb(0x123, 0x4000, 2), device },
            { "ATC_INV, substream", Smmu3Command.DropDeviceTlb(0x123, 0x4000, 2, 9), device with { Substream = 9 } },
            { "ATC_INV, global", Smmu3Command.DropDeviceTlb(0x123, 0x4000, 2, 9) with { Lower = Global(9) }, device },
            { "ATC_INV, all", Smmu3Command.DropDeviceTlb(0x123, 0x4000, 52), device with { First = 0, Last = ulong.MaxValue } },
            { "PREFETCH_CONFIG", new Smmu3Command(0x01, 0), null },
            { "PREFETCH_ADDR", new Smmu3Command(0x02, 0), null },
            { "PRI_RESP", Smmu3Command.RespondToPages(0x123, null, 1, 2), null },
            { "RESUME", Smmu3Command.Resume(0x123, 1, isRetry: true, isAbort: false), null },
            { "STALL_TERM", Smmu3Command.TerminateStalls(0x123), null },
            { "SYNC", Smmu3Command.Sync(), null },
        };

        static ulong Global(uint substream) => Smmu3Command.DropDeviceTlb(0x123, 0, 0, substream).Lower | (1 << 9);

        static Smmu3Command Address(Smmu3CommandCode code, bool leaf = false) => Smmu3Command.DropAddress(code, Va, 3, 5, leaf);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Each_command_tells_what_it_names(string name, Smmu3Command command, InvalidationNotice? expected)
    {
        using var machine = new Smmu3Machine();
        var notices = Listen(machine.SwitchOn());
        machine.Invalidate(command);
        notices.ShouldBe(expected is { } one ? [one] : [], name);
        machine.Errors.ShouldBe(0u);
    }

    [Fact]
    public void Without_stage_2_and_with_wildcards_no_guest_is_named()
    {
        var command = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, Va, 3, 5);
        using var first = new Smmu3Machine(Smmu3Unit.Full with { Idr0 = Smmu3Unit.Full.Idr0 & ~1u });
        var notices = Listen(first.SwitchOn());
        first.Invalidate(command);
        notices.Single().Domain.ShouldBeNull();
        using var wild = new Smmu3Machine();
        notices = Listen(wild.SwitchOn(control: 2u << Smmu3Register.Control.VmidWildcardShift));
        wild.Invalidate(command);
        notices.Single().Domain.ShouldBeNull();
    }

    /// <summary>
    /// A page of stage 1 of which stage 2 makes pieces: one address of it means them all, and a listener has them though the IOTLB forgot.
    /// </summary>
    [Fact]
    public void A_page_in_pieces_is_told_whole()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, 0x4000_0000, 0x20_0000 | (Smmu3Machine.ValidLeaf & ~2ul), leafLevel: 2);
        machine.BindNested(root, machine.NewIdentitySecond()).SwitchOn();
        var notices = Listen(machine);
        var kept = machine.Ask(0x4000_5000).Range;
        kept.Length.ShouldBe(0x1000ul);
        machine.Model.Evict();
        machine.Invalidate(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x4000_0000, 1, 1));
        notices.Single().Concerns(Device, Smmu3Request.NoSubstream, kept).ShouldBeTrue();
        (notices[0].First, notices[0].Last).ShouldBe((0x4000_0000ul, 0x401f_fffful));

        // Also in a copy that was restored from what another cached.
        machine.Ask(0x4000_5000).Outcome.ShouldBe(Smmu3Outcome.Allowed);
        var copy = new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView);
        copy.Restore(machine.Model.Save());
        var told = new List<InvalidationNotice>();
        copy.Invalidated = told.Add;
        machine.Store(Smmu3Machine.CommandQueue + 32, Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, 0x4000_0000, 1, 1).Lower, 0x4000_0000);
        copy.Write32(Smmu3Register.CommandProducer, 3);
        told.Single().Last.ShouldBe(0x401f_fffful);
    }

    [Fact]
    public void Registers_that_change_what_devices_may_do_tell_of_everything()
    {
        using var machine = new Smmu3Machine();
        var notices = Listen(machine);
        machine.SwitchOn();
        notices.ShouldBe([new InvalidationNotice(InvalidationScope.Everything)], "SMMUEN set");
        uint control = machine.Model.Read32(Smmu3Register.Control0);
        Action[] changes =
        [
            () => machine.Model.Write32(Smmu3Register.Control0, control ^ Smmu3Register.Control.CheckTranslated),
            () => machine.Model.Write32(Smmu3Register.Control0, 0),
            () => machine.Model.Write32(Smmu3Register.GlobalBypass, Smmu3Register.Bypass.Update | Smmu3Register.Bypass.Abort),
            machine.Model.Reset,
            () => machine.Model.Restore(machine.Model.Save()),
        ];
        foreach (var change in changes)
        {
            notices.Clear();
            change();
            notices.ShouldBe([new InvalidationNotice(InvalidationScope.Everything)]);
        }

        notices.Clear();
        machine.Model.Write32(Smmu3Register.Control0, Smmu3Register.Control.EventQueue);
        machine.Model.Write32(Smmu3Register.InterruptControl, 0);
        machine.Model.Evict();
        notices.ShouldBeEmpty();
    }

    /// <summary>The acknowledgements of CR0 and GBPA show the change only then.</summary>
    [Fact]
    public void A_change_is_told_before_it_is_acknowledged()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        var seen = new List<(uint Ack, bool IsUpdating)>();
        machine.Model.Invalidated = _ => seen.Add((
            machine.Model.Read32(Smmu3Register.Control0Ack) & 1,
            (machine.Model.Read32(Smmu3Register.GlobalBypass) & Smmu3Register.Bypass.Update) != 0));
        machine.Model.Write32(Smmu3Register.Control0, 0);
        machine.Model.Write32(Smmu3Register.GlobalBypass, Smmu3Register.Bypass.Update | Smmu3Register.Bypass.Abort);
        seen.ShouldBe([(1, false), (0, true)]);
        machine.Model.Read32(Smmu3Register.Control0Ack).ShouldBe(0u);
        machine.Model.Read32(Smmu3Register.GlobalBypass).ShouldBe(Smmu3Register.Bypass.Abort);

        // Also where a listener fails.
        machine.Model.Invalidated = _ => throw new InvalidOperationException();
        Should.Throw<InvalidOperationException>(() => machine.Model.Write32(Smmu3Register.Control0, 1));
        machine.Model.Read32(Smmu3Register.Control0Ack).ShouldBe(1u);
    }

    [Fact]
    public void A_command_is_told_when_it_was_done_and_before_its_sync_is()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong leaf = machine.Map(root, Va, 0x40_0000 | Smmu3Machine.ValidLeaf);
        machine.BindFirst(root).SwitchOn().Read(Va).ShouldBe(0x40_0000ul);
        machine.Store(leaf, 0x50_0000 | Smmu3Machine.ValidLeaf);
        var seen = new List<(ulong? There, uint Consumed, ulong Status)>();
        machine.Model.Invalidated = _ => seen.Add((
            machine.Read(Va), machine.Model.Read32(Smmu3Register.CommandConsumer), machine.Load(Smmu3Machine.Status)));
        machine.Submit(
            Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, Va, 0, 1), Smmu3Command.Sync(1, Smmu3Machine.Status, 0x77));
        seen.ShouldBe([(0x50_0000ul, 0u, 0ul)]);
        machine.Load(Smmu3Machine.Status).ShouldBe(0x77ul);
    }

    [Fact]
    public void While_a_listener_runs_others_translate_and_use_registers()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        machine.Map(root, Va, 0x40_0000 | Smmu3Machine.ValidLeaf);
        machine.BindFirst(root).SwitchOn();
        int told = 0;
        machine.Model.Invalidated = _ =>
        {
            told++;
            Background.Run(() =>
            {
                using (machine.Model.Accesses.Enter())
                {
                    machine.Read(Va).ShouldBe(0x40_0000ul);
                }

                machine.Model.Read32(Smmu3Register.Control0).ShouldNotBe(0u);
            }).ShouldEnd();
        };
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests), Smmu3Command.DropStream(Device));
        machine.Model.Write32(Smmu3Register.Control0, machine.Model.Read32(Smmu3Register.Control0) ^ Smmu3Register.Control.CheckTranslated);
        told.ShouldBe(3);
    }

    /// <summary>An access that began by what is dropped goes on until the sync, which waits for it, and not until the notice.</summary>
    [Fact]
    public void A_notice_does_not_wait_for_accesses_and_the_sync_does()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        using var isTold = new ManualResetEventSlim();
        machine.Model.Invalidated = _ => isTold.Set();
        Background invalidation;
        using (machine.Model.Accesses.Enter())
        {
            invalidation = Background.Run(() => machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests)));
            isTold.Wait(TimeSpan.FromMinutes(2)).ShouldBeTrue();
            invalidation.ShouldWait();
        }

        invalidation.ShouldEnd();
    }

    [Fact]
    public void With_the_erratum_the_second_is_told()
    {
        using var machine = new Smmu3Machine(options: new Smmu3ModelOptions { NeedsInvalidationsTwice = true });
        var notices = Listen(machine.SwitchOn());
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 3));
        notices.ShouldBeEmpty();
        machine.Invalidate(Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 3), Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 3));
        notices.ShouldHaveSingleItem();
    }

    [Fact]
    public void A_listener_that_throws_reaches_the_doorbell_and_the_queue_goes_on()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        machine.Model.Invalidated = _ => throw new InvalidOperationException();
        Should.Throw<InvalidOperationException>(() => machine.Submit(Smmu3Command.Drop(Smmu3CommandCode.DropVmid, 3)));
        var notices = Listen(machine);
        machine.Invalidate();
        notices.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_allocated(bool isListening)
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        ulong sum = 0;
        machine.Model.Invalidated = isListening ? notice => sum += notice.Last - notice.First : null;
        ulong queue = Smmu3Machine.CommandQueue;
        var page = Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, Va, 0, 1);
        var stream = Smmu3Command.DropStream(Device);
        var device = Smmu3Command.DropDeviceTlb(Device, 0, 3);
        for (ulong at = 0; at < 32; at++)
        {
            var command = (at & 3) switch { 0 => page, 1 => stream, 2 => device, _ => Smmu3Command.Sync() };
            machine.Store(queue + (at * 16), command.Lower, command.Upper);
        }

        uint producer = 0;
        Allocated.By(() =>
        {
            for (int i = 0; i < 32; i++)
            {
                producer = (producer + 4) & 63;
                machine.Model.Write32(Smmu3Register.CommandProducer, producer);
            }
        }).ShouldBe(0);
        machine.Model.Statistics.Commands.ShouldBeGreaterThanOrEqualTo(256);
        (sum != 0).ShouldBe(isListening);
    }

    private static List<InvalidationNotice> Listen(Smmu3Machine machine)
    {
        var notices = new List<InvalidationNotice>();
        machine.Model.Invalidated = notices.Add;
        return notices;
    }
}
