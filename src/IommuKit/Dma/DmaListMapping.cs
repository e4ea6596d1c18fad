namespace IommuKit.Dma;

/// <summary>A scatter list that a <see cref="DmaMapper"/> mapped: one range of IOVAs, and how the device sees it.</summary>
public readonly record struct DmaListMapping
{
    internal DmaListMapping(IovaRange range, int segments, DmaDirection direction, DmaAttributes attributes)
    {
        Range = range;
        Segments = segments;
        Direction = direction;
        Attributes = attributes;
    }

    /// <summary>How many of the caller's segments are filled in.</summary>
    public int Segments { get; }

    /// <summary>Which way data goes.</summary>
    public DmaDirection Direction { get; }

    /// <summary>What is special.</summary>
    public DmaAttributes Attributes { get; }

    /// <summary>The IOVAs that it takes, in whole granules.</summary>
    public IovaRange Range { get; }
}
