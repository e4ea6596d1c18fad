namespace IommuKit.Specs.Tegra;

/// <summary>
/// A value for MC_SMMU_TLB_FLUSH.
/// <code>
///  31          30:29 or 30:24   19:10 (section), 19:2 (group)   1:0
///  ASID_MATCH  ASID             VA[31:22] or VA[31:14]          match
/// </code>
/// The ASID field sits at 30:29 on parts with 4 address spaces and at 30:24 on parts with 128; Linux used the wrong place on
/// the former until commit 43a0541e312f.
/// </summary>
/// <param name="Value">The register value.</param>
public readonly record struct TegraTlbFlush(uint Value)
{
    private const uint AsidMatch = 1u << 31;
    private const uint SectionMask = 0xffc0_0000;
    private const uint GroupMask = 0xffff_c000;
    private const int AddressShift = 12;

    /// <summary>Removes every entry.</summary>
    public static TegraTlbFlush All => new(0);

    /// <summary>What the command matches by address; null for the reserved encoding 1.</summary>
    public TegraTlbFlushMatch? Match => (Value & 3) == 1 ? null : (TegraTlbFlushMatch)(Value & 3);

    /// <summary>Whether only one address space is meant.</summary>
    public bool MatchesAsid => (Value & AsidMatch) != 0;

    /// <summary>First address of the section or group.</summary>
    public uint Address => Match switch
    {
        TegraTlbFlushMatch.Section => (Value << AddressShift) & SectionMask,
        TegraTlbFlushMatch.Group => (Value << AddressShift) & GroupMask,
        _ => 0,
    };

    /// <summary>Removes every entry of one address space.</summary>
    public static TegraTlbFlush Asid(TegraSoc soc, int asid) => new(AsidMatch | AsidField(soc, asid));

    /// <summary>Removes every entry of the 4 MiB section around <paramref name="iova"/>.</summary>
    public static TegraTlbFlush Section(TegraSoc soc, int asid, uint iova) =>
        new(AsidMatch | AsidField(soc, asid) | ((iova & SectionMask) >> AddressShift) | (uint)TegraTlbFlushMatch.Section);

    /// <summary>Removes the line of the group around <paramref name="iova"/>.</summary>
    public static TegraTlbFlush Group(TegraSoc soc, int asid, uint iova) =>
        new(AsidMatch | AsidField(soc, asid) | ((iova & GroupMask) >> AddressShift) | (uint)TegraTlbFlushMatch.Group);

    /// <summary>The address space that the command names on <paramref name="soc"/>.</summary>
    public int AsidOn(TegraSoc soc) => (int)(Value >> AsidShift(soc)) & (soc.AsidCount - 1);

    private static uint AsidField(TegraSoc soc, int asid) => (uint)asid << AsidShift(soc);

    private static int AsidShift(TegraSoc soc) => 31 - soc.AsidBits;
}
