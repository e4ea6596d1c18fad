using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu2;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Models.Tests.Smmu2;

/// <summary>
/// Random banks and tables of one and two stages, in all three formats, against <see cref="Smmu2PlainWalker"/>: address, rights, and the registers
/// that tell of the fault. Memory makes up a descriptor where one is looked for the first time, and keeps it.
/// </summary>
public sealed class Smmu2RandomTableTests
{
    private const int AsksInWorld = 60;
    private const int First = 5;
    private const int Second = 1;

    [Theory]
    [InlineData("full", 1)]
    [InlineData("full", 2)]
    [InlineData("full", 3)]
    [InlineData("mmu-500", 4)]
    [InlineData("mmu-400", 5)]
    public void Answers_are_those_of_the_plain_walker(string unitName, int seed)
    {
        int cases = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_SMMU2_CASES"), out int wanted) ? wanted : 6000;
        var unit = Smmu2Unit.Presets.Single(preset => preset.Name == unitName);
        var random = new Random(seed);
        var seen = new HashSet<(uint Fault, bool IsSecond)>();
        var formats = new HashSet<uint>();
        int passed = 0;
        for (int done = 0; done < cases;)
        {
            var world = new World(unit, random);
            for (int i = 0; i < AsksInWorld && done < cases; i++, done++)
            {
                var found = world.Compare($"{unitName}, seed {seed}, case {done}");
                passed += found.Fault == 0 ? 1 : 0;
                seen.Add((found.Fault, found.IsSecond));
                formats.Add(world.Format);
            }
        }

        passed.ShouldBeGreaterThan(cases / 15);
        seen.Count.ShouldBeGreaterThanOrEqualTo(11, "every fault of both stages, and none");
        formats.Count.ShouldBe(unit.Version == Smmu2Version.V1 ? 2 : 3);
    }

    private sealed class World : IMemoryAccessor
    {
        private readonly Random _random;
        private readonly Smmu2Unit _unit;
        private readonly Smmu2Model<CallbackMemory> _model;
        private readonly Smmu2PlainWalker _walker;
        private readonly Smmu2PlainWalker.Bank? _first;
        private readonly Smmu2PlainWalker.Bank? _second;
        private readonly Dictionary<ulong, ulong?> _words = [];
        private readonly List<ulong> _past = [];
        private readonly bool _isBigEndian;
        private readonly Dictionary<ulong, uint?> _groups = [];
        private readonly bool _isShort;

        public World(Smmu2Unit unit, Random random)
        {
            _unit = unit;
            _random = random;
            bool isVersion1 = unit.Version == Smmu2Version.V1;
            int stages = random.Next(4);
            _isBigEndian = Chance(8);
            var options = new Smmu2ModelOptions { Iotlb = new(8, 2), TableCache = new(4, 2) };
            _model = new Smmu2Model<CallbackMemory>(unit, new CallbackMemory(this), options);
            _walker = new Smmu2PlainWalker(Load, unit.AddressBits, unit.IntermediateBits, unit.HasShortTables)
            {
                Bus = unit.UpstreamBits,
                Granules = [.. new[] { 12, 14, 16 }.Where(unit.HasGranule)],
            };
            _first = stages == 0 ? null : MakeFirst(!isVersion1 && !Chance(3));

            // Stage 1 of AArch64 cannot be on top of stage 2 of AArch32.
            _second = stages is 0 or 2 or 3 ? MakeSecond(!isVersion1 && (_first is { Is64: true } || !Chance(4))) : null;
            _isShort = _first is { Is64: false } && (_first.Tcr & 0x8000_0000) == 0 && unit.HasShortTables;
            if (_second is { } second)
            {
                Program(Second, second, Smmu2BankAttributes.Stage2(3));
            }

            if (_first is { } first)
            {
                Program(First, first, _second is null ? Smmu2BankAttributes.Stage1 : Smmu2BankAttributes.Nested(Second));
            }

            _model.Write32(Smmu2Global.StreamMatch, Smmu2StreamMatch.Of(8, 0, isWide: false).Value);
            _model.Write32(Smmu2Global.StreamContext, Smmu2StreamContext.Translate(_first is null ? Second : First).Value);
            _model.Write32(Smmu2Global.Control0, Smmu2Global.Control.FaultAborts);
        }

