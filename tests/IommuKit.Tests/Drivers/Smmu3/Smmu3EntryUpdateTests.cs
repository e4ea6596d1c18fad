using IommuKit.Drivers.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>
/// Stream table entries and context descriptors that change under a running device, with a transaction after each quadword and with empty caches: it sees
/// the old entry or the new one, and never a mixture. How many syncs each change takes is known from the tests of Linux's driver, and each of its
/// changes is here.
/// </summary>
public sealed class Smmu3EntryUpdateTests
{
    private const ulong Incoming = 1ul << 44;
    private const ulong ContextAttributes = 0x3f << 2;
    private const ulong LowerDisabled = 1ul << 14;
    private const ulong UpperDisabled = 1ul << 30;
    private const ulong Stalls = 1ul << 44;

    [Theory]
    [InlineData("abort", "bypass", 2, true)]
    [InlineData("bypass", "abort", 2, true)]
    [InlineData("cd", "abort", 2, true)]
    [InlineData("abort", "cd", 2, true)]
    [InlineData("cd", "bypass", 3, true)]
    [InlineData("bypass", "cd", 3, true)]
    [InlineData("cd", "dss bypass", 1, true)]
    [InlineData("dss bypass", "cd", 1, true)]
    [InlineData("dss bypass", "bypass", 2, true)]
    [InlineData("bypass", "dss bypass", 2, true)]
    [InlineData("s2", "abort", 2, true)]
    [InlineData("abort", "s2", 2, true)]
    [InlineData("s2", "bypass", 2, true)]
    [InlineData("bypass", "s2", 2, true)]
    [InlineData("cd", "s2", 3, true)]
    [InlineData("s2", "cd", 3, true)]
    [InlineData("stalling cd", "stalling s2", 3, true)]
    [InlineData("stalling s2", "stalling cd", 3, true)]
    [InlineData("cd", "stalling s2", 3, true)]
    [InlineData("stalling s2", "cd", 3, true)]
    [InlineData("cd with ATS", "abort", 2, true)]
    [InlineData("abort", "cd with ATS", 2, true)]
    [InlineData("cd with ATS", "bypass", 3, true)]
    [InlineData("bypass", "cd with ATS", 3, true)]
    [InlineData("cd with ATS", "s2 with ATS", 3, true)]
    [InlineData("s2 with ATS", "cd with ATS", 3, true)]
    [InlineData("cd", "other cd", 1, true)]
    [InlineData("cd", "other cd, dss bypass", 3, false)]
    [InlineData("other cd, dss bypass", "cd", 3, false)]
    public void A_stream_changes_without_a_gap(string from, string to, int syncs, bool isHitless)
    {
        using var machine = new Machine();
        var streams = machine.Streams();
        machine.Start(streams[from]);
        var before = machine.See();
        machine.Put(Machine.Stream, streams[to]);
        var after = machine.See();
        machine.Put(Machine.Stream, streams[from]);
        (before != after || from.EndsWith("bypass", StringComparison.Ordinal)).ShouldBeTrue();
        var entry = new Watched(machine, Machine.Stream, Smmu3Command.DropStream(Machine.Device), () =>
        {
            var now = machine.See();
            bool isRight = now == before || now == after || (!isHitless && now.IsAll(answer => answer.Event == Smmu3EventType.BadStream));
            isRight.ShouldBeTrue($"{from} to {to}: {now}, and not {before} or {after}");
        });
        Smmu3EntryUpdate.Apply(ref entry, Smmu3EntryKind.Stream, streams[to]);
        machine.Syncs.ShouldBe(syncs);
        machine.See().ShouldBe(after);
        machine.Get(Machine.Stream).ShouldBe(streams[to]);
    }

