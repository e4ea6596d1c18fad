using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>Reset, save and restore, and guests that mean harm.</summary>
public sealed class Smmu3StateTests
{
    private const ulong Leaf = Smmu3Machine.ValidLeaf;

    [Fact]
    public void What_is_restored_goes_on_where_it_was()
    {
        using var machine = new Smmu3Machine();
        ulong root = machine.NewTable();
        ulong at = machine.Map(root, 0x5000, 0x7000_0000 | Leaf);
        machine.BindFirst(root, flags: 1ul << 44).SwitchOn();
        machine.Read(0x5000).ShouldBe(0x7000_0000ul);
        var stalled = machine.Ask(0x9000, Smmu3Access.Write | Smmu3Access.Privileged);
        machine.Submit(Smmu3Command.Sync(), new Smmu3Command(0, 0));
        machine.Store(at, 0);
        byte[] state = machine.Model.Save();

        var other = new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView);
        other.Restore(state);
        other.Save().ShouldBe(state);
        for (uint offset = 0; offset < 0x200; offset += 4)
        {
            other.Read32(offset).ShouldBe(machine.Model.Read32(offset), $"{offset:x}");
        }

        // A translation that is stale stays stale, a queue that stands stands, and what stalled can be resumed.
        other.Translate(new Smmu3Request(8, 0x5000, Smmu3Access.Read)).Range.PhysicalAddress.ShouldBe(0x7000_0000ul);
        other.StallCount.ShouldBe(1);
        var ended = new List<Smmu3StallEnd>();
        other.StallEnded = ended.Add;
        var resume = Smmu3Command.Resume(8, stalled.StallTag, isRetry: true, isAbort: false);
        machine.Store(Smmu3Machine.CommandQueue + 16, resume.Lower, resume.Upper);
        other.Write32(Smmu3Register.GlobalErrorAck, 1);
        ended.ShouldBe([new(stalled.StallTag, new Smmu3Request(8, 0x9000, Smmu3Access.Write | Smmu3Access.Privileged), Smmu3Outcome.Retry)]);
    }

    /// <summary>
    /// Saved while a CMD_SYNC waits for an access that is on its way: its doorbell is not rung again, and software polls for ever unless the model
    /// that takes over goes on by itself.
    /// </summary>
    [Fact]
    public async Task Commands_that_were_not_consumed_go_on_where_they_are_restored()
    {
        using var machine = new Smmu3Machine();
        machine.BindFirst(machine.NewTable()).SwitchOn();
        Task doorbell;
        byte[] state;
        using (machine.Model.Accesses.Enter())
        {
            doorbell = Task.Run(
                () => machine.Submit(Smmu3Command.DropStream(8), Smmu3Command.Sync(1, Smmu3Machine.Status, 0x1234), Smmu3Command.Sync(1)));
            SpinWait.SpinUntil(() => machine.Model.Read32(Smmu3Register.CommandConsumer) == 1, TimeSpan.FromSeconds(20)).ShouldBeTrue();
            state = machine.Model.Save();
        }

        await doorbell;
        machine.Load(Smmu3Machine.Status).ShouldBe(0x1234ul);
        machine.Store(Smmu3Machine.Status, 0);

        var other = new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView);
        var wires = new List<Smmu3Interrupt>();
        other.InterruptRaised = wires.Add;
        other.Restore(state);
        other.Read32(Smmu3Register.CommandConsumer).ShouldBe(3u);
        machine.Load(Smmu3Machine.Status).ShouldBe(0x1234ul);
        wires.ShouldBe([Smmu3Interrupt.CommandSync]);
    }

    /// <summary>Saved between SMMUEN = 0 and the end of the stalls that it leads to.</summary>
    [Fact]
    public void Stalls_that_were_about_to_end_do_where_they_are_restored()
    {
        using var machine = new Smmu3Machine();
        machine.BindFirst(machine.NewTable(), flags: 1ul << 44).SwitchOn();
        ushort tag = machine.Ask(0x5000).StallTag;
        byte[] state = [];
        machine.Model.Invalidated += _ => state = machine.Model.Save();
        machine.Model.Write32(Smmu3Register.Control0, 0);
        machine.Ended.Count.ShouldBe(1);

        var other = new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView);
        var ended = new List<Smmu3StallEnd>();
        other.StallEnded = ended.Add;
        other.Restore(state);
        other.StallCount.ShouldBe(0);
        ended.ShouldBe([new(tag, new Smmu3Request(8, 0x5000, Smmu3Access.Read), Smmu3Outcome.Abort)]);
    }

    /// <summary>A record that had no room, and a full queue that overflowed, are there where the state is taken over.</summary>
    [Fact]
    public void A_stall_that_waits_for_room_is_recorded_where_it_is_restored()
    {
        using var machine = new Smmu3Machine();
        machine.BindFirst(machine.NewTable(), stream: 8).BindFirst(machine.NewTable(), stream: 9, flags: 1ul << 44).SwitchOn();
        for (int i = 0; i <= 1 << Smmu3Machine.QueueLog2; i++)
        {
            machine.Ask(0x5000);
        }

        ushort tag = machine.Ask(0x6000, stream: 9).StallTag;
        uint full = machine.Model.Read32(Smmu3Register.EventProducer);
        full.ShouldBe(Smmu3Register.Overflow | (1u << Smmu3Machine.QueueLog2));

        var other = new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView);
        other.Restore(machine.Model.Save());
        other.Read32(Smmu3Register.EventProducer).ShouldBe(full);
        other.Write32(Smmu3Register.EventConsumer, Smmu3Register.Overflow | 1);
        other.Read32(Smmu3Register.EventProducer).ShouldBe(full + 1);
        var record = new Smmu3Event(machine.Load(Smmu3Machine.EventQueue), machine.Load(Smmu3Machine.EventQueue + 8), 0, 0);
        (record.StreamId, record.IsStall, record.StallTag).ShouldBe((9u, true, tag));
    }

    /// <summary>What a model remembers beside its caches, to answer without a lock, is of the state before.</summary>
    [Fact]
    public void A_used_model_answers_by_the_state_that_it_takes_over()
    {
        using var machine = new Smmu3Machine();
        ulong first = machine.NewTable();
        ulong second = machine.NewTable();
        machine.Map(first, 0x5000, 0x7000_0000 | Leaf);
        machine.Map(second, 0x5000, 0x7100_0000 | Leaf);
        machine.BindFirst(first, asid: 1, stream: 8).BindFirst(second, asid: 2, stream: 9).SwitchOn();
        machine.Read(0x5000, stream: 8).ShouldBe(0x7000_0000ul);
        machine.Read(0x5000, stream: 9).ShouldBe(0x7100_0000ul);
        byte[] state = machine.Model.Save();

        machine.BindFirst(second, asid: 2, stream: 8);
        machine.Invalidate(Smmu3Command.DropStream(8), Smmu3Command.DropContexts(8));
        machine.Read(0x5000, stream: 8).ShouldBe(0x7100_0000ul);
        machine.Read(0x5000, stream: 8).ShouldBe(0x7100_0000ul);

        // The state has the old entry of the stream in its cache, and the translations of both spaces.
        machine.Model.Restore(state);
        machine.Read(0x5000, stream: 8).ShouldBe(0x7000_0000ul);
    }

    [Fact]
    public void A_state_of_something_else_is_refused()
    {
        using var machine = new Smmu3Machine();
        machine.SwitchOn();
        byte[] state = machine.Model.Save();
        byte[][] wrong =
        [
            [], state[..^1], [.. state, 0], [.. state[..40], .. state],
            new Smmu3Model<DeviceMemory>(Smmu3Unit.Emulated, machine.Memory.DeviceView).Save(),
            new Smmu3Model<DeviceMemory>(Smmu3Unit.Full, machine.Memory.DeviceView, new Smmu3ModelOptions { Iotlb = new(1, 1) }).Save(),
        ];
        foreach (byte[] bytes in wrong)
        {
            machine.Model.Write32(Smmu3Register.Control0, 0xd);
            Should.Throw<InvalidDataException>(() => machine.Model.Restore(bytes));
            machine.Model.Read32(Smmu3Register.Control0).ShouldBe(0u);
        }
    }

    [Fact]
    public void Reset_leaves_nothing_behind()
    {
        using var machine = new Smmu3Machine();
        byte[] fresh = new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView).Save();
        machine.BindFirst(machine.NewTable(), flags: 1ul << 44).SwitchOn();
        machine.Ask(0x5000);
        machine.Submit(new Smmu3Command(0, 0));
        machine.Model.Reset();
        machine.Model.StallCount.ShouldBe(0);
        for (uint offset = 0; offset < 0x200; offset += 4)
        {
            machine.Model.Read32(offset).ShouldBe(new Smmu3Model<DeviceMemory>(machine.Unit, machine.Memory.DeviceView).Read32(offset));
        }

        machine.Model.Save().Length.ShouldBe(fresh.Length);
    }

    /// <summary>Random states: whatever they say, the model works, or they are refused.</summary>
    [Fact]
    public void A_damaged_state_does_no_harm()
    {
        var random = new Random(7);
        using var machine = new Smmu3Machine(options: Small);
        machine.BindNested(machine.NewTable(), machine.NewIdentitySecond(), flags: 1ul << 44).SwitchOn();
        machine.Ask(0x5000);
        byte[] state = machine.Model.Save();
        int accepted = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] damaged = [.. state];
            for (int n = random.Next(1, 8); n > 0; n--)
            {
                damaged[random.Next(150, damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                machine.Model.Restore(damaged);
                accepted++;
            }
            catch (InvalidDataException)
            {
                machine.Model.Read32(Smmu3Register.Control0).ShouldBe(0u);
                continue;
            }

            machine.Ask((ulong)random.NextInt64());
            machine.Model.Write32(Smmu3Register.CommandProducer, (uint)random.Next(64));
            machine.Model.Write32(Smmu3Register.Control0, (uint)random.Next(32));
            machine.Ask((ulong)random.Next());
        }

        accepted.ShouldBeGreaterThan(500);
    }

    private static Smmu3ModelOptions Small => new()
    {
        Iotlb = new(4, 2),
        TableCache = new(2, 2),
        StreamCache = new(2, 2),
        StreamTableCache = new(1, 1),
        ContextCache = new(2, 2),
        ContextTableCache = new(1, 1),
    };
}
