using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>VT-d specification, section 6.5.2: the invalidation queue, and what stops it.</summary>
public sealed class VtdQueueTests : IDisposable
{
    private readonly VtdMachine _machine = new();

    private VtdModel<DeviceMemory> Model => _machine.Model;

    public VtdQueueTests() => _machine.Bind(_machine.NewTable()).SwitchOn();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void A_wait_stores_its_status()
    {
        _machine.Submit(VtdMachine.Wait(0x1234_5678));
        _machine.Load(VtdMachine.Status).ShouldBe(0x1234_5678ul);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x10ul);
    }

    [Fact]
    public void A_wait_where_no_memory_answers_goes_on()
    {
        _machine.Submit(VtdMachine.Wait(1) with { Qw1 = 1ul << 40 }, VtdMachine.Wait(2));
        _machine.Load(VtdMachine.Status).ShouldBe(2ul);
        Model.Read32(VtdRegister.FaultStatus).ShouldBe(0u);
    }

    [Fact]
    public void A_wait_may_tell_by_an_interrupt()
    {
        Model.Write32(VtdRegister.CompletionEvent + VtdRegister.EventData, 0x42);
        Model.Write32(VtdRegister.CompletionEvent + VtdRegister.EventAddress, 0xfee0_0000);
        _machine.Submit(VtdMachine.Wait(1, flags: 0x10));
        Model.Read32(VtdRegister.CompletionStatus).ShouldBe(1u);
        Model.Read32(VtdRegister.CompletionEvent).ShouldBe(VtdRegister.EventBits.Mask | VtdRegister.EventBits.Pending);
        Model.Write32(VtdRegister.CompletionEvent, 0);
        _machine.Messages.ShouldBe([new VtdMessage(0xfee0_0000, 0x42)]);

        // As long as IWC is set, another completion is nothing new.
        _machine.Submit(VtdMachine.Wait(2, flags: 0x10));
        _machine.Messages.Count.ShouldBe(1);
        Model.Write32(VtdRegister.CompletionStatus, 1);
        Model.Read32(VtdRegister.CompletionStatus).ShouldBe(0u);
        _machine.Submit(VtdMachine.Wait(3, flags: 0x10));
        _machine.Messages.Count.ShouldBe(2);
    }

    [Fact]
    public void The_queue_goes_round()
    {
        for (uint i = 1; i <= 600; i++)
        {
            _machine.Submit(VtdMachine.Wait(i));
            _machine.Load(VtdMachine.Status).ShouldBe(i);
        }

        Model.Read64(VtdRegister.QueueHead).ShouldBe((600 * 16ul) & 0xfff);
    }

    /// <summary>
    /// What has a wait wait for accesses under way: translations that are dropped, where either drain bit asks for it; those of PASIDs, interrupt entries
    /// and device TLBs in any case.
    /// </summary>
    [Theory]
    [InlineData(0x12ul | (1ul << 7))]
    [InlineData(0x12ul | (1ul << 6))]
    [InlineData(0x04ul)]
    [InlineData(0x03ul)]
    public void A_wait_ends_after_accesses_from_before(ulong qw0)
    {
        var lease = Model.Accesses.Enter();
        var submitted = Background.Run(() => _machine.Submit(new VtdInvalidationDescriptor(qw0, 0, 0, 0), VtdMachine.Wait(1)));
        submitted.ShouldWait();
        _machine.Load(VtdMachine.Status).ShouldBe(0ul);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x10ul);
        lease.Dispose();
        submitted.ShouldEnd();
        _machine.Load(VtdMachine.Status).ShouldBe(1ul);
    }

    /// <summary>A wait promises no more than what is before it asked for: nothing; contexts; translations without a drain.</summary>
    [Theory]
    [InlineData(0x45ul)]
    [InlineData(0x11ul)]
    [InlineData(0x12ul)]
    [InlineData(0x22ul)]
    public void A_wait_behind_nothing_that_drains_ends_during_accesses(ulong qw0)
    {
        using var lease = Model.Accesses.Enter();
        Background.Run(() => _machine.Submit(new VtdInvalidationDescriptor(qw0, 0, 0, 0), VtdMachine.Wait(1))).ShouldEnd();
        _machine.Load(VtdMachine.Status).ShouldBe(1ul);
    }

    /// <summary>
    /// Without CAP.DRD and CAP.DWD the bits are ignored; from major version 2 on every invalidation drains; each bit counts for itself.
    /// </summary>
    [Theory]
    [InlineData(0x10, 0, 3, false)]
    [InlineData(0x10, 1, 1, true)]
    [InlineData(0x10, 1, 2, false)]
    [InlineData(0x10, 2, 1, false)]
    [InlineData(0x10, 2, 2, true)]
    [InlineData(0x20, 3, 0, true)]
    [InlineData(0x60, 0, 0, true)]
    public void Drain_bits_count_where_the_unit_has_them(int version, int capability, int asked, bool waits)
    {
        // DW and DWD are the lower bits.
        ulong value = (VtdUnit.Server48.Capability.Value & ~(3ul << 54)) | ((ulong)capability << 54);
        using var machine = new VtdMachine(VtdUnit.Server48 with { Version = (uint)version, Capability = new(value) });
        machine.SwitchOn();
        var lease = machine.Model.Accesses.Enter();
        var submitted = Background.Run(
            () => machine.Submit(new VtdInvalidationDescriptor(0x12 | ((ulong)asked << 6), 0, 0, 0), VtdMachine.Wait(1)));
        if (waits)
        {
            submitted.ShouldWait();
        }

        lease.Dispose();
        submitted.ShouldEnd();
        machine.Load(VtdMachine.Status).ShouldBe(1ul);
    }

    /// <summary>Type, granularity, reserved bits, masks that are too large, and types that the unit does not have.</summary>
    [Theory]
    [InlineData(0x0ul, 0ul, VtdQueueError.Type)]
    [InlineData(0xful, 0ul, VtdQueueError.Type)]
    [InlineData(0x205ul, 0ul, VtdQueueError.Type)]
    [InlineData(0x06ul | 0x20, 0ul, VtdQueueError.Type)]
    [InlineData(0x09ul, 0ul, VtdQueueError.Type)]
    [InlineData(0x01ul, 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x11ul, 1ul, VtdQueueError.ReservedField)]
    [InlineData(0x1011ul, 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x02ul, 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x32ul, 0x80ul, VtdQueueError.ReservedField)]
    [InlineData(0x32ul, 19ul, VtdQueueError.ReservedField)]
    [InlineData(0x1_0000_0012ul, 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x1003ul | (1ul << 21), 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x24ul, 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x8000_0014ul, 0ul, VtdQueueError.ReservedField)]
    [InlineData(0x25ul, 1ul, VtdQueueError.ReservedField)]
    public void A_wrong_descriptor_stops_the_queue_at_it(ulong qw0, ulong qw1, VtdQueueError error)
    {
        _machine.Submit(VtdMachine.Wait(1), new VtdInvalidationDescriptor(qw0, qw1, 0, 0), VtdMachine.Wait(2));
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x10ul);
        Model.Read32(VtdRegister.FaultStatus).ShouldBe(VtdRegister.FaultStatusBits.QueueError);
        Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)error);
        _machine.Load(VtdMachine.Status).ShouldBe(1ul);

        // What is rung while the error stands is left, and the event was raised.
        _machine.Submit(VtdMachine.Wait(3));
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x10ul);
        Model.Read32(VtdRegister.FaultEvent).ShouldBe(VtdRegister.EventBits.Mask | VtdRegister.EventBits.Pending);

        // As Linux does: the descriptor is replaced, and the queue goes on from there.
        _machine.Store(VtdMachine.Queue + 0x10, VtdMachine.Wait(4).Qw0, VtdMachine.Wait(4).Qw1);
        Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.QueueError);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x40ul);
        Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe(0ul);
        _machine.Load(VtdMachine.Status).ShouldBe(3ul);
    }

    /// <summary>
    /// The lost invalidation of Linux on QEMU's first stage: a mask of 28 where 18 is the largest is an error of the queue, by the architecture too.
    /// </summary>
    [Fact]
    public void A_pasid_mask_beyond_what_the_unit_has_is_an_error()
    {
        using var machine = new VtdMachine(VtdUnit.EmulatedFirstStage);
        machine.SwitchOn(isScalable: true);
        machine.Submit(new VtdInvalidationDescriptor(0x6_0036, 0x5c, 0, 0));
        machine.Model.Read32(VtdRegister.FaultStatus).ShouldBe(VtdRegister.FaultStatusBits.QueueError);
        machine.Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)VtdQueueError.ReservedField);
    }

    [Fact]
    public void A_queue_that_cannot_be_read_stops()
    {
        Model.Write64(VtdRegister.QueueAddress, 1ul << 45);
        Model.Write64(VtdRegister.QueueTail, 0x10);
        Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)VtdQueueError.Fetch);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0ul);
    }

    [Fact]
    public void A_tail_outside_the_queue_stops_it()
    {
        Model.Write64(VtdRegister.QueueTail, 0x1000);
        Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)VtdQueueError.Tail);
        Model.Read32(VtdRegister.FaultStatus).ShouldBe(VtdRegister.FaultStatusBits.QueueError);
    }

    [Fact]
    public void Wide_descriptors_have_tails_and_modes_of_their_own()
    {
        using var machine = new VtdMachine(VtdUnit.Server57);
        machine.SwitchOn(isScalable: true);
        machine.Model.Write64(VtdRegister.QueueTail, 0x10);
        machine.Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)VtdQueueError.TailAlignment);
        machine.Model.Write64(VtdRegister.QueueTail, 0);
        machine.Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.QueueError);
        machine.Store(VtdMachine.Queue + 16, 0, 1);
        machine.Submit(VtdMachine.Wait(1) with { Qw3 = 1 });
        machine.Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)VtdQueueError.ReservedField);
        machine.Model.Write64(VtdRegister.QueueAddress, VtdMachine.Queue);
        machine.Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.QueueError);
        machine.Model.Read64(VtdRegister.QueueErrorRecord).ShouldBe((ulong)VtdQueueError.Width);
    }

    [Fact]
    public void Switching_the_queue_off_begins_anew()
    {
        _machine.Submit(VtdMachine.Wait(1));
        Model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.TranslationEnable);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0ul);
    }

    [Fact]
    public void A_device_that_does_not_answer_drops_the_next_wait_and_stops_the_queue()
    {
        var asked = new List<VtdDeviceTlbInvalidation>();
        Model.DeviceTlbInvalidated = what =>
        {
            asked.Add(what);
            return what.Source != 0x99;
        };
        _machine.Submit(
            DeviceTlb(0x12, 0x7fff_f000 | 1),
            VtdMachine.Wait(1),
            DeviceTlb(0x99, 0x1000),
            VtdMachine.Iotlb(VtdGranularity.Global),
            VtdMachine.Wait(2),
            VtdMachine.Wait(3));
        asked.ShouldBe(
        [
            new VtdDeviceTlbInvalidation(0x12, 0, 0xffff_ffff, Pasid: null, IsGlobal: false),
            new VtdDeviceTlbInvalidation(0x99, 0x1000, 0x1fff, Pasid: null, IsGlobal: false),
        ]);
        _machine.Load(VtdMachine.Status).ShouldBe(1ul);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x50ul);
        Model.Read32(VtdRegister.FaultStatus).ShouldBe(VtdRegister.FaultStatusBits.TimeoutError);
        ((Model.Read64(VtdRegister.QueueErrorRecord) >> 32) & 0xffff).ShouldBe(0x99ul);
        Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.TimeoutError);
        _machine.Load(VtdMachine.Status).ShouldBe(3ul);
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0x60ul);
    }

    [Fact]
    public void A_queue_that_rings_its_own_doorbell_ends()
    {
        // A wait whose status is written to the tail register itself, as far as the emulator's bus is concerned.
        var memory = new SelfRinging();
        var model = new VtdModel<CallbackMemory>(VtdUnit.Server48, new CallbackMemory(memory));
        memory.Ring = () => model.Write64(VtdRegister.QueueTail, (model.Read64(VtdRegister.QueueHead) + 0x20) & 0xfff);
        model.Write64(VtdRegister.QueueAddress, 0);
        model.Write32(VtdRegister.GlobalCommand, VtdRegister.GlobalBits.QueuedInvalidationEnable);
        model.Write64(VtdRegister.QueueTail, 0x10);
        memory.Rings.ShouldBe(256);
        model.Statistics.Descriptors.ShouldBe(256);
    }

    [Fact]
    public void What_a_listener_throws_reaches_the_caller_and_the_queue_goes_on_later()
    {
        Model.DeviceTlbInvalidated = _ => throw new InvalidOperationException("device");
        Should.Throw<InvalidOperationException>(() => _machine.Submit(DeviceTlb(1, 0), VtdMachine.Wait(1)));
        Model.Read64(VtdRegister.QueueHead).ShouldBe(0ul);
        Model.DeviceTlbInvalidated = null;
        _machine.Submit(VtdMachine.Wait(2));
        _machine.Load(VtdMachine.Status).ShouldBe(2ul);
    }

    private static VtdInvalidationDescriptor DeviceTlb(ushort source, ulong address) => new(3 | ((ulong)source << 32), address, 0, 0);

    private sealed class SelfRinging : Specs.Memory.IMemoryAccessor
    {
        public Action? Ring { get; set; }

        public int Rings { get; private set; }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            // A wait with a status, everywhere.
            destination.Clear();
            destination[0] = 0x25;
            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
        {
            Rings++;
            Ring!();
            return true;
        }
    }
}
