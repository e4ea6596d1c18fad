using IommuKit.Lab.Formats;
using IommuKit.Specs.Arm;

namespace IommuKit.Lab.Inspect;

/// <summary>Page tables of VMSAv8-64, by what registers and entries say of them.</summary>
internal static class ArmInspectTables
{
    private const int VirtualBits = 48;

    // By the granule and the stage.
    private static readonly Dictionary<(int GranuleLog2, int Stage), FormatKind> Formats = new()
    {
        [(12, 1)] = Format<ArmGranule4K, ArmStage1>(),
        [(14, 1)] = Format<ArmGranule16K, ArmStage1>(),
        [(16, 1)] = Format<ArmGranule64K, ArmStage1>(),
        [(12, 2)] = Format<ArmGranule4K, ArmStage2>(),
        [(14, 2)] = Format<ArmGranule16K, ArmStage2>(),
        [(16, 2)] = Format<ArmGranule64K, ArmStage2>(),
    };

    /// <summary>A table; null if there is no such granule.</summary>
    public static InspectTable? Of(int granuleLog2, int stage, ulong root, int inputBits, int outputBits, InspectTable? under = null)
    {
        var format = Formats.GetValueOrDefault((granuleLog2, stage));
        return format is null ? null : new InspectTable(format, root, inputBits, Math.Min(outputBits, format.OutputBits), under);
    }

    private static FormatKind Format<TGranule, TStage>()
        where TGranule : struct, IArmGranule
        where TStage : struct, IArmStage => FormatKind.Of<ArmLpae<TGranule, TStage>>(VirtualBits, VirtualBits, string.Empty);
}