        // Entries of both formats in one memory are not 16 times the same where they should be, so that what is cached of one is not as the next.
        private bool MixesFormats => _isShort && _second is not null;

        public uint Format => _isShort ? 0u : (_first ?? _second)!.Is64 ? 2u : 1;

        public Smmu2PlainWalker.Found Compare(string where)
        {
            ulong address = NextAddress();
            bool isPrivileged = Chance(2);
            bool writes = Chance(3);
            bool executes = !writes && Chance(4);
            var access = (writes ? Smmu2Access.Write : Smmu2Access.Read)
                | (executes ? Smmu2Access.Execute : 0)
                | (isPrivileged ? Smmu2Access.Privileged : 0);
            var found = _walker.Translate(_first, _second, address, isPrivileged, writes, executes);
            if (MixesFormats)
            {
                _model.Evict();
            }

            var answer = _model.Translate(new Smmu2Request(8, address, access));
            where += $": 0x{address:x} {access}, fault 0x{found.Fault:x} of stage {(found.IsSecond ? 2 : 1)}, format {Format}";
            (answer.Outcome == Smmu2Outcome.Allowed).ShouldBe(found.Fault == 0, where);
            if (found.Fault == 0)
            {
                CompareRange(answer.Range, address, isPrivileged, found, where);
            }
            else
            {
                CompareFault(found.IsSecond ? Second : First, address, access, found, where);
            }

            return found;
        }

        private void CompareRange(Translation range, ulong address, bool isPrivileged, Smmu2PlainWalker.Found found, string where)
        {
            range.PhysicalOf(address).ShouldBe(found.Address, where);
            var rights = ((isPrivileged ? found.Read : found.UserRead) ? Protection.Read : 0)
                | ((isPrivileged ? found.Write : found.UserWrite) ? Protection.Write : 0);
            bool executes = isPrivileged ? found.Execute : found.UserExecute;
            rights |= executes ? 0 : Protection.NoExecute;
            rights |= found.IsDevice ? Protection.Mmio : 0;
            (range.Rights & ~Protection.Privileged).ShouldBe(rights, where);

            // The ends of the range translate alike.
            ulong last = range.Iova + (range.Length - 1);
            var atEnd = _walker.Translate(_first, _second, last, isPrivileged, writes: false, executes: false);
            if ((rights & Protection.Read) != 0 && !MixesFormats)
            {
                atEnd.Fault.ShouldBe(0u, where);
                atEnd.Address.ShouldBe(range.PhysicalOf(last), where);
            }
        }

        private void CompareFault(int index, ulong address, Smmu2Access access, Smmu2PlainWalker.Found found, string where)
        {
            var bank = found.IsSecond ? _second! : _first!;
            uint format = bank.Is64 ? 2u : found.IsSecond || !_isShort ? 1u : 0;
            uint at = _unit.OffsetOf(index);
            format = _unit.Version == Smmu2Version.V1 ? 0 : format << 9;
            _model.Read32(at + Smmu2Bank.FaultStatus).ShouldBe(found.Fault | format, where);
            _model.Read64(at + Smmu2Bank.FaultAddress).ShouldBe(address, where);
            uint syndrome = (uint)found.Level
                | (found.IsSecond ? 0x180u : 0)
                | (found.Fault == Smmu2Bank.Faults.External ? 1u << 10 : 0)
                | (found.IsWalk ? 1u << 3 : 0)
                | (found.IsSecond && _first is not null ? 1u << 2 : 0)
                | ((access & Smmu2Access.Write) != 0 ? 1u << 4 : 0)
                | ((access & Smmu2Access.Privileged) != 0 ? 1u << 5 : 0)
                | ((access & Smmu2Access.Execute) != 0 ? 1u << 6 : 0)
                | (found.IsSecond && _first is not null ? (uint)First << 16 : 0u);
            _model.Read32(at + Smmu2Bank.Syndrome0).ShouldBe(syndrome, where);
            if (found.IsSecond)
            {
                _model.Read64(at + Smmu2Bank.FaultIpa).ShouldBe(found.Ipa, where);
            }

            _model.Write32(at + Smmu2Bank.FaultStatus, uint.MaxValue);
        }

