namespace IommuKit.Specs.Smmu3;

/// <summary>An entry of the first level of a table of context descriptors (IHI 0070, section 5.3).</summary>
/// <param name="Value">The 64 bits: V in 0, the table in 55:12.</param>
public readonly record struct Smmu3ContextTableEntry(ulong Value)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 8;

    /// <summary>V.</summary>
    public bool IsValid => (Value & 1) != 0;

    /// <summary>The table of CDs.</summary>
    public ulong Table => Value & 0x00ff_ffff_ffff_f000;
}
