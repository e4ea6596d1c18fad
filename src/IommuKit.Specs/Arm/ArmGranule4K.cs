using System.Runtime.CompilerServices;
namespace IommuKit.Specs.Arm;

/// <summary>4 KiB: 512 entries in a table, blocks of 2 MiB and 1 GiB, groups of 16 at every level with leaves.</summary>
public readonly struct ArmGranule4K : IArmGranule
{
    /// <inheritdoc/>
    public static string Name => "4k";

    /// <inheritdoc/>
    public static int PageShift => 12;

    /// <inheritdoc/>
    public static int AddressBits => 48;

    /// <inheritdoc/>
    // 4 KiB, 64 KiB, 2 MiB, 32 MiB, 1 GiB, 16 GiB.
    public static ulong PageSizes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (1ul << 12) | (1ul << 16) | (1ul << 21) | (1ul << 25) | (1ul << 30) | (1ul << 34);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GroupLog2(int level) => 4;
}
