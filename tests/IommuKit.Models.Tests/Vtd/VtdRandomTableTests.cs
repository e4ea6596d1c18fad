using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>
/// Random structures of every kind against <see cref="VtdPlainWalker"/>: address, rights and the reason of every fault. Entries are nearly right: each has
/// a chance of one wrong bit, a pointer to nowhere, or missing rights.
/// </summary>
public sealed class VtdRandomTableTests
{
    // A small world: 64 KiB of memory, so that random pointers meet tables. Domains are not shared by different tables, which no software may do.
    private const int Pages = 16;
    private const int Devices = 4;

    [Theory]
    [InlineData("server-48", false, 1)]
    [InlineData("client-39", false, 2)]
    [InlineData("qemu", false, 3)]
    [InlineData("server-57", true, 4)]
    [InlineData("server-57", true, 5)]
    [InlineData("qemu-fs", true, 6)]
    [InlineData("server-57", false, 7)]
    public void Answers_are_those_of_the_plain_walker(string unitName, bool isScalable, int seed)
    {
        int cases = int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_VTD_CASES"), out int wanted) ? wanted : 3000;
        var unit = VtdUnit.Presets.Single(preset => preset.Name == unitName);
        var random = new Random(seed);
        var reasons = new HashSet<VtdFaultReason>();
        int passed = 0;
        for (int done = 0; done < cases;)
        {
            var world = new World(unit, random, isScalable);
            var model = new VtdModel<World.Access>(unit, new World.Access(world));
            model.LoadRegister(VtdRegister.RootTable, isScalable ? 1ul << 10 : 0);
            model.LoadRegister(VtdRegister.GlobalStatus, VtdRegister.Global.SetRootTable | VtdRegister.Global.TranslationEnable);
            var plain = new VtdPlainWalker(unit, world.Load, 0, isScalable);
            for (int i = 0; i < 40 && done < cases; i++, done++)
            {
                var request = world.Request();
                var expected = plain.Ask(request);
                var seen = model.Translate(request);
                string what = $"{request} in world {seed}/{done}";
                if (expected.IsInterrupt)
                {
                    seen.Outcome.ShouldBe(request.IsWrite ? VtdOutcome.Interrupt : VtdOutcome.Blocked, what);
                    continue;
                }

                seen.Reason.ShouldBe((VtdFaultReason)expected.Reason, what);
                seen.Outcome.ShouldBe(expected.Reason == 0 ? VtdOutcome.Allowed : VtdOutcome.Fault, what);
                reasons.Add(seen.Reason);
                if (expected.Reason == 0)
                {
                    passed++;
                    seen.Range.Contains(request.Address).ShouldBeTrue(what);
                    seen.Range.PhysicalOf(request.Address).ShouldBe(expected.PhysicalAddress, what);
                    ((seen.Range.Rights & Specs.PageTables.Protection.Read) != 0).ShouldBe(expected.Read, what);
                    ((seen.Range.Rights & Specs.PageTables.Protection.Write) != 0).ShouldBe(expected.Write, what);
                }
            }
        }

        passed.ShouldBeGreaterThan(cases / 20);
        reasons.Count.ShouldBeGreaterThan(isScalable ? 12 : 9);
    }

    /// <summary>Memory full of structures. Root at 0, contexts, directories and PASID tables behind it, page tables in the rest.</summary>
    internal sealed class World : IMemoryAccessor
    {
        private const ulong ContextPage = 1;
        private const ulong UpperContextPage = 2;
        private const ulong DirectoryPage = 3;
        private const ulong PasidPage = 4;
        private const ulong FirstTable = 5;

        private readonly byte[] _memory = new byte[Pages << 12];
        private readonly Random _random;
        private readonly bool _isScalable;
        private readonly VtdUnit _unit;

        public World(VtdUnit unit, Random random, bool isScalable)
        {
            (_unit, _random, _isScalable) = (unit, random, isScalable);
            for (ulong page = FirstTable; page < Pages; page++)
            {
                for (ulong i = 0; i < 512; i++)
                {
                    Put((page << 12) + (i * 8), PageEntry());
                }
            }

            Put(0, Spoil(ContextPage << 12 | 1, 40));
            Put(8, isScalable ? Spoil(UpperContextPage << 12 | 1, 40) : Rarely(40, 1));
            for (ulong device = 0; device < Devices; device++)
            {
                if (isScalable)
                {
                    Put((ContextPage << 12) + (device * 32), Spoil(DirectoryPage << 12 | 1 | (8ul * (uint)random.Next(2)), 20), RequestPasid(), Rarely(60, 1), 0);
                }
                else
                {
                    ulong type = (ulong)random.Next(8) is < 3 and var t ? t << 2 : 0;
                    ulong width = random.Next(10) == 0 ? (ulong)random.Next(8) : (ulong)random.Next(1, 4);
                    Put((ContextPage << 12) + (device * 16), Spoil(Table() | type | 1, 20), width | ((device + 1) << 8) | Rarely(40, 0x80));
                }
            }

            Put(DirectoryPage << 12, Spoil(PasidPage << 12 | 1, 30), Spoil(PasidPage << 12 | 1, 3));
            for (ulong pasid = 0; pasid < 64; pasid++)
            {
                ulong type = (ulong)random.Next(1, 5);
                ulong width = random.Next(10) == 0 ? (ulong)random.Next(8) : (ulong)random.Next(2, 4);
                ulong control = (ulong)(random.Next(256) & (random.Next(3) == 0 ? 0xff : 0xf3));
                Put(
                    (PasidPage << 12) + (pasid * 64),
                    Spoil(Table() | (type << 6) | (width << 2) | 1, 30),
                    pasid + 16,
                    Spoil(Table() | control, 60),
                    Rarely(100, 1));
            }
        }

