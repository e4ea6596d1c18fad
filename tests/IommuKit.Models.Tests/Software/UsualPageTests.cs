using System.Runtime.InteropServices;
using IommuKit.Models.Memory;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;

namespace IommuKit.Models.Tests.Software;

/// <summary>What the short way says of an entry that is a page is what a step of a walk says of it, and of nothing else it says that it is one.</summary>
public class UsualPageTests
{
    private const ulong Table = 0x10000;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void The_short_way_to_a_page_is_a_step_of_a_walk(int level)
    {
        Compare<X86Format>(level, 48);
        Compare<VtdSecondStageFormat>(level, 48);
        Compare<AmdV1Format>(level, 39);
        Compare<RiscVFormat<Sv39>>(level, 39);
        Compare<ArmLpae<ArmGranule4K, ArmStage1>>(level, 48);
        Compare<ArmLpae<ArmGranule16K, ArmStage1>>(level, 48);
        Compare<ArmLpae<ArmGranule64K, ArmStage2>>(level, 48);
        if (level == 0)
        {
            Compare<TegraFormat>(level, 32);
            Compare<ArmShortFormat>(level, 32);
        }
    }

    private static void Compare<TFormat>(int level, int inputBits)
        where TFormat : struct, IPageTableFormat
    {
        const int outputBits = 32;
        using var memory = new PhysicalMemory(1 << 20, isCoherent: true);
        var random = new Random(level);
        var entries = memory.CpuView.Span(Table, 1 << 16);
        random.NextBytes(entries);
        if (TFormat.EntrySizeLog2 == 3)
        {
            // Most random addresses would be too wide, and few random entries are a large page: one in four of the entries stays as it is,
            // and one in four is a page as the engine would write it.
            ulong attributes = TFormat.LeafAttributes(Protection.Read | Protection.Write);
            int sizeLog2 = TFormat.EntryShift(level);
            foreach (ref ulong entry in MemoryMarshal.Cast<byte, ulong>(entries))
            {
                entry = random.Next(4) switch
                {
                    0 => entry,
                    1 => TFormat.LeafEntry((entry & uint.MaxValue) >> sizeLog2 << sizeLog2, attributes, level, sizeLog2),
                    _ => entry & uint.MaxValue,
                };
            }
        }

        var reader = new PageTableReader<TFormat, DeviceMemory>(memory.DeviceView, 0x8_0000, inputBits, outputBits);
        level.ShouldBeLessThan(reader.Root.Level);
        int pages = 0;
        const int tries = 4000;
        for (int i = 0; i < tries; i++)
        {
            ulong iova = (ulong)random.NextInt64() & ((1ul << inputBits) - 1);
            var above = (Protection)random.Next(64);
            var step = reader.Step(new WalkTable(Table, level, above), iova);
            bool isPage = reader.TryReadPage(Table, level, above, iova, out ulong physicalAddress, out var rights);
            isPage.ShouldBe(step.End == WalkEnd.Page, $"{TFormat.Name}: 0x{step.Value:x}");
            if (isPage)
            {
                (physicalAddress, rights).ShouldBe((step.PhysicalAddress, step.Rights), $"{TFormat.Name}: 0x{step.Value:x}");
                pages++;
            }
        }

        pages.ShouldBeInRange(1, tries - 1, TFormat.Name);
    }
}