        private Smmu2PlainWalker.Bank MakeFirst(bool is64)
        {
            bool isLong = !is64 && Chance(2);
            uint tcr = is64
                ? Size() | (Size() << 16) | ((uint)_random.Next(4) << 14) | ((uint)_random.Next(4) << 30) | Maybe(8, 1u << 7) | Maybe(5, 1u << 23)
                : isLong
                    ? 0x8000_0000 | (uint)_random.Next(8) | ((uint)_random.Next(8) << 16)
                        | Maybe(8, 1u << 7) | Maybe(8, 1u << 23) | Maybe(2, 1u << 22)
                    : (uint)_random.Next(8) | Maybe(8, 1u << 4) | Maybe(8, 1u << 5);
            return new Smmu2PlainWalker.Bank
            {
                Is64 = is64,
                Sctlr = 0x41u | Maybe(1, _isBigEndian ? 0x10u : 0) | Maybe(2, 2) | Maybe(2, 4) | Maybe(4, 8) | Maybe(5, 1u << 9) | Maybe(5, 1u << 10),
                Tcr = tcr,
                Tcr2 = _unit.Version == Smmu2Version.V1 ? 0
                    : Width() | Maybe(3, 1u << 5) | Maybe(3, 1u << 6) | (Chance(3) ? (uint)_random.Next(8) << 15 : 7u << 15),
                Ttbr0 = Root(),
                Ttbr1 = Root(),
                Mair = (ulong)_random.NextInt64() | (Chance(2) ? 0xf0f0_f0f0_f0f0_f0f0 : 0),
            };
        }

        private Smmu2PlainWalker.Bank MakeSecond(bool is64)
        {
            // A start that fits its size, most times.
            uint tcr = is64 ? 24u | (1u << 6) | (Width() << 16) : (uint)_random.Next(8, 13) | (1u << 6);
            if (Chance(3))
            {
                tcr = is64
                    ? Size() | ((uint)_random.Next(4) << 6) | ((uint)_random.Next(4) << 14) | (Width() << 16)
                    : (uint)_random.Next(16) | ((uint)_random.Next(4) << 6);
            }

            return new Smmu2PlainWalker.Bank
            {
                Is64 = is64,
                Sctlr = 0x41u | Maybe(1, _isBigEndian ? 0x10u : 0) | Maybe(3, 1u << 13) | Maybe(4, 8),
                Tcr = tcr,
                Ttbr0 = Root(),
            };
        }

        private void Program(int index, Smmu2PlainWalker.Bank bank, Smmu2BankAttributes attributes)
        {
            uint routing = 1u << _unit.PageShift;
            if (!_unit.IsStage2Bank(index) || attributes.Type == Smmu2BankType.Stage2)
            {
                _model.Write32(routing + Smmu2Routing.Attributes + ((uint)index * 4), attributes.Value);
            }

            _model.Write32(routing + Smmu2Routing.Attributes2 + ((uint)index * 4), bank.Is64 ? Smmu2Routing.Tables64 : 0);
            uint at = _unit.OffsetOf(index);
            _model.Write32(at + Smmu2Bank.Control2, bank.Tcr2);
            _model.Write32(at + Smmu2Bank.TableControl, bank.Tcr);
            _model.Write64(at + Smmu2Bank.Table0, bank.Ttbr0);
            _model.Write64(at + Smmu2Bank.Table1, bank.Ttbr1);
            _model.Write64(at + Smmu2Bank.MemoryTypes0, bank.Mair);
            _model.Write32(at + Smmu2Bank.SystemControl, bank.Sctlr | Smmu2Bank.Control.FaultAborts);
        }