        public VtdRequest Request()
        {
            int pasid = _random.Next(2) == 0 ? VtdRequest.NoPasid : _random.Next(20) == 0 ? _random.Next(1 << 20) : _random.Next(64);
            if (!_isScalable && _random.Next(50) != 0)
            {
                pasid = VtdRequest.NoPasid;
            }

            // Few indices on each level, so that requests meet what others cached.
            ulong address = (ulong)_random.Next(4096);
            for (int level = 0; level <= 4; level++)
            {
                address |= (ulong)(_random.Next(level < 3 ? 4 : 2)) << (12 + (9 * level));
            }

            address = _random.Next(12) switch
            {
                0 => address | (ulong.MaxValue << 47),
                1 => address | (1ul << _random.Next(39, 64)),
                2 => 0xfee0_0000 | (address & 0xfffff),
                _ => address & ((1ul << 39) - 1),
            };
            var access = (VtdAccess)_random.Next(1, 4);
            if (pasid >= 0)
            {
                access |= (VtdAccess)(_random.Next(4) << 2);
            }

            return new VtdRequest((ushort)(_random.Next(40) == 0 ? _random.Next(1 << 16) : _random.Next(Devices)), address, access, pasid);
        }

        public ulong? Load(ulong address) =>
            address <= (ulong)_memory.Length - 8 ? BinaryPrimitives.ReadUInt64LittleEndian(_memory.AsSpan((int)address)) : null;

        public bool TryRead(ulong physicalAddress, Span<byte> destination)
        {
            if (physicalAddress > (ulong)(_memory.Length - destination.Length))
            {
                return false;
            }

            _memory.AsSpan((int)physicalAddress, destination.Length).CopyTo(destination);
            return true;
        }

        public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source)
        {
            if (physicalAddress > (ulong)(_memory.Length - source.Length))
            {
                return false;
            }

            // Accessed and dirty bits: nothing but them may change.
            ulong old = Load(physicalAddress) ?? 0;
            ((BinaryPrimitives.ReadUInt64LittleEndian(source) ^ old) & ~0x760ul).ShouldBe(0ul);
            source.CopyTo(_memory.AsSpan((int)physicalAddress));
            return true;
        }

        private ulong RequestPasid() => (_random.Next(10) == 0 ? (ulong)_random.Next(1 << 20) : 0) | Rarely(4, 1ul << 20) | Rarely(60, 1ul << 30);

        private ulong Table() => (ulong)_random.Next((int)FirstTable, Pages) << 12;

        private ulong PageEntry()
        {
            ulong entry = Table() | 7;
            switch (_random.Next(16))
            {
                case 0:
                    // A large page, aligned for 1 GiB or not.
                    entry = ((ulong)_random.Next(1, 8) << (_random.Next(2) == 0 ? 30 : 21)) | 0x87;
                    break;
                case 1:
                    entry &= ~(1ul << _random.Next(3));
                    break;
                case 2:
                    entry = 0;
                    break;
                case 3:
                    entry |= 1ul << 63;
                    break;
                case 4:
                    entry |= 1ul << _random.Next(64);
                    break;
                case 5:
                    entry = 0xfee0_0000 | (entry & 0xfff);
                    break;
                case 6:
                    entry |= 0x60;
                    break;
            }

            return entry;
        }

        private ulong Spoil(ulong entry, int oneIn) => _random.Next(oneIn) == 0 ? entry ^ (1ul << _random.Next(64)) : entry;

        private ulong Rarely(int oneIn, ulong value) => _random.Next(oneIn) == 0 ? value : 0;

        private void Put(ulong address, params ReadOnlySpan<ulong> values)
        {
            foreach (ulong value in values)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(_memory.AsSpan((int)address), value);
                address += 8;
            }
        }

        internal readonly struct Access(World world) : IMemoryAccessor
        {
            public bool TryRead(ulong physicalAddress, Span<byte> destination) => world.TryRead(physicalAddress, destination);

            public bool TryWrite(ulong physicalAddress, ReadOnlySpan<byte> source) => world.TryWrite(physicalAddress, source);
        }
    }
}
