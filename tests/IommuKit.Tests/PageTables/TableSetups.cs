using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.Vtd;
using IommuKit.Specs.X86;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.PageTables;

/// <summary>Every format, in the widths that differ in their roots or in their sign.</summary>
internal static class TableSetups
{
    private const ulong K4 = 1ul << 12;

    private static readonly Dictionary<string, TableSetup> ByName = List().ToDictionary(setup => setup.Name);

    public static IEnumerable<TableSetup> All => ByName.Values;

    public static TableSetup Find(string name) => ByName[name];

    public static TestTable Make(string name) => ByName[name].Make();

    public static TestTable Make(string name, Func<TableSetup, TableSetup> change) => change(ByName[name]).Make();

    private static IEnumerable<TableSetup> List() =>
    [
        new TableSetup<TegraFormat>("tegra pages", 32, 34) { PageSizes = K4 },
        new TableSetup<TegraFormat>("tegra", 32, 34),
        new TableSetup<TegraFormat>("tegra 32-bit", 32, 32),
        new TableSetup<ArmLpae<ArmGranule4K, ArmStage1>>("lpae-4k-s1", 48, 48),
        new TableSetup<ArmLpae<ArmGranule4K, ArmStage2>>("lpae-4k-s2", 48, 48),
        new TableSetup<ArmLpae<ArmGranule4K, ArmStage2>>("lpae-4k-s2 concatenated", 42, 44),
        new TableSetup<ArmLpae<ArmGranule16K, ArmStage1>>("lpae-16k-s1", 48, 48),
        new TableSetup<ArmLpae<ArmGranule16K, ArmStage2>>("lpae-16k-s2", 48, 48),
        new TableSetup<ArmLpae<ArmGranule16K, ArmStage2>>("lpae-16k-s2 concatenated", 40, 40),
        new TableSetup<ArmLpae<ArmGranule64K, ArmStage1>>("lpae-64k-s1", 48, 48),
        new TableSetup<ArmLpae<ArmGranule64K, ArmStage1>>("lpae-64k-s1 wide", 52, 52),
        new TableSetup<ArmLpae<ArmGranule64K, ArmStage2>>("lpae-64k-s2", 48, 48),
        new TableSetup<ArmLpae<ArmGranule64K, ArmStage2>>("lpae-64k-s2 wide", 52, 52),
        new TableSetup<ArmShortFormat>("v7s", 32, 32),
        .. Halves(new TableSetup<RiscVFormat<Sv39>>("sv39", 39, 56)),
        .. Halves(new TableSetup<RiscVFormat<Sv48>>("sv48", 48, 56)),
        .. Halves(new TableSetup<RiscVFormat<Sv57>>("sv57", 57, 56)),
        new TableSetup<RiscVFormat<Sv39x4>>("sv39x4", 41, 56),
        new TableSetup<RiscVFormat<Sv48x4>>("sv48x4", 50, 56),
        new TableSetup<RiscVFormat<Sv57x4>>("sv57x4", 59, 56),
        new TableSetup<VtdSecondStageFormat>("vtd-ss 39", 39, 39),
        new TableSetup<VtdSecondStageFormat>("vtd-ss 48", 48, 52),
        new TableSetup<VtdSecondStageFormat>("vtd-ss 57", 57, 52),
        .. Halves(new TableSetup<X86Format>("x86-64 48", 48, 52)),
        .. Halves(new TableSetup<X86Format>("x86-64 57", 57, 52)),
        new TableSetup<X86Format>("x86-64 47", 47, 52),
        new TableSetup<X86Format>("x86-64 56", 56, 52),
        new TableSetup<AmdV1Format>("amd-v1 32", 32, 52),
        new TableSetup<AmdV1Format>("amd-v1 39", 39, 52),
        new TableSetup<AmdV1Format>("amd-v1 48", 48, 52),
        new TableSetup<AmdV1Format>("amd-v1 64", 64, 52),
        new TableSetup<HintedFormat>("hinted", 48, 48),
        new TableSetup<HintedFormat>("hinted 39", 39, 40),
        new TableSetup<RepeatingFormat>("repeating", 39, 44),
    ];

    private static IEnumerable<TableSetup> Halves(TableSetup setup) => [setup, setup with { Name = setup.Name + " high", IsHigh = true }];
}
