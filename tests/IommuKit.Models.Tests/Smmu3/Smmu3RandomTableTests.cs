using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>
/// Random configurations and tables of one and two stages against <see cref="Smmu3PlainWalker"/>: address, rights, and every bit of the event record.
/// Memory makes up a descriptor where one is looked for the first time, and keeps it.
/// </summary>
public sealed class Smmu3RandomTableTests
{
    private const int AsksInWorld = 100;
    private const int Streams = 8;

    // ASIDs and VMIDs of 8 bits, little-endian tables, faults that always abort.
    private static readonly Smmu3Unit Narrow = Smmu3Unit.Full with
    {
        Name = "narrow",
        Idr0 = (Smmu3Unit.Full.Idr0 & ~((1u << 12) | (1u << 18))) | (2u << 21) | (1u << 26),
    };

    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("full", 3)]
    [InlineData("mmu-600", 4)]
    [InlineData("mmu-600", 5)]
    [InlineData("qemu", 6)]
    [InlineData("narrow", 7)]
    public void Answers_are_those_of_the_plain_walker(string unitName, int seed)
    {
        int cases = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_SMMU3_CASES"), out int wanted) ? wanted : 6000;
        var unit = Smmu3Unit.Presets.Append(Narrow).Single(preset => preset.Name == unitName);
        var random = new Random(seed);
        var types = new HashSet<(int Type, bool IsSecond)>();
        int passed = 0;
        int done = 0;
        for (int world = 0; done < cases; world++)
        {
            var there = new World(unit, random);
            for (int i = 0; i < AsksInWorld && done < cases; i++, done++)
            {
                var answer = there.Compare($"{unitName}, seed {seed}, world {world}, ask {i}");
                passed += answer.IsAllowed ? 1 : 0;
                types.Add((answer.Type, answer.Record.IsStage2));
            }
        }

        passed.ShouldBeGreaterThan(cases / 15);
        if (cases >= 3000 && unit.SubstreamBits != 0)
        {
            var missing = new (int, bool)[]
            {
                (0x02, false), (0x03, false), (0x04, false), (0x08, false), (0x0a, false), (0x0b, false), (0x0b, true), (0x10, false), (0x10, true),
                (0x11, false), (0x11, true), (0x12, false), (0x12, true), (0x13, false), (0x13, true),
            }.Where(type => !types.Contains(type)).ToArray();
            missing.ShouldBeEmpty();
        }
    }

    private sealed class World
    {
        private const ulong StreamTable = 0x1_0000;
        private const ulong EventQueue = 0x4_0000;

        private readonly Random _random;
        private readonly Smmu3Unit _unit;
        private readonly MadeUpMemory _memory;
        private readonly Smmu3Model<CallbackMemory> _model;
        private readonly Smmu3PlainWalker _walker;
        private readonly List<Smmu3Request> _past = [];
        private readonly Stream[] _streams = new Stream[Streams];
        private readonly bool _changesTables;
        private readonly uint _control2;
        private uint _consumer;

        public World(Smmu3Unit unit, Random random)
        {
            _unit = unit;
            _random = random;
            _memory = new MadeUpMemory(random);
            _model = new Smmu3Model<CallbackMemory>(
                unit, new CallbackMemory(_memory), new Smmu3ModelOptions { Iotlb = new(8, 2), TableCache = new(4, 2), ContextCache = new(2, 2) });
            _changesTables = unit.SetsAccessFlag && Chance(3);
            _control2 = (Chance(9) ? 0u : 2) | (unit.HasHypervisor && Chance(3) ? 1u : 0);
            bool isTwoLevel = unit.HasTwoLevelStreams && Chance(2);
            uint config = isTwoLevel ? 16 | (6 << 6) | (1 << 16) : (uint)random.Next(2, 5);
            if (isTwoLevel)
            {
                _memory.Store(StreamTable, 0x2_0000ul | (uint)(Chance(8) ? random.Next(16) : 4));
                _memory.Store(StreamTable + 8, 0);
                _memory.Store(StreamTable + 16, 0xff_ffff_0000_0000 | 7);
                _memory.Store(StreamTable + 24, 0x2_0000 | 12);
                _memory.Store(StreamTable + 32, 0x2_0000 | 8);
            }

            for (int i = 0; i < Streams; i++)
            {
                _streams[i] = MakeStream(i, (isTwoLevel ? 0x2_0000ul : StreamTable) + ((ulong)i * 64));
            }

            _model.Write64(Smmu3Register.StreamTable, StreamTable);
            _model.Write32(Smmu3Register.StreamTableConfig, config);
            _model.Write64(Smmu3Register.EventQueue, EventQueue | 4);
            _model.Write32(Smmu3Register.Control2, _control2);
            _model.Write32(Smmu3Register.Control0, Smmu3Register.Control.Enable | Smmu3Register.Control.EventQueue);
            _walker = new Smmu3PlainWalker(unit, _memory.Load, StreamTable, config, _control2);
        }

        public Smmu3PlainWalker.Answer Compare(string where)
        {
            var request = NextRequest();
            if (_changesTables)
            {
                // What one stream's walk sets in a descriptor, another's cached copy may not have.
                _model.Evict();
            }

            var expected = _walker.Ask(request);
            var seen = _model.Translate(request);
            var record = TakeEvent();
            string what = $"{where}: {request}";
            seen.Outcome.ShouldBe(
                expected.IsAllowed ? Smmu3Outcome.Allowed : expected.IsIgnored ? Smmu3Outcome.Ignored : Smmu3Outcome.Abort, what);
            if (expected.IsAllowed)
            {
                record.ShouldBeNull(what);
                seen.Range.Contains(request.Address).ShouldBeTrue(what);
                seen.Range.PhysicalOf(request.Address).ShouldBe(expected.PhysicalAddress, what);
                ((seen.Range.Rights & Protection.Read) != 0).ShouldBe(expected.Read, what);
                ((seen.Range.Rights & Protection.Write) != 0).ShouldBe(expected is { Write: true, IsClean: false }, what);
                ((seen.Range.Rights & Protection.NoExecute) == 0).ShouldBe(expected.Execute, what);
            }
            else
            {
                ((int)seen.Event).ShouldBe(expected.Type, what);
                record.ShouldBe(expected.IsSilent || expected.Type == 0 ? null : expected.Record, what);
            }

            return expected;
        }

        private bool Chance(int oneIn) => _random.Next(oneIn) == 0;

        private Smmu3Request NextRequest()
        {
            if (_past.Count != 0 && Chance(3))
            {
                var past = _past[_random.Next(_past.Count)];
                return past with { Access = RandomAccess(), Address = Chance(2) ? past.Address : past.Address ^ (uint)_random.Next(1 << 14) };
            }

            int stream = Chance(15) ? _random.Next(320) : _random.Next(Streams);
            int substream = stream < Streams && _streams[stream].SubstreamBits != 0 && !Chance(4)
                ? _random.Next((1 << _streams[stream].SubstreamBits) + 1)
                : Chance(40) ? 1 : Smmu3Request.NoSubstream;
            int bits = stream < Streams ? _streams[stream].AddressBits : 48;
            ulong address = (ulong)_random.NextInt64() & ((1ul << bits) - 1);
            if (stream < Streams && _streams[stream].HasFirst && Chance(2))
            {
                address |= ulong.MaxValue << bits;
            }

            address ^= Chance(20) ? 1ul << _random.Next(64) : 0;
            address ^= Chance(10) ? (ulong)_random.Next(256) << 56 : 0;
            var request = new Smmu3Request((uint)stream, address, RandomAccess(), substream);
            _past.Add(request);
            return request;
        }

        private Smmu3Access RandomAccess() => (_random.Next(4) switch
        {
            0 or 1 => Smmu3Access.Read,
            2 => Smmu3Access.Write,
            _ => Chance(2) ? Smmu3Access.Read | Smmu3Access.Execute : Smmu3Access.Read | Smmu3Access.Write,
        }) | (Chance(2) ? Smmu3Access.Privileged : 0);

        private Smmu3Event? TakeEvent()
        {
            uint producer = _model.Read32(Smmu3Register.EventProducer);
            if (producer == _consumer)
            {
                return null;
            }

            ulong at = EventQueue + ((_consumer & 0xf) * 32ul);
            _consumer = (_consumer + 1) & 0x1f;
            producer.ShouldBe(_consumer);
            _model.Write32(Smmu3Register.EventConsumer, _consumer);
            return new Smmu3Event(_memory.Load(at)!.Value, _memory.Load(at + 8)!.Value, _memory.Load(at + 16)!.Value, _memory.Load(at + 24)!.Value);
        }

        private Stream MakeStream(int index, ulong place)
        {
            int config = Chance(12) ? _random.Next(5) : _random.Next(5, 8);
            bool first = (config & 1) != 0;
            bool second = (config & 2) != 0 && config > 4;

            // Only one stream of EL2, which has no ASIDs.
            bool isHypervisor = index == 0 && _unit.HasHypervisor && Chance(2);
            int substreamBits = isHypervisor || Chance(2) ? 0 : _random.Next(1, 5);
            int format = Chance(3) ? _random.Next(4) : 0;
            ulong table = 0x8_0000ul + ((ulong)index * 0x2000);
            ulong w0 = (Chance(40) ? 0u : 1) | ((ulong)(uint)config << 1) | ((ulong)(uint)format << 4) | table | ((ulong)(uint)substreamBits << 59);
            ulong w1 = (uint)(Chance(4) ? _random.Next(4) : 2)
                | (isHypervisor ? 2ul << 30 : 0)
                | (Chance(5) ? (ulong)_random.Next(4) << 48 : 0)
                | (Chance(5) ? (ulong)_random.Next(4) << 50 : 0)
                | (Chance(30) ? 1ul << 27 : 0)
                | (Chance(4) ? 1ul << 25 : 0);
            int bits = 48;
            ulong w2 = (uint)index + 1 | (Chance(20) ? 1u << 8 : 0);
            ulong w3 = 0;
            if (second)
            {
                var (secondWord2, secondWord3, inputBits) = MakeSecond();
                w2 |= secondWord2;
                w3 = secondWord3;
                bits = inputBits;
            }

            for (int i = 0; i < 1 << substreamBits; i++)
            {
                if (first)
                {
                    bits = MakeContext(table + ((ulong)i * 64), (index * 16) + i + 1);
                }
            }

            if (format is 1 or 2 && substreamBits != 0 && first)
            {
                // The table of the second level is the one that is there.
                ulong upper = 0xc_0000ul + ((ulong)index * 0x1000);
                _memory.Store(upper, (format == 1 ? table : 0x10_0000) | (Chance(8) ? 0u : 1) | (Chance(10) ? 1ul << 53 : 0));
                for (int i = 0; format == 2 && i < 1 << substreamBits; i++)
                {
                    MakeContext(0x10_0000ul + ((ulong)i * 64), (index * 16) + i + 1);
                }

                w0 = (w0 & ~0x00ff_ffff_ffff_ffc0ul) | upper;
            }

            for (int i = 0; i < 8; i++)
            {
                _memory.Store(place + ((ulong)i * 8), i switch { 0 => w0, 1 => w1, 2 => w2, 3 => w3, _ => 0 });
            }

            return new Stream(first, substreamBits, bits);
        }

        private (ulong W2, ulong W3, int Bits) MakeSecond()
        {
            bool ds = _unit.HasWideSmallGranules && Chance(4);
            var (granule, level, least, most) = _random.Next(9) switch
            {
                0 => (0, 0, 30, 39),
                1 or 2 => (0, 1, 21, 33),
                3 => (0, 2, 16, 24),
                4 => (2, 0, 35, 39),
                5 => (2, 1, 24, 38),
                6 => (2, 2, 16, 27),
                7 => (1, 1, 18, 34),
                _ => (1, 2, 16, 21),
            };
            least = Math.Max(least, 64 - _unit.AddressBits);
            int size = Chance(30) ? _random.Next(64) : _random.Next(Math.Min(least, most), Math.Max(Math.Min(least, most), Math.Min(most, 33)) + 1);
            if (ds && granule == 0 && Chance(3))
            {
                (level, size) = (4, _random.Next(12, 16));
            }

            ulong word = ((ulong)(uint)size << 32)
                | ((ulong)(uint)(level & 3) << 38)
                | ((ulong)(uint)granule << 46)
                | ((ulong)(uint)(Chance(5) ? _random.Next(7) : 6) << 48)
                | (Chance(50) ? 0 : 1ul << 51)
                | (Chance(20) ? 1ul << 52 : 0)
                | (Chance(4) ? 1ul << 53 : 0)
                | (Chance(6) ? 1ul << 54 : 0)
                | (_changesTables ? (ulong)_random.Next(4) << 55 : 0)
                | (Chance(8) ? 0 : 1ul << 58);
            return (word, (_memory.Pointer() & 0xff_ffff_ffff_fff0) | (ds ? 8u : 0) | (level == 4 ? 4u : 0), 64 - Math.Clamp(size, 12, 48));
        }

        private int MakeContext(ulong place, int asid)
        {
            bool ds = _unit.HasWideSmallGranules && Chance(4);
            int least = ds && Chance(2) ? 12 : 16;
            int size = Chance(60) ? _random.Next(64) : _random.Next(least, 40);
            int upperSize = Chance(2) ? size : Chance(60) ? _random.Next(64) : _random.Next(16, 40);
            int granule = _random.Next(3);
            int upperGranule = granule switch { 0 => 2, 1 => 3, _ => 1 };
            ulong disabled = Chance(15) ? (1ul << 14) | (1ul << 30) : 0;
            ulong w0 = (uint)size
                | disabled
                | ((ulong)(uint)granule << 6)
                | (Chance(12) ? 1ul << 14 : 0)
                | (Chance(20) ? 1ul << 15 : 0)
                | ((ulong)(uint)upperSize << 16)
                | ((ulong)(uint)(Chance(20) ? _random.Next(4) : upperGranule) << 22)
                | (Chance(3) ? 1ul << 30 : 0)
                | (Chance(50) ? 0 : 1ul << 31)
                | ((ulong)(uint)(Chance(5) ? _random.Next(8) : 6) << 32)
                | (Chance(4) ? 1ul << 35 : 0)
                | (Chance(6) ? 1ul << 36 : 0)
                | (Chance(3) ? 3ul << 38 : 0)
                | (Chance(6) ? 1ul << 40 : 0)
                | (Chance(50) ? 0 : 1ul << 41)
                | (_changesTables ? (ulong)_random.Next(4) << 42 : 0)
                | (Chance(8) ? 0 : 1ul << 45)
                | (Chance(8) ? 0 : 1ul << 46)
                | ((ulong)(uint)asid << 48)
                | (Chance(20) ? 1ul << 63 : 0);
            ulong w1 = (_memory.Pointer() & 0xff_ffff_ffff_fff0) | (Chance(4) ? 2u : 0) | (Chance(10) ? 4u : 0) | (Chance(3) ? 1ul << 59 : 0);
            ulong w2 = (_memory.Pointer() & 0xff_ffff_ffff_fff0) | (Chance(4) ? 2u : 0) | (Chance(10) ? 4u : 0) | (ds ? 1ul << 58 : 0);
            for (int i = 0; i < 8; i++)
            {
                _memory.Store(place + ((ulong)i * 8), i switch { 0 => w0, 1 => w1, 2 => w2, 3 => 0xff_44_04_00_bb_ff_ff_44, _ => 0 });
            }

            return 64 - Math.Clamp(size, 12, 48);
        }

        private readonly record struct Stream(bool HasFirst, int SubstreamBits, int AddressBits);
    }

    /// <summary>Memory that holds what was stored, and otherwise what a table might.</summary>
    private sealed class MadeUpMemory(Random random) : IMemoryAccessor
    {
        private const ulong FirstMadeUp = 1ul << 29;

        private readonly Dictionary<ulong, ulong> _words = [];

        // Whether descriptors are nearly always right: otherwise two stages would hardly ever end well.
        private readonly int _oneIn = random.Next(3) == 0 ? 12 : 60;

        public void Store(ulong address, ulong value) => _words[address] = value;

        public ulong? Load(ulong address)
        {
            // Some pages answer nobody.
            if (address >= FirstMadeUp && (address >> 16) * 0x9e37_79b9_7f4a_7c15 >> 57 == 3)
            {
                return null;
            }

            if (!_words.TryGetValue(address, out ulong value))
            {
                _words[address] = value = address < FirstMadeUp ? 0 : Descriptor();
            }

            return value;
        }

        public ulong Pointer() => (1ul << 30) | ((ulong)random.Next(1 << 14) << 16) | (Chance(_oneIn) ? 1ul << random.Next(32, 56) : 0);

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            for (int i = 0; i < destination.Length; i += 8)
            {
                if (Load(physicalAddress + (ulong)i) is not { } value)
                {
                    return false;
                }

                BinaryPrimitives.WriteUInt64LittleEndian(destination[i..], value);
            }

            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
        {
            for (int i = 0; i < source.Length; i += 8)
            {
                Store(physicalAddress + (ulong)i, BinaryPrimitives.ReadUInt64LittleEndian(source[i..]));
            }

            return true;
        }

        private bool Chance(int oneIn) => random.Next(oneIn) == 0;

        private ulong Descriptor()
        {
            ulong value = (Chance(_oneIn) ? 0u : 1)
                | (Chance(8) ? 0u : 2)
                | ((ulong)random.Next(16) << 2)
                | (Chance(_oneIn) ? (ulong)random.Next(4) << 6 : 0xc0)
                | ((ulong)random.Next(4) << 8 & (Chance(30) ? 0x300u : 0))
                | (Chance(_oneIn) ? 0 : 1ul << 10)
                | (1ul << 11)
                | (Chance(_oneIn * 4) ? (ulong)random.Next(16) << 12 : 0)
                | Pointer()
                | (Chance(4) ? 1ul << 51 : 0)
                | (Chance(10) ? 1ul << 53 : 0)
                | (Chance(10) ? 1ul << 54 : 0)
                | (Chance(20) ? (ulong)random.Next(32) << 59 : 0);

            // AP of stage 1 and S2AP of stage 2 are the same bits; both of them set is read-only for one, and everything for the other.
            return Chance(2) ? value ^ 0x80 : value;
        }
    }
}
