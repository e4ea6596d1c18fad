namespace IommuKit.Dma;

/// <summary>
/// A buffer that a <see cref="DmaMapper"/> mapped. It knows its size and its direction, so that it cannot be unmapped or synchronised with others.
/// </summary>
public readonly record struct DmaMapping
{
    internal DmaMapping(IovaRange range, ulong offset, ulong physicalAddress, ulong length, DmaDirection direction, DmaAttributes attributes)
    {
        Range = range;
        PhysicalAddress = physicalAddress;
        Length = length;
        Direction = direction;
        Attributes = attributes;
        Iova = range.Iova + offset;
    }

    /// <summary>The IOVA of its first byte: what the device is told.</summary>
    public ulong Iova { get; }

    /// <summary>Bytes of the buffer.</summary>
    public ulong Length { get; }

    /// <summary>The physical address of its first byte.</summary>
    public ulong PhysicalAddress { get; }

    /// <summary>Which way data goes.</summary>
    public DmaDirection Direction { get; }

    /// <summary>What is special.</summary>
    public DmaAttributes Attributes { get; }

    /// <summary>The IOVAs that it takes, in whole granules.</summary>
    public IovaRange Range { get; }
}
