namespace IommuKit.Specs.Smmu3;

/// <summary>An entry of the first level of a stream table of two levels (IHI 0070, section 5.1).</summary>
/// <param name="Value">The 64 bits: Span in 4:0, the table in 55:6.</param>
public readonly record struct Smmu3StreamTableEntry(ulong Value)
{
    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 8;

    /// <summary>The largest Span that is not reserved.</summary>
    public const int MaxSpan = 11;

    /// <summary>Span: 0 for no table, otherwise one more than log2 of the table's entries.</summary>
    public int Span => (int)Value & 0x1f;

    /// <summary>Log2 of the table's entries. Not of an entry without a table.</summary>
    public int StreamsLog2 => Span - 1;

    /// <summary>The table, which is aligned to its size.</summary>
    public ulong Table => Value & 0x00ff_ffff_ffff_ffc0 & (ulong.MaxValue << (Math.Max(StreamsLog2, 0) + 6));
}
