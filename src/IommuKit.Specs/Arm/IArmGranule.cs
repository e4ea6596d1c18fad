namespace IommuKit.Specs.Arm;

/// <summary>What depends on the granule of <see cref="ArmLpae{TGranule, TStage}"/>, as static members of an empty struct.</summary>
public interface IArmGranule
{
    /// <summary>The granule as part of the format's name, for example <c>4k</c>.</summary>
    static abstract string Name { get; }

    /// <summary>Log2 of the bytes in a page and in a table.</summary>
    static abstract int PageShift { get; }

    /// <summary>Bits of the longest input and output addresses.</summary>
    static abstract int AddressBits { get; }

    /// <summary>The sizes of pages, blocks and groups: bit n set means 2^n bytes (Arm ARM, D8.2).</summary>
    static abstract ulong PageSizes { get; }

    /// <summary>Log2 of the neighbours that form a group with the Contiguous bit, at a level that has leaves (Arm ARM, D8.7.1).</summary>
    static abstract int GroupLog2(int level);
}
