using IommuKit.PageTables;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>What the self-tests of io-pgtable-arm and io-pgtable-arm-v7s in Linux check, in all their configurations.</summary>
public class IoPgtableSelfTests
{
    private const ulong K4 = 1ul << 12;
    private const ulong K16 = 1ul << 14;
    private const ulong K64 = 1ul << 16;
    private const ulong M1 = 1ul << 20;
    private const ulong M2 = 1ul << 21;
    private const ulong M16 = 1ul << 24;
    private const ulong M32 = 1ul << 25;
    private const ulong M512 = 1ul << 29;
    private const ulong G1 = 1ul << 30;
    private const Protection All = Protection.Read | Protection.Write | Protection.NoExecute | Protection.Cache;

    private static readonly int[] Widths = [32, 36, 40, 42, 44, 48];

    public static TheoryData<ulong, int, int> Configurations
    {
        get
        {
            var data = new TheoryData<ulong, int, int>();
            foreach (ulong sizes in (ulong[])[K4 | M2 | G1, K16 | M32, K64 | M512])
            {
                foreach (int output in Widths)
                {
                    foreach (int input in Widths.Where(input => input <= output))
                    {
                        data.Add(sizes, input, output);
                    }
                }
            }

            return data;
        }
    }

    [Fact]
    public void There_are_as_many_configurations_as_in_the_kernel() => Configurations.Count.ShouldBe(63);

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Stage_1(ulong sizes, int inputBits, int outputBits)
    {
        switch (sizes & (~sizes + 1))
        {
            case K4:
                Run<ArmLpae<ArmGranule4K, ArmStage1>>(sizes, inputBits, outputBits, G1);
                break;
            case K16:
                Run<ArmLpae<ArmGranule16K, ArmStage1>>(sizes, inputBits, outputBits, G1);
                break;
            default:
                Run<ArmLpae<ArmGranule64K, ArmStage1>>(sizes, inputBits, outputBits, G1);
                break;
        }
    }

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Stage_2(ulong sizes, int inputBits, int outputBits)
    {
        switch (sizes & (~sizes + 1))
        {
            case K4:
                Run<ArmLpae<ArmGranule4K, ArmStage2>>(sizes, inputBits, outputBits, G1);
                break;
            case K16:
                Run<ArmLpae<ArmGranule16K, ArmStage2>>(sizes, inputBits, outputBits, G1);
                break;
            default:
                Run<ArmLpae<ArmGranule64K, ArmStage2>>(sizes, inputBits, outputBits, G1);
                break;
        }
    }

    [Fact]
    public void Short_descriptors() => Run<ArmShortFormat>(K4 | K64 | M1 | M16, 32, 32, M16);

    private static void Run<TFormat>(ulong sizes, int inputBits, int outputBits, ulong stride)
        where TFormat : struct, IPageTableFormat
    {
        var setup = new TableSetup<TFormat>("", inputBits, outputBits) { PageSizes = sizes, MemoryBytes = 1 << 20 };
        using (var table = setup.Make())
        {
            EmptyTable(table);
            DistinctMappings(table, stride);
            FullUnmap(table, stride);
            LastPage(table);
            table.ShouldLeaveNothing();
        }

        using (var table = (setup with { SplitsPages = true }).Make())
        {
            DistinctMappings(table, stride);
            PartialUnmap(table, stride);
            table.ShouldLeaveNothing();
        }
    }

    private static void EmptyTable(TestTable table)
    {
        table.PageSizes.ShouldBe(table.Setup.PageSizes);
        foreach (ulong iova in (ulong[])[42, G1 + 42, (2 * G1) + 42])
        {
            table.ShouldNotTranslate(iova);
        }
    }

    private static void DistinctMappings(TestTable table, ulong stride)
    {
        ulong iova = 0;
        foreach (int log2 in table.Sizes)
        {
            ulong size = 1ul << log2;
            table.Map(iova, iova, size, All).ShouldBe(default);
            table.Map(iova, iova + size, size, All).ShouldBe(IommuError.EEXIST);
            table.ShouldTranslate(iova + 42, iova + 42);
            table.PagesOf(iova, size).ShouldBe([log2]);
            iova += stride;
        }
    }

    /// <summary>The smallest page, inside each of the larger ones.</summary>
    private static void PartialUnmap(TestTable table, ulong stride)
    {
        ulong size = table.Granule;
        ulong iova = 0;
        foreach (int log2 in table.Sizes)
        {
            if (log2 != table.Sizes[0])
            {
                ulong start = iova;
                table.Log.Clear();
                table.Log.AtBreak = () => table.ShouldNotTranslate(start + size);
                table.Unmap(iova + size, size).ShouldBe(size);
                table.Log.Breaks.Count.ShouldBeGreaterThan(0);
                foreach (int at in table.Log.Breaks)
                {
                    table.Log.Runs[at - 1].Change.ShouldBe(EntryChange.LeafCleared);
                    table.Log.Runs[at].EntryAddress.ShouldBe(table.Log.Runs[at - 1].EntryAddress);
                }

                table.ShouldNotTranslate(iova + size + 42);
                table.ShouldTranslate(iova + 42, iova + 42);
                table.ShouldTranslate(iova + (2 * size) + 42, iova + (2 * size) + 42);
                table.ShouldTranslate(iova + (1ul << log2) - 1, iova + (1ul << log2) - 1);
                table.Map(iova + size, size, size, Protection.Read).ShouldBe(default);
                table.ShouldTranslate(iova + size + 42, size + 42);
            }

            iova += stride;
        }

        table.Log.AtBreak = null;
    }

    private static void FullUnmap(TestTable table, ulong stride)
    {
        ulong iova = 0;
        foreach (int log2 in table.Sizes)
        {
            ulong size = 1ul << log2;
            table.Unmap(iova, size).ShouldBe(size);
            table.ShouldNotTranslate(iova + 42);
            table.Map(iova, iova, size, Protection.Write).ShouldBe(default);
            table.ShouldTranslate(iova + 42, iova + 42);
            table.Unmap(iova, size).ShouldBe(size);
            iova += stride;
        }
    }

    private static void LastPage(TestTable table)
    {
        ulong size = 1ul << table.Sizes[^1];
        ulong iova = (1ul << table.Setup.InputBits) - size;
        table.Map(iova, iova, size, All).ShouldBe(default);
        table.ShouldTranslate(iova + 42, iova + 42);
        table.Unmap(iova, size).ShouldBe(size);
        table.ShouldNotTranslate(iova + 42);
    }
}