        private ulong NextAddress()
        {
            if (_past.Count != 0 && Chance(2))
            {
                return _past[_random.Next(_past.Count)] ^ (ulong)_random.Next(0x2000);
            }

            ulong address = (ulong)_random.NextInt64() >> (_first is { Is64: false } ? 31 : _random.Next(16, 40));
            address = Chance(4) && _first is { Is64: true } ? ~address : address;
            address ^= Chance(10) ? 1ul << _random.Next(64) : 0;
            _past.Add(address);
            return address;
        }

        private uint Size() => Chance(12) ? (uint)_random.Next(64) : (uint)_random.Next(16, 40);

        private uint Width() => Chance(4) ? (uint)_random.Next(8) : 5;

        private ulong Root() => ((ulong)_random.Next(1 << 20) << 12) | (Chance(10) ? 1ul << _random.Next(30, 48) : 0);

        private uint Maybe(int one, uint value) => Chance(one) ? value : 0;

        private bool Chance(int one) => _random.Next(one) == 0;

        /// <summary>A word of memory, made up the first time; null where there is none.</summary>
        private ulong? Load(ulong address)
        {
            if (!_words.TryGetValue(address, out ulong? word))
            {
                word = _isShort && !(MixesFormats && Chance(2)) ? ShortDescriptors(address & ~63ul) : Chance(60) ? null : LongDescriptor();
                _words.Add(address, word);
            }

            return word;
        }

        /// <summary>
        /// Two descriptors. Large pages and supersections are 16 times the same one, and so are pointers, which could be large pages.
        /// </summary>
        private ulong? ShortDescriptors(ulong group)
        {
            if (!_groups.TryGetValue(group, out uint? repeated))
            {
                repeated = Chance(2) ? ShortDescriptor((uint)_random.Next(1, 4), uint.MaxValue) : null;
                _groups.Add(group, repeated);
            }

            return repeated is { } one ? one | ((ulong)one << 32) : Chance(60) ? null : Single() | ((ulong)Single() << 32);

            uint Single() => ShortDescriptor(Chance(8) ? 0 : (uint)_random.Next(2, 4), ~0x40000u);
        }

        private ulong LongDescriptor()
        {
            uint type = Chance(12) ? (uint)_random.Next(4) : Chance(4) ? 1u : 3;
            ulong address = ((ulong)_random.Next(1 << 20) << 12) | (Chance(25) ? 1ul << _random.Next(32, 48) : 0);
            ulong attributes = ((ulong)_random.Next(64) << 2) | (3ul << 6) | (Chance(12) ? 0 : 1ul << 10) | (Chance(6) ? 0 : 1ul << 11);
            attributes ^= (ulong)_random.Next(4) << 6 & (Chance(3) ? ulong.MaxValue : 0);
            ulong upper = (Chance(3) ? (ulong)_random.Next(8) << 52 : 0) | (Chance(6) ? (ulong)_random.Next(16) << 59 : 0);
            ulong value = type | attributes | address | upper;
            return _isBigEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
        }

        private uint ShortDescriptor(uint type, uint mask)
        {
            uint value = ((uint)_random.NextInt64() & ~3u & mask) | type;
            value |= Chance(6) ? 0 : (1u << 4) | (1u << 10);
            value &= Chance(3) && type > 1 ? ~0x00f0_01e0u : uint.MaxValue;
            return _isBigEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
        }

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            if (Load(physicalAddress & ~7ul) is not { } word)
            {
                return false;
            }

            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, word);
            bytes.Slice((int)(physicalAddress & 7), destination.Length).CopyTo(destination);
            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => false;
    }
}
