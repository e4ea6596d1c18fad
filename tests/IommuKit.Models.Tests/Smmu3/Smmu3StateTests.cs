using System.Buffers.Binary;
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

    /// <summary>
    /// A guest that writes anything anywhere: registers, queues, tables, with devices of every kind beside it. No exception, no end of time, no
    /// memory that
    /// is not there.
    /// </summary>
    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("mmu-600", 3)]
    [InlineData("qemu", 4)]
    public void A_hostile_guest_gets_no_exception(string unitName, int seed)
    {
        int rounds = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_SMMU3_FUZZ"), out int wanted) ? wanted : 60_000;
        var random = new Random(seed);
        var memory = new GuestMemory();
        byte[] ram = new byte[1 << 16];
        memory.Add(0, ram);
        var unit = Smmu3Unit.Presets.Single(preset => preset.Name == unitName);
        var model = new Smmu3Model<GuestMemoryView>(unit, memory.View, Small);
        var pending = new Queue<Smmu3Request>();
        model.StallEnded = end =>
        {
            if (end.Outcome == Smmu3Outcome.Retry && pending.Count < 16)
            {
                pending.Enqueue(end.Request);
            }
        };
        model.DeviceTlbInvalidated = _ => random.Next(4) != 0;
        uint[] registers = [.. Enumerable.Range(0, 0x130 / 4).Select(i => (uint)i * 4), 0x100a8, 0x100ac, 0x100c8, 0x100cc];
        var outcomes = new HashSet<Smmu3Outcome>();
        var events = new HashSet<Smmu3EventType>();
        Program(model, random, unit);
        for (int round = 0; round < rounds; round++)
        {
            switch (random.Next(12))
            {
                case 0:
                    model.Write32(registers[random.Next(registers.Length)], Value32());
                    break;
                case 1:
                    model.Write64(registers[random.Next(registers.Length)], Value());
                    break;
                case 2:
                    model.Read64(registers[random.Next(registers.Length)]);
                    break;
                case 3 or 4:
                    BinaryPrimitives.WriteUInt64LittleEndian(ram.AsSpan(random.Next(ram.Length / 8) * 8), Value());
                    break;
                case 5:
                    StoreCommand(ram, random);
                    model.Write32(Smmu3Register.CommandProducer, (uint)random.Next(32));
                    break;
                case 6 when random.Next(20) == 0:
                    Program(model, random, unit);
                    break;
                case 6:
                    model.Write32(Smmu3Register.GlobalErrorAck, model.Read32(Smmu3Register.GlobalError));
                    break;
                case 7:
                    model.RequestPage(new Smmu3PageRequest(Value(), Value()));
                    break;
                case 8 when pending.TryDequeue(out var again):
                    Note(model.Translate(again));
                    break;
                default:
                    Note(model.Translate(new Smmu3Request(
                        random.Next(8) == 0 ? Value32() : (uint)random.Next(16),
                        Value(),
                        (Smmu3Access)random.Next(1, 16),
                        random.Next(3) == 0 ? random.Next(1 << 20) >> random.Next(20) : Smmu3Request.NoSubstream,
                        (Smmu3RequestKind)(random.Next(4) == 0 ? random.Next(3) : 0))));
                    break;
            }
        }

        outcomes.ShouldContain(Smmu3Outcome.Abort);
        outcomes.ShouldContain(Smmu3Outcome.Allowed);
        events.Count.ShouldBeGreaterThan(5);
        model.StallCount.ShouldBeLessThanOrEqualTo(unit.MostStalls);

        void Note(in Smmu3Translation answer)
        {
            outcomes.Add(answer.Outcome);
            events.Add(answer.Event);
        }

        ulong Value() => random.Next(6) switch
        {
            0 => (ulong)random.NextInt64() << 1,
            1 => (ulong)random.Next(16) << random.Next(60),
            2 => ((ulong)random.Next(16) << 12) | 0x4c3,
            3 => ((ulong)random.Next(1 << 16) & ~0x3ful) | (uint)((random.Next(8) << 1) | 1),
            4 => 0x0001_6603_8000_0000ul | (uint)random.Next(1 << 24) | ((ulong)(uint)random.Next(16) << 48),
            _ => ((ulong)random.Next(1 << 16) & ~0xful) | 3,
        };

        uint Value32() => random.Next(2) == 0 ? (uint)Value() : (uint)random.Next(64);
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

    private static void Program(Smmu3Model<GuestMemoryView> model, Random random, Smmu3Unit unit)
    {
        model.Write32(Smmu3Register.Control0, 0);
        model.Write64(Smmu3Register.StreamTable, (ulong)random.Next(16) << 12);
        model.Write32(Smmu3Register.StreamTableConfig, (uint)random.Next(12) | (uint)(random.Next(2) << 16) | (8 << 6));
        model.Write64(Smmu3Register.CommandQueue, 0x8000 | (uint)random.Next(6));
        model.Write64(Smmu3Register.EventQueue, (0x9000ul + ((ulong)random.Next(8) << 12)) | (uint)random.Next(4));
        model.Write64(Smmu3Register.PageRequestQueue, 0xa000 | (uint)random.Next(6));
        model.Write32(Smmu3Register.Control2, (uint)random.Next(16));
        model.Write32(Smmu3Register.InterruptControl, (uint)random.Next(8));
        model.Write32(Smmu3Register.Control0, 0xf | (uint)(random.Next(2) << 4) | (unit.HasVmidWildcards ? (uint)random.Next(8) << 6 : 0));
    }

    private static void StoreCommand(byte[] ram, Random random)
    {
        var codes = Enum.GetValues<Smmu3CommandCode>();
        int place = 0x8000 + (random.Next(32) * 16);
        ulong operands = (ulong)random.NextInt64() & 0xffff_ffff_ffff_fb00 & (random.Next(2) == 0 ? ulong.MaxValue : 0x0000_000f_ffff_f800);
        BinaryPrimitives.WriteUInt64LittleEndian(ram.AsSpan(place), operands | (ulong)codes[random.Next(codes.Length)]);
        BinaryPrimitives.WriteUInt64LittleEndian(ram.AsSpan(place + 8), (ulong)random.NextInt64() >> random.Next(60));
    }
}
