using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Tests.PageTables;

/// <summary>
/// Tables whose entries others have changed: operations end, rightly or with the documented exception, and what lies on both sides of the pool
/// and of the memory stays as it was.
/// </summary>
public class HostileTableTests
{
    private const int MiB = 1 << 20;
    private const byte Untouched = 0xaa;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    [Theory]
    [InlineData(29)]
    [InlineData(30)]
    [InlineData(52)]
    [InlineData(21)]
    public void An_AMD_leaf_is_not_larger_than_its_level(int sizeLog2)
    {
        using var memory = new Surrounded();
        var table = Make<AmdV1Format>(memory, 48, splitsPages: false);
        var sink = default(Silent);
        table.Map(0x1_0000_0000, 0x1000, 0x1000, ReadWrite, ref sink).ShouldBe(default);
        ulong ones = ((1ul << (sizeLog2 - 1)) - 1) & AmdV1Entry.AddressMask;
        memory.Change(entry => (entry & 1) != 0 && (entry & (7ul << 9)) == 0 ? (entry & ~AmdV1Entry.AddressMask) | ones | (7ul << 9) : entry);
        Should.Throw<InvalidOperationException>(() => table.Unmap(0x1_0000_0000, 0x2000, ref sink));
        memory.ShouldBeWhole();
        table.Dispose();
    }

    [Fact]
    public void A_RISC_V_group_is_not_smaller_than_an_entry()
    {
        using var memory = new Surrounded();
        var table = Make<RiscVFormat<Sv39>>(memory, 38, splitsPages: false);
        var sink = default(Silent);
        table.Map(0x2000_0000, 0x8000_0000, 0x20_0000, ReadWrite, ref sink).ShouldBe(default);
        memory.Change(entry => (entry & 7) == 7 ? entry | RiscVEntry.Napot : entry);
        Should.Throw<InvalidOperationException>(() => table.Unmap(0x2000_0000, 0x40_0000, ref sink));
        Should.Throw<InvalidOperationException>(() => table.TryFind(0x2000_0000, out _));
        memory.ShouldBeWhole();
        table.Dispose();
    }

    [Fact]
    public void A_pointer_to_the_root_does_not_give_the_root_away()
    {
        using var memory = new Surrounded();
        var table = Make<X86Format>(memory, 48, splitsPages: false);
        var sink = default(Silent);
        table.Map(0, 0, 0x1000, ReadWrite, ref sink).ShouldBe(default);
        ulong root = table.Root;
        memory.Change(entry => entry != 0 && X86Format.IsTable(entry, 1) ? X86Format.TableEntry(root, 1) : entry);
        Should.Throw<InvalidOperationException>(() => table.Unmap(0, 1ul << 39, ref sink));
        memory.Allocator.IsHandedOut(root, 12).ShouldBeTrue();
        memory.ShouldBeWhole();
        table.Dispose();
        memory.Allocator.TryAllocate(12, out _).ShouldBeTrue();
    }

    [Fact]
    public void A_pointer_out_of_memory_is_said_to_be_one()
    {
        using var memory = new Surrounded();
        var table = Make<X86Format>(memory, 48, splitsPages: false);
        var sink = default(Silent);
        table.Map(0, 0, 0x1000, ReadWrite, ref sink).ShouldBe(default);
        memory.Change(entry => entry != 0 ? X86Format.TableEntry(1ul << 40, 1) : entry);
        Should.Throw<InvalidOperationException>(() => table.Map(0x1000, 0, 0x1000, ReadWrite, ref sink));
        Should.Throw<InvalidOperationException>(() => table.Unmap(0, 0x1000, ref sink));
        Should.Throw<InvalidOperationException>(() => table.TryTranslate(0, out _));
        table.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
        memory.ShouldBeWhole();
        table.Dispose();
    }

    [Fact]
    public void Fuzzed_tables_of_every_format()
    {
        Fuzz<TegraFormat>(32, 34);
        Fuzz<ArmShortFormat>(32, 32);
        Fuzz<ArmLpae<ArmGranule4K, ArmStage1>>(48, 48);
        Fuzz<ArmLpae<ArmGranule4K, ArmStage2>>(42, 48);
        Fuzz<ArmLpae<ArmGranule16K, ArmStage1>>(47, 48);
        Fuzz<ArmLpae<ArmGranule16K, ArmStage2>>(40, 40);
        Fuzz<ArmLpae<ArmGranule64K, ArmStage1>>(48, 48);
        Fuzz<ArmLpae<ArmGranule64K, ArmStage2>>(48, 52);
        Fuzz<RiscVFormat<Sv39>>(39, 56);
        Fuzz<RiscVFormat<Sv48>>(48, 56);
        Fuzz<RiscVFormat<Sv57>>(57, 56);
        Fuzz<RiscVFormat<Sv39x4>>(41, 56);
        Fuzz<RiscVFormat<Sv48x4>>(50, 56);
        Fuzz<RiscVFormat<Sv57x4>>(59, 56);
        Fuzz<VtdSecondStageFormat>(48, 52);
        Fuzz<X86Format>(48, 52);
        Fuzz<AmdV1Format>(48, 52);
    }

