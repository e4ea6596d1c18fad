namespace IommuKit.Specs.Tegra;

/// <summary>
/// A value for MC_SMMU_PTC_FLUSH: bit 0 clear removes everything, set removes the line at the physical address in bits 31:4
/// (bits 33:32 come from MC_SMMU_PTC_FLUSH_1, which is written before).
/// </summary>
/// <param name="Value">The register value.</param>
public readonly record struct TegraPtcFlush(uint Value)
{
    private const uint ByAddress = 1;
    private const uint AddressMask = 0xffff_fff0;

    /// <summary>Removes every line.</summary>
    public static TegraPtcFlush All => new(0);

    /// <summary>Whether only one line is meant.</summary>
    public bool IsLine => (Value & ByAddress) != 0;

    /// <summary>The low 32 bits of the line's physical address.</summary>
    public uint AddressLow => Value & AddressMask;

    /// <summary>Removes the line that holds <paramref name="physicalAddress"/>.</summary>
    public static TegraPtcFlush Line(TegraSoc soc, ulong physicalAddress) =>
        new(((uint)physicalAddress & ~((uint)soc.AtomBytes - 1)) | ByAddress);

    /// <summary>What MC_SMMU_PTC_FLUSH_1 must hold for that line.</summary>
    public static uint LineHigh(ulong physicalAddress) => (uint)(physicalAddress >> 32) & 3;
}
