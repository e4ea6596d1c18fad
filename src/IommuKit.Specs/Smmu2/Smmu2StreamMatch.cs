namespace IommuKit.Specs.Smmu2;

/// <summary>
/// SMRn: which StreamIDs share an S2CR.
/// <code>
///              31     30:16  15   14:0
///  EXIDENABLE 0  VALID  MASK   -    ID
///  EXIDENABLE 1  MASK, 31:16   ID, 15:0    valid by S2CR.EXIDVALID
/// </code>
/// </summary>
/// <param name="Value">The register.</param>
public readonly record struct Smmu2StreamMatch(uint Value)
{
    /// <summary>VALID, without EXIDENABLE.</summary>
    public const uint Valid = 1u << 31;

    /// <summary>Where MASK is: StreamID bits that do not count.</summary>
    public const int MaskShift = 16;

    /// <summary>One for StreamIDs, to be valid.</summary>
    /// <param name="id">The StreamID.</param>
    /// <param name="mask">Its bits that do not count.</param>
    /// <param name="isWide">EXIDENABLE.</param>
    public static Smmu2StreamMatch Of(uint id, uint mask, bool isWide) => new(id | (mask << MaskShift) | (isWide ? 0 : Valid));

    /// <summary>Whether it matches a StreamID, if it is valid.</summary>
    /// <param name="stream">The StreamID.</param>
    /// <param name="isWide">EXIDENABLE.</param>
    public bool Matches(uint stream, bool isWide)
    {
        uint width = isWide ? 0xffffu : 0x7fff;
        return ((Value ^ stream) & ~(Value >> MaskShift) & width) == 0 && stream <= width;
    }
}