    [Theory]
    [InlineData("none", "one", 2, false)]
    [InlineData("one", "none", 2, false)]
    [InlineData("one", "other ASID", 1, true)]
    [InlineData("one", "other table", 1, true)]
    [InlineData("one", "another", 3, false)]
    [InlineData("none", "shared", 2, false)]
    [InlineData("shared", "none", 2, false)]
    [InlineData("shared", "released", 2, true)]
    [InlineData("released", "shared", 2, true)]
    [InlineData("released", "none", 2, false)]
    [InlineData("released", "other shared", 2, true)]
    [InlineData("upper", "upper released", 2, true)]
    [InlineData("upper released", "upper", 2, true)]
    public void A_context_changes_without_a_gap(string from, string to, int syncs, bool isHitless)
    {
        using var machine = new Machine();
        machine.Start(machine.Streams()["cd"]);
        ulong[] one = machine.Get(Machine.Context);
        var contexts = new Dictionary<string, ulong[]>
        {
            ["none"] = [0, 0, 0, 0],
            ["one"] = one,
            ["other ASID"] = [one[0] ^ (5ul << 48), one[1], one[2], one[3]],
            ["other table"] = [one[0], machine.OtherRoot, one[2], one[3]],
            ["another"] = [one[0] ^ (5ul << 48), machine.OtherRoot, one[2], one[3]],

            // The page tables of a process, whose faults stall; and what is left when it has ended: under its ASID everything faults, and no table is
            // walked (EPD0), so that they can go before the devices do.
            ["shared"] = [one[0] | Stalls, one[1], one[2], one[3]],
            ["other shared"] = [one[0] | Stalls, machine.OtherRoot, one[2], one[3]],
            ["released"] = [((one[0] | Stalls) & ~0x3ffful) | LowerDisabled, 0, one[2], one[3]],

            // The same of the upper half, beside a lower one that stays.
            ["upper"] = [(one[0] & ~UpperDisabled) | (16ul << 16) | (2ul << 22), one[1], machine.OtherRoot, one[3]],
            ["upper released"] = [one[0], one[1], 0, one[3]],
        };
        machine.Put(Machine.Context, contexts[from]);
        var before = machine.See();
        machine.Put(Machine.Context, contexts[to]);
        var after = machine.See();
        machine.Put(Machine.Context, contexts[from]);
        var entry = new Watched(machine, Machine.Context, Smmu3Command.DropContext(Machine.Device, 0), () =>
        {
            var now = machine.See();
            bool isRight = now == before || now == after || (!isHitless && now.IsAll(answer => answer.Event == Smmu3EventType.BadContext));
            isRight.ShouldBeTrue($"{from} to {to}: {now}, and not {before} or {after}");
        });
        Smmu3EntryUpdate.Apply(ref entry, Smmu3EntryKind.Context, contexts[to]);
        machine.Syncs.ShouldBe(syncs);
        machine.See().ShouldBe(after);
    }

    /// <summary>An entry in memory; after each store, a device is seen with what hardware remembers, and with nothing.</summary>
    private readonly struct Watched(Machine machine, ulong address, Smmu3Command drop, Action check) : ISmmu3Entry
    {
        public ulong Load(int word) => machine.Load(address + ((ulong)word * 8));

        public void Store(int word, ulong value)
        {
            machine.Store(address + ((ulong)word * 8), value);
            check();
            machine.Model.Evict();
            check();
        }

        public void Invalidate()
        {
            machine.Invalidate(drop);
            check();
        }
    }

    private readonly record struct Answer(Smmu3Outcome Outcome, ulong? Address, Smmu3EventType Event);

    private readonly record struct Seen(Answer Mapped, Answer Unmapped, Answer Upper)
    {
        public bool IsAll(Func<Answer, bool> isMeant) => isMeant(Mapped) && isMeant(Unmapped) && isMeant(Upper);
    }

    private sealed class Machine : IDisposable
    {
        public const uint Device = 8;
        public const ulong Stream = StreamTable + (Device * 64);
        public const ulong Context = Contexts + (Device * 64);
        private const ulong StreamTable = 0x10_0000;
        private const ulong Contexts = 0x11_0000;
        private const ulong Commands = 0x12_0000;
        private const ulong Events = 0x13_0000;
        private const ulong First = 0x30_0000;
        private const ulong Second = 0x32_0000;
        private const ulong Stage2Root = 0x34_0000;
        private const ulong ValidLeaf = 0x3 | (1ul << 6) | (1ul << 10) | (1ul << 11);
        private const ulong Iova = 0x1000;

        // T0SZ 16, 4K, no second range, valid, 48 bits, AA64, records and aborts.
        private const ulong FirstWord = 16 | (1ul << 30) | (1ul << 31) | (5ul << 32) | (1ul << 41) | (1ul << 45) | (1ul << 46);

        // Stage 2 of 40 bits from level 1, which records.
        private const ulong SecondWord = (24ul << 32) | (1ul << 38) | (5ul << 48) | (1ul << 51) | (1ul << 58);

        private const ulong SecondStalls = 1ul << 57;
        private const ulong FullAts = 1ul << 28;

        // Nothing is mapped there; nor in the upper half, but for one page.
        private const ulong Unmapped = 0x2000;
        private const ulong UpperIova = 0xffff_0000_0000_1000;

        private readonly PhysicalMemory _memory = new(1ul << 32, isCoherent: true);
        private uint _producer;

        public Machine()
        {
            Model = new Smmu3Model<DeviceMemory>(Smmu3Unit.Full, _memory.DeviceView);
            MapFirst(First, 0x7000_0000);
            MapFirst(Second, 0x7200_0000);
            Put4(Context, FirstWord | (1ul << 48), First, 0, 0xff);
            Put4(Context + 64, FirstWord | (2ul << 48), First, 0, 0xff);
            Put4(Context + 128, FirstWord | (3ul << 48), Second, 0, 0xff);
            Put4(Context + 192, FirstWord | (4ul << 48) | Smmu3EntryUpdateTests.Stalls, First, 0, 0xff);
            Store(Stage2Root, (Stage2Root + 0x2000) | 3);
            Store(Stage2Root + 0x2000, (Stage2Root + 0x3000) | 3);
            Store(Stage2Root + 0x3008, 0x7100_0000 | 0xfc | 3 | (1 << 10));
        }

