namespace IommuKit.Dma;

/// <summary>
/// IOVAs that an <see cref="IovaAllocator"/> handed out. It knows its size, so that it cannot be given back with another, and it can be given back
/// once.
/// </summary>
public readonly struct IovaRange : IEquatable<IovaRange>
{
    internal IovaRange(ulong iova, ulong size, int node, int generation)
    {
        Iova = iova;
        Size = size;
        Node = node;
        Generation = generation;
    }

    /// <summary>The first IOVA; 0, which is never handed out, if there is none.</summary>
    public ulong Iova { get; }

    /// <summary>Bytes that may be mapped: what was asked for, in whole granules.</summary>
    public ulong Size { get; }

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => Size == 0;

    internal int Node { get; }

    internal int Generation { get; }

    /// <summary>Whether two are the same.</summary>
    public static bool operator ==(IovaRange left, IovaRange right) => left.Equals(right);

    /// <summary>Whether two are not the same.</summary>
    public static bool operator !=(IovaRange left, IovaRange right) => !left.Equals(right);

    /// <inheritdoc/>
    public bool Equals(IovaRange other) => Iova == other.Iova && Size == other.Size && Node == other.Node && Generation == other.Generation;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is IovaRange other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Iova, Size, Generation);
}
