using System.Globalization;

namespace IommuKit.Lab.Formats;

/// <summary>What architectures call the levels of their tables. Ours count from 0, which holds the smallest pages.</summary>
internal static class LevelNames
{
    // Arm's last level of long descriptors, whatever the granule, and of short ones.
    private const int ArmLast = 3;
    private const int ArmShortLast = 2;

    public static string Arm(int level) => Text("Arm's level", ArmLast - level);

    public static string ArmShort(int level) => Text("Arm's level", ArmShortLast - level);

    public static string Amd(int level) => Text("AMD's level", level + 1);

    public static string X86(int level) => level switch
    {
        0 => "PT",
        1 => "PD",
        2 => "PDPT",
        _ => string.Create(CultureInfo.InvariantCulture, $"PML{level + 1}"),
    };

    public static string Vtd(int level) => $"SS-{X86(level)}";

    /// <summary>RISC-V counts as we do.</summary>
    public static string? RiscV(int level) => null;

    private static string Text(string what, int level) => string.Create(CultureInfo.InvariantCulture, $"{what} {level}");
}