        public Smmu3Model<DeviceMemory> Model { get; }

        public ulong OtherRoot => Second;

        public int Syncs { get; private set; }

        public void Dispose() => _memory.Dispose();

        public Dictionary<string, ulong[]> Streams()
        {
            // With one bit of substreams, so that S1DSS counts.
            const ulong stage1 = (5 << 1) | 1 | (1ul << 59);
            return new Dictionary<string, ulong[]>
            {
                ["abort"] = [1, 0, 0, 0],
                ["bypass"] = [(4 << 1) | 1, Incoming, 0, 0],
                ["cd"] = [Context | stage1, 2 | ContextAttributes, 0, 0],
                ["dss bypass"] = [Context | stage1, 1 | ContextAttributes | Incoming, 0, 0],
                ["other cd"] = [(Context + 128) | stage1, 2 | ContextAttributes, 0, 0],
                ["other cd, dss bypass"] = [(Context + 128) | stage1, 1 | ContextAttributes | Incoming, 0, 0],
                ["s2"] = [(6 << 1) | 1, Incoming, SecondWord, Stage2Root],
                ["stalling cd"] = [(Context + 192) | stage1, 2 | ContextAttributes, 0, 0],
                ["stalling s2"] = [(6 << 1) | 1, Incoming, SecondWord | SecondStalls, Stage2Root],
                ["cd with ATS"] = [Context | stage1, 2 | ContextAttributes | FullAts, 0, 0],
                ["s2 with ATS"] = [(6 << 1) | 1, Incoming | FullAts, SecondWord, Stage2Root],
            };
        }

        public void Start(ulong[] stream)
        {
            Put4(Stream, stream);
            Model.Write32(Smmu3Register.Control2, Smmu3Register.Control2Bits.RecordsBadStream);
            Model.Write64(Smmu3Register.StreamTable, StreamTable);
            Model.Write32(Smmu3Register.StreamTableConfig, 6);
            Model.Write64(Smmu3Register.CommandQueue, Commands | 5);
            Model.Write64(Smmu3Register.EventQueue, Events | 5);
            Model.Write32(
                Smmu3Register.Control0,
                Smmu3Register.Control.Enable | Smmu3Register.Control.CommandQueue | Smmu3Register.Control.EventQueue);
        }

        public ulong Load(ulong address) => BitConverter.ToUInt64(_memory.CpuView.Span(address, 8));

        public void Store(ulong address, ulong value) => BitConverter.TryWriteBytes(_memory.CpuView.Span(address, 8), value);

        public ulong[] Get(ulong address) => [Load(address), Load(address + 8), Load(address + 16), Load(address + 24)];

        /// <summary>Stores an entry at once.</summary>
        public void Put(ulong address, ulong[] words)
        {
            Put4(address, words);
            Model.Evict();
        }

        /// <summary>What a device gets of a page that is mapped, of one that is not, and of one of the upper half.</summary>
        public Seen See() => new(See(Iova), See(Unmapped), See(UpperIova));

        public void Invalidate(Smmu3Command drop)
        {
            Execute(drop, Smmu3Command.Sync());
            Syncs++;
        }

        private Answer See(ulong iova)
        {
            var answer = Model.Translate(new Smmu3Request(Device, iova, Smmu3Access.Read));
            Model.Write32(Smmu3Register.EventConsumer, Model.Read32(Smmu3Register.EventProducer));
            if (answer.Outcome == Smmu3Outcome.Stalled)
            {
                Execute(Smmu3Command.Resume(Device, answer.StallTag, isRetry: false, isAbort: true));
            }

            return new(answer.Outcome, answer.Range.IsAllowed ? answer.Range.PhysicalOf(iova) : null, answer.Event);
        }

        private void Execute(params ReadOnlySpan<Smmu3Command> commands)
        {
            foreach (var command in commands)
            {
                Store(Commands + ((_producer & 31) * 16), command.Lower);
                Store(Commands + ((_producer & 31) * 16) + 8, command.Upper);
                _producer = (_producer + 1) & 63;
            }

            Model.Write32(Smmu3Register.CommandProducer, _producer);
            Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(_producer);
        }

        private void Put4(ulong address, params ReadOnlySpan<ulong> words)
        {
            foreach (ulong word in words)
            {
                Store(address, word);
                address += 8;
            }
        }

        private void MapFirst(ulong root, ulong physical)
        {
            for (ulong table = 0; table < 3; table++)
            {
                Store(root + (table << 12), (root + ((table + 1) << 12)) | 3);
            }

            Store(root + 0x3008, physical | ValidLeaf);
        }
    }
}
