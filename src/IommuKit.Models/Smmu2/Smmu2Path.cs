namespace IommuKit.Models.Smmu2;

/// <summary>How a context bank translates, as its registers say at the moment. Immutable: a write of a register makes new ones.</summary>
internal sealed class Smmu2Path
{
    /// <summary>The bank that a stream has.</summary>
    public required int Bank { get; init; }

    /// <summary>The bank of stage 2: the same, another one, or −1.</summary>
    public int SecondBank { get; init; } = -1;

    /// <summary>Whether stage 1 is used. Its tables are <see cref="Lower"/> and <see cref="Upper"/>.</summary>
    public bool HasFirst { get; init; }

    /// <summary>Whether stage 2 is used.</summary>
    public bool HasSecond { get; init; }

    /// <summary>Whether a bank of stage 1 is on top of one of stage 2, whatever of them is on.</summary>
    public bool IsNested => SecondBank >= 0 && SecondBank != Bank;

    /// <summary>
    /// Bits of an address that the bank takes where its stage is off, and the fault of one with more: what no table checks.
    /// </summary>
    public int PlainBits { get; init; } = 64;

    public Smmu2Fault PlainFault { get; init; }

    public Smmu2TableFormat Format { get; init; }

    /// <summary>TTBR0.</summary>
    public Smmu2Stage Lower { get; init; }

    /// <summary>TTBR1.</summary>
    public Smmu2Stage Upper { get; init; }

    public Smmu2Stage Second { get; init; }

    /// <summary>The space of translations in the caches, of both stages together.</summary>
    public ulong Tag { get; init; }

    /// <summary>The space of translations of stage 2 alone.</summary>
    public ulong SecondTag { get; init; }

    /// <summary>AArch64: which bit of an address is its sign, above which it has to have zeros; 63 if it has none.</summary>
    public int SignBit { get; init; } = 63;

    /// <summary>AArch64: bits of an address that a device can send.</summary>
    public int UpstreamBits { get; init; } = 64;

    public bool IgnoresTopByteLower { get; init; }

    public bool IgnoresTopByteUpper { get; init; }

    /// <summary>AArch32: the first address of TTBR1, and the last of TTBR0.</summary>
    public ulong UpperStart { get; init; } = ulong.MaxValue;

    public ulong LowerEnd { get; init; } = ulong.MaxValue;

    /// <summary>
    /// Log2 of the most that an entry can map: where a larger block begins in one range and ends in the other, it is cached in pieces.
    /// </summary>
    public int MostPageLog2 { get; init; } = 63;

    /// <summary>What stage 1 makes of an address before it is looked up.</summary>
    /// <param name="address">As the device sent it, or software that has it translated.</param>
    /// <param name="isOfRegisters">Whether it is software's, which is complete and has no sign that is extended.</param>
    /// <param name="input">As tables translate it.</param>
    /// <param name="isUpper">Whether TTBR1 does.</param>
    /// <returns>False if no tables can translate it.</returns>
    public bool TryPrepare(ulong address, bool isOfRegisters, out ulong input, out bool isUpper)
    {
        if (Format != Smmu2TableFormat.Aarch64)
        {
            input = address;
            isUpper = address >= UpperStart;
            return address <= uint.MaxValue && (isUpper || address <= LowerEnd);
        }

        input = address;
        if (UpstreamBits < 64)
        {
            // What the bus does not carry is as its highest bit, or 0.
            ulong above = address >> UpstreamBits;
            ulong ones = ulong.MaxValue >> UpstreamBits;
            if (above != 0 && above != ones)
            {
                isUpper = false;
                return false;
            }
        }

        if (SignBit < 63 && !isOfRegisters)
        {
            // Of what the bus carries above the sign, all has to be 0.
            if (UpstreamBits - 1 > SignBit && (address & (ulong.MaxValue >> (64 - UpstreamBits))) >> (SignBit + 1) != 0)
            {
                isUpper = false;
                return false;
            }

            int unused = 63 - SignBit;
            input = (ulong)((long)(address << unused) >> unused);
        }

        isUpper = (input >> 55 & 1) != 0;
        if (isUpper ? IgnoresTopByteUpper : IgnoresTopByteLower)
        {
            input = (ulong)((long)(input << 8) >> 8);
        }

        int bits = isUpper ? Upper.InputBits : Lower.InputBits;
        return input >> bits == (isUpper ? ulong.MaxValue >> bits : 0);
    }
}