    private static void Fuzz<TFormat>(int inputBits, int outputBits)
        where TFormat : struct, IPageTableFormat
    {
        using var memory = new Surrounded();
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            memory.StartAnew();
            var table = Make<TFormat>(memory, inputBits, splitsPages: seed % 2 == 1, outputBits);
            new Attack<TFormat>(table, memory, random, inputBits, outputBits).Run();
            memory.ShouldBeWhole($"{TFormat.Name}, seed {seed}");
        }
    }

    private static PageTable<TFormat> Make<TFormat>(Surrounded memory, int inputBits, bool splitsPages, int outputBits = 48)
        where TFormat : struct, IPageTableFormat => new(
            new PageTableOptions { InputBits = inputBits, OutputBits = outputBits, SplitsPages = splitsPages }, memory.Allocator);

    /// <summary>Random operations on a table before and after random changes of its entries.</summary>
    private sealed class Attack<TFormat>(PageTable<TFormat> table, Surrounded memory, Random random, int inputBits, int outputBits)
        where TFormat : struct, IPageTableFormat
    {
        private readonly ulong[] _sizes =
            [.. Enumerable.Range(10, 24).Select(log2 => 1ul << log2).Where(size => (table.SupportedPageSizes & size) != 0)];

        private Silent _whole;
        private PageByPage _single;

        public void Run()
        {
            for (int i = 0; i < 12; i++)
            {
                ulong size = Size() * (ulong)random.Next(1, 4);
                table.Map(Iova(), Physical(), size, ReadWrite, ref _whole);
            }

            memory.Change(entry => entry == 0 ? (random.Next(64) == 0 ? Wild() : 0) : random.Next(5) switch
            {
                0 => entry ^ (1ul << random.Next(64)),
                1 => Wild(),
                _ => entry,
            });
            for (int i = 0; i < 30; i++)
            {
                Try(Operation);
            }

            // Whatever its tables say, it can be disposed of.
            table.Dispose();
        }

        private void Operation()
        {
            ulong iova = Iova();
            ulong size = Size() * (ulong)random.Next(1, 600);
            switch (random.Next(6))
            {
                case 0:
                    table.Map(iova, Physical(), size, ReadWrite, ref _whole);
                    break;
                case 1:
                    table.Map(iova, Physical(), size, ReadWrite, ref _single);
                    break;
                case 2:
                    table.Unmap(iova, size, ref _whole);
                    break;
                case 3:
                    table.Unmap(iova, size, ref _single);
                    break;
                case 4:
                    table.TryFind(iova, out _);
                    break;
                default:
                    table.TryFindNext(iova, iova + size, out _);
                    break;
            }
        }

        private static void Try(Action action)
        {
            try
            {
                action();
            }
            catch (InvalidOperationException)
            {
                // The documented answer.
            }
        }

        // Leaves and pointers to anything of the pool, groups, large sizes, and noise.
        private ulong Wild()
        {
            ulong place = memory.Allocator.LastAddress - ((ulong)random.Next(1024) << 10);
            return random.Next(5) switch
            {
                0 => TFormat.TableEntry(place & ~0xfffful, 1 + random.Next(TFormat.TopLevel)),
                1 => TFormat.TableEntry(table.Root, 1),
                2 => TFormat.LeafEntry(0, TFormat.LeafAttributes(ReadWrite), 0, TFormat.EntryShift(0)) | (1ul << 63) | (1ul << 52),
                3 => (ulong)random.NextInt64() | ((1ul << random.Next(52)) - 1),
                _ => (ulong)random.NextInt64(),
            };
        }

        private ulong Size() => _sizes[random.Next(_sizes.Length)];

        private ulong Iova() => (ulong)random.NextInt64(0, 1L << Math.Min(inputBits - 1, 30)) & ~(Size() - 1);

        private ulong Physical() => (ulong)random.NextInt64(0, 1L << Math.Min(outputBits - 1, 30)) & ~(Size() - 1);
    }

    /// <summary>A pool between memory that must not change.</summary>
    private sealed class Surrounded : IDisposable
    {
        private const int PoolStart = MiB;

        private readonly PhysicalMemory _memory = new(3 * MiB, isCoherent: true);

        public Surrounded()
        {
            _memory.CpuView.Span(0, 3 * MiB).Fill(Untouched);
            Allocator = new PageAllocator(_memory.CpuView, PoolStart, MiB);
        }

        public PageAllocator Allocator { get; private set; }

        public void StartAnew()
        {
            _memory.CpuView.Span(PoolStart, MiB).Clear();
            Allocator = new PageAllocator(_memory.CpuView, PoolStart, MiB);
        }

        public void Change(Func<ulong, ulong> change)
        {
            var pool = _memory.CpuView.Span(PoolStart, MiB);
            for (int at = 0; at < MiB; at += sizeof(ulong))
            {
                var entry = pool.Slice(at, sizeof(ulong));

                // What was never a table is noise that nobody reads.
                if (Allocator.Outstanding != 0)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(entry, change(BinaryPrimitives.ReadUInt64LittleEndian(entry)));
                }
            }
        }

        public void ShouldBeWhole(string? what = null)
        {
            _memory.CpuView.Span(0, PoolStart).IndexOfAnyExcept(Untouched).ShouldBe(-1, what);
            _memory.CpuView.Span(2 * MiB, MiB).IndexOfAnyExcept(Untouched).ShouldBe(-1, what);
        }

        public void Dispose() => _memory.Dispose();
    }

    private struct Silent : IFootprintSink
    {
        public static bool PageByPage => false;

        public readonly void TableFilled(ulong address, uint bytes)
        {
        }

        public readonly void EntriesStored(in EntryRun run)
        {
        }

        public readonly void Synchronise()
        {
        }

        public readonly void TableUnlinked(ulong address)
        {
        }
    }

    private struct PageByPage : IFootprintSink
    {
        static bool IFootprintSink.PageByPage => true;

        public readonly void TableFilled(ulong address, uint bytes)
        {
        }

        public readonly void EntriesStored(in EntryRun run)
        {
        }

        public readonly void Synchronise()
        {
        }

        public readonly void TableUnlinked(ulong address)
        {
        }
    }
}
