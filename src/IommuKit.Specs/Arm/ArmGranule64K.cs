using System.Runtime.CompilerServices;
namespace IommuKit.Specs.Arm;

/// <summary>
/// 64 KiB: 8192 entries in a table, blocks of 512 MiB, and of 4 TiB where addresses have more than 48 bits; groups of 32 pages and of
/// 32 blocks of 512 MiB.
/// </summary>
public readonly struct ArmGranule64K : IArmGranule
{
    /// <inheritdoc/>
    public static string Name => "64k";

    /// <inheritdoc/>
    public static int PageShift => 16;

    /// <inheritdoc/>
    public static int AddressBits => 52;

    /// <inheritdoc/>
    // 64 KiB, 2 MiB, 512 MiB, 16 GiB, 4 TiB.
    public static ulong PageSizes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (1ul << 16) | (1ul << 21) | (1ul << 29) | (1ul << 34) | (1ul << 42);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int GroupLog2(int level) => 5;
}
