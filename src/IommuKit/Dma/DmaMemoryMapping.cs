namespace IommuKit.Dma;

/// <summary>Memory of this process that a <see cref="DmaMapper"/> mapped. It stays where it is until no device can use it.</summary>
public readonly record struct DmaMemoryMapping
{
    internal DmaMemoryMapping(IovaRange range, ulong iova, Memory<byte> memory, DmaDirection direction, ulong copiedBytes, BouncedMemory bounced)
    {
        Range = range;
        Iova = iova;
        Memory = memory;
        Direction = direction;
        CopiedBytes = copiedBytes;
        Bounced = bounced;
    }

    /// <summary>The IOVA of its first byte: what the device is told.</summary>
    public ulong Iova { get; }

    /// <summary>The memory.</summary>
    public Memory<byte> Memory { get; }

    /// <summary>Which way data goes.</summary>
    public DmaDirection Direction { get; }

    /// <summary>How many of its bytes are copied, as the device must not reach them where they are.</summary>
    public ulong CopiedBytes { get; }

    /// <summary>The IOVAs that it takes, in whole granules.</summary>
    public IovaRange Range { get; }

    internal BouncedMemory? Bounced { get; }
}
