using System.Runtime.CompilerServices;
namespace IommuKit.Specs.Arm;

/// <summary>16 KiB: 2048 entries in a table, blocks of 32 MiB, groups of 128 pages and of 32 blocks.</summary>
public readonly struct ArmGranule16K : IArmGranule
{
    /// <inheritdoc/>
    public static string Name => "16k";

    /// <inheritdoc/>
    public static int PageShift => 14;

    /// <inheritdoc/>
    public static int AddressBits => 48;

    /// <inheritdoc/>
    // 16 KiB, 2 MiB, 32 MiB, 1 GiB.
    public static ulong PageSizes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (1ul << 14) | (1ul << 21) | (1ul << 25) | (1ul << 30);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GroupLog2(int level) => level == 0 ? 7 : 5;
}
