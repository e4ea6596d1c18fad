using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>A state goes on in another unit of the same kind, stale entries and held-back messages included.</summary>
public sealed class VtdStateTests : IDisposable
{
    private const ulong Page = 0x7f_1234_5000;
    private const ulong Old = 0x5000_0000;

    private readonly VtdMachine _machine = new();
    private readonly ulong _table;

    public VtdStateTests()
    {
        _table = _machine.NewTable();
        _machine.Bind(_table).Map(_table, 3, Page, Old | 3);
        _machine.SwitchOn();
        _machine.Read(Page).ShouldBe(Old);
        _machine.Submit(VtdMachine.Wait(1, flags: 0x10));
        _machine.Ask(0x1000, VtdAccess.Read).Reason.ShouldBe(VtdFaultReason.ReadNotAllowed);
        _machine.Map(_table, 3, Page, 0);
    }

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Registers_and_stale_entries_are_as_they_were()
    {
        using var other = Another();
        other.Model.Restore(_machine.Model.Save());
        for (uint offset = 0; offset < 0x1000; offset += 4)
        {
            other.Model.Read32(offset).ShouldBe(_machine.Model.Read32(offset), $"0x{offset:x}");
        }

        other.Read(Page).ShouldBe(Old);
        other.Messages.ShouldBeEmpty();
        other.Model.MessageSent = other.Messages.Add;
        other.Model.Write32(VtdRegister.CompletionEvent, 0);
        other.Messages.Count.ShouldBe(1);
        other.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.ReadNotAllowed);
        other.Model.Save().Length.ShouldBe(_machine.Model.Save().Length);
    }

    [Fact]
    public void A_state_saves_to_what_it_was_restored_from()
    {
        byte[] state = _machine.Model.Save();
        using var other = Another();
        other.Model.Restore(state);
        other.Model.Save().ShouldBe(state);
    }

    /// <summary>
    /// Saved while a wait is held back by an access that is on its way: its doorbell is not rung again, and software polls for ever unless the model that
    /// takes over goes on by itself.
    /// </summary>
    [Fact]
    public async Task Descriptors_that_were_not_done_are_where_they_are_restored()
    {
        Task doorbell;
        byte[] state;
        using var other = Another();
        ulong head = _machine.Model.Read64(VtdRegister.QueueHead);
        using (_machine.Model.Accesses.Enter())
        {
            // All of the IOTLB, draining reads and writes.
            doorbell = Task.Run(() => _machine.Submit(new VtdInvalidationDescriptor(0xd2, 0, 0, 0), VtdMachine.Wait(77)));
            SpinWait.SpinUntil(() => _machine.Model.Read64(VtdRegister.QueueHead) == head + 16, TimeSpan.FromSeconds(20)).ShouldBeTrue();
            state = _machine.Model.Save();
            _machine.Memory.CpuView.Span(0, 0x40_0000).CopyTo(other.Memory.CpuView.Span(0, 0x40_0000));
        }

        await doorbell;
        ((uint)other.Load(VtdMachine.Status)).ShouldNotBe(77u);
        other.Model.Restore(state);
        other.Model.Read64(VtdRegister.QueueHead).ShouldBe(head + 32);
        ((uint)other.Load(VtdMachine.Status)).ShouldBe(77u);
    }

    /// <summary>A command of a register that was under way has ended where the state is taken over, as the restored unit has no access from before.</summary>
    [Fact]
    public async Task A_register_command_that_was_under_way_ends_where_it_is_restored()
    {
        using var machine = new VtdMachine();
        machine.SwitchOn(usesQueue: false);
        uint iotlb = machine.Model.Unit.ExtendedCapability.IotlbRegisterOffset + 8;
        Task command;
        byte[] state;
        using (machine.Model.Accesses.Enter())
        {
            command = Task.Run(() => machine.Model.Write64(iotlb, VtdRegister.IotlbBits.Invalidate | (1ul << VtdRegister.IotlbBits.RequestShift)
                | VtdRegister.IotlbBits.DrainReads | VtdRegister.IotlbBits.DrainWrites));
            SpinWait.SpinUntil(() => (machine.Model.Read64(iotlb) & VtdRegister.IotlbBits.Invalidate) != 0, TimeSpan.FromSeconds(20)).ShouldBeTrue();
            state = machine.Model.Save();
        }

        await command;
        using var other = new VtdMachine();
        other.Model.Restore(state);
        (other.Model.Read64(iotlb) & VtdRegister.IotlbBits.Invalidate).ShouldBe(0ul);
    }

    [Fact]
    public void Bytes_that_are_no_state_leave_the_unit_reset()
    {
        byte[] state = _machine.Model.Save();
        foreach (byte[] wrong in new[] { [], state[..^1], [.. state, 0], [.. new byte[8], .. state[8..]] })
        {
            Should.Throw<InvalidDataException>(() => _machine.Model.Restore(wrong));
            _machine.Model.Read32(VtdRegister.GlobalStatus).ShouldBe(0u);
        }

        using var smaller = new VtdMachine(options: new VtdModelOptions { Iotlb = new(1, 1) });
        Should.Throw<InvalidDataException>(() => smaller.Model.Restore(state));
        using var different = new VtdMachine(VtdUnit.Server57);
        Should.Throw<InvalidDataException>(() => different.Model.Restore(state));
    }

    [Fact]
    public void Whatever_a_state_holds_the_unit_stays_one_that_can_be()
    {
        byte[] state = _machine.Model.Save();
        var random = new Random(1);
        for (int round = 0; round < 300; round++)
        {
            byte[] spoiled = [.. state];
            for (int i = 0; i < 200; i++)
            {
                spoiled[random.Next(i < 100 ? 32 : 500, i < 100 ? 500 : spoiled.Length)] = (byte)random.Next(256);
            }

            try
            {
                _machine.Model.Restore(spoiled);
            }
            catch (InvalidDataException)
            {
                continue;
            }

            for (int i = 0; i < 50; i++)
            {
                var access = (VtdAccess)random.Next(32);
                _machine.Model.Translate(new VtdRequest((ushort)random.Next(32), (ulong)random.NextInt64(1L << random.Next(1, 60)), access));
            }

            _machine.Model.Write32(VtdRegister.GlobalCommand, 0x8400_0000);
            _machine.Model.Write64(VtdRegister.QueueTail, 0x20);
            _machine.TakeRecord();
        }

        _machine.Model.Reset();
        _machine.Model.Read32(VtdRegister.GlobalStatus).ShouldBe(0u);
    }

    [Fact]
    public void A_snapshot_of_registers_is_loaded_without_side_effects()
    {
        using var other = Another();
        other.Model.LoadRegister(VtdRegister.GlobalStatus, 0xc400_0000);
        other.Model.LoadRegister(VtdRegister.RootTable, VtdMachine.Root);
        other.Model.LoadRegister(VtdRegister.QueueHead, 0x40);
        other.Model.LoadRegister(VtdRegister.QueueTail, 0x80);
        other.Model.LoadRegister(VtdRegister.QueueAddress, VtdMachine.Queue);
        other.Model.LoadRegister(VtdRegister.FaultEvent, 0);
        other.Model.Read64(VtdRegister.QueueHead).ShouldBe(0x40ul);
        other.Model.Statistics.Descriptors.ShouldBe(0);
        other.Read(0x1000).ShouldBeNull();
        other.TakeRecord()!.Value.Reason.ShouldBe(VtdFaultReason.ReadNotAllowed);
    }

    [Fact]
    public void Reset_forgets_everything()
    {
        _machine.Model.Reset();
        _machine.Model.Read32(VtdRegister.FaultStatus).ShouldBe(0u);
        _machine.SwitchOn();
        _machine.Read(Page).ShouldBeNull();
    }

    /// <summary>Another unit, with a copy of memory.</summary>
    private VtdMachine Another()
    {
        var other = new VtdMachine();
        _machine.Memory.CpuView.Span(0, 0x40_0000).CopyTo(other.Memory.CpuView.Span(0, 0x40_0000));
        return other;
    }
}
