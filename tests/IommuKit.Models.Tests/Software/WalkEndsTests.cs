using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Software;

/// <summary>Whatever tables hold, a walk ends, and in memory.</summary>
public sealed class WalkEndsTests
{
    private const int MemoryBytes = 1 << 18;

    [Fact]
    public void A_pointer_to_its_own_table_ends()
    {
        using var tables = new GuestTables<X86Format>(48, 40);
        tables.Put(0x10000, 0, 0x10007);

        // Four levels of the same table; the last entry is a page.
        tables.Read(0x123).ShouldBe(0x10123ul);
    }

    [Fact]
    public void A_pointer_out_of_memory_is_a_fault()
    {
        using var tables = new GuestTables<X86Format>(48, 40);
        tables.Put(0x10000, 0, 0xff_ffff_f007).Read(0).ShouldBeNull();
        tables.Put(0x10000, 0, 0xf_f007).Read(0xff8).ShouldBeNull();
    }

    [Theory]
    [InlineData(0xffff_ffff_ffff_f000)]
    [InlineData(0x100_0000_0000)]
    [InlineData(0x10800)]
    public void A_root_that_cannot_be_is_refused(ulong root)
    {
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        Should.Throw<ArgumentOutOfRangeException>(() => new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, root, 48, 40));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Random_tables_end_in_a_fault_or_in_an_address_that_exists(int seed)
    {
        Walk<X86Format>(seed, 48);
        Walk<VtdSecondStageFormat>(seed, 48);
        Walk<AmdV1Format>(seed, 39);
        Walk<TegraFormat>(seed, 32);
        Walk<ArmShortFormat>(seed, 32);
        Walk<ArmLpae<ArmGranule4K, ArmStage1>>(seed, 48);
        Walk<ArmLpae<ArmGranule16K, ArmStage1>>(seed, 48);
        Walk<ArmLpae<ArmGranule64K, ArmStage1>>(seed, 52);
        Walk<ArmLpae<ArmGranule4K, ArmStage2>>(seed, 44);
        Walk<ArmLpae<ArmGranule16K, ArmStage2>>(seed, 40);
        Walk<ArmLpae<ArmGranule64K, ArmStage2>>(seed, 48);
        Walk<RiscVFormat<Sv39>>(seed, 39);
        Walk<RiscVFormat<Sv48>>(seed, 48);
        Walk<RiscVFormat<Sv57>>(seed, 57);
        Walk<RiscVFormat<Sv39x4>>(seed, 41);
        Walk<RiscVFormat<Sv48x4>>(seed, 50);
        Walk<RiscVFormat<Sv57x4>>(seed, 59);
    }

    private static void Walk<TFormat>(int seed, int inputBits)
        where TFormat : struct, IPageTableFormat
    {
        var random = new Random(seed);
        using var memory = new PhysicalMemory(MemoryBytes, isCoherent: true);
        random.NextBytes(memory.CpuView.Span(0, MemoryBytes));
        Plant<TFormat>(memory, random);
        int outputBits = Math.Min(32, TFormat.MaxOutputBits);
        var walker = new SoftwareWalker<TFormat, DeviceMemory>(memory.DeviceView, 0, inputBits, outputBits);
        int found = 0;
        for (int i = 0; i < 20_000; i++)
        {
            ulong iova = (ulong)random.NextInt64() >> random.Next(64);
            var translation = walker.Translate(new DmaRequest(0, iova, (i & 1) != 0, IsPrivileged: (i & 2) != 0));
            if (translation.IsAllowed)
            {
                found++;
                (iova - translation.Iova).ShouldBeLessThan(translation.Length);
                (translation.PhysicalOf(iova) >> outputBits).ShouldBe(0ul, $"{TFormat.Name}: 0x{iova:x}");
            }
        }

        found.ShouldBePositive(TFormat.Name);
    }

    /// <summary>Every second entry is one that leads on: to a random place in memory, or to a page.</summary>
    private static void Plant<TFormat>(PhysicalMemory memory, Random random)
        where TFormat : struct, IPageTableFormat
    {
        int bytes = 1 << TFormat.EntrySizeLog2;
        ulong leaf = TFormat.LeafAttributes(Protection.Read | Protection.Write);
        for (int at = 0; at < MemoryBytes; at += bytes)
        {
            int level = random.Next(TFormat.TopLevel + 1);
            ulong table = (ulong)random.Next(MemoryBytes >> 16) << 16;
            ulong? entry = random.Next(3) switch
            {
                0 when level != 0 => TFormat.TableEntry(table, level),
                1 => TFormat.LeafEntry(0, leaf, 0, TFormat.EntryShift(0)),
                _ => null,
            };
            if (entry is { } value)
            {
                BitConverter.GetBytes(value).AsSpan(0, bytes).CopyTo(memory.CpuView.Span((ulong)at, bytes));
            }
        }
    }
}
