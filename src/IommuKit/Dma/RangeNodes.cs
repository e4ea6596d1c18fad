using System.Runtime.CompilerServices;

namespace IommuKit.Dma;

/// <summary>Nodes by index, which never move. Index 0 stands for none. Only the holder of the space's lock makes some; anybody may read them.</summary>
internal sealed class RangeNodes
{
    /// <summary>The node that is made first.</summary>
    public const int First = Stride;

    private const int ChunkBits = 12;
    private const int ChunkMask = (1 << ChunkBits) - 1;
    private const int MostChunks = 1 << 14;

    // Nodes that are made one after the other often belong to two threads, which would take a cache line from each other: so they lie apart. Odd, so that
    // every node of a chunk has its turn.
    private const int Stride = 67;

    private readonly RangeNode[]?[] _chunks = new RangeNode[MostChunks][];
    private int _count;
    private int _unused;

    public RangeNodes()
    {
        // None: it has no height, and no handle fits it.
        _chunks[0] = new RangeNode[1 << ChunkBits];
        _chunks[0]![0].Generation = -1;
        _chunks[0]![0].MostOrder = -1;
        _count = 1;
    }

    /// <summary>Bytes that the nodes take.</summary>
    public long Bytes { get; private set; } = (long)(1 << ChunkBits) * Unsafe.SizeOf<RangeNode>();

    /// <summary>A node.</summary>
    public ref RangeNode this[int index] => ref _chunks[index >> ChunkBits]![index & ChunkMask];

    /// <summary>Whether there can be such a node.</summary>
    public bool Has(int index) => index > 0 && index >> ChunkBits < MostChunks && Volatile.Read(ref _chunks[index >> ChunkBits]) is not null;

    /// <summary>Sees to it that some nodes can be taken without fail.</summary>
    /// <returns>False if there are as many as there can be.</returns>
    public bool TryPrepare(int nodes)
    {
        for (int left = nodes, unused = _unused; left > 0; left--)
        {
            if (unused != 0)
            {
                unused = this[unused].Left;
                continue;
            }

            if (_count + left > MostChunks << ChunkBits)
            {
                return false;
            }

            int chunk = (_count + left - 1) >> ChunkBits;
            if (_chunks[chunk] is null)
            {
                Bytes += (long)(1 << ChunkBits) * Unsafe.SizeOf<RangeNode>();
                Volatile.Write(ref _chunks[chunk], new RangeNode[1 << ChunkBits]);
            }

            return true;
        }

        return true;
    }

    /// <summary>Takes one of the nodes that were prepared.</summary>
    public int Take()
    {
        int index = _unused;
        if (index != 0)
        {
            _unused = this[index].Left;
            return index;
        }

        int number = _count++;
        return (number & ~ChunkMask) | ((number * Stride) & ChunkMask);
    }

    /// <summary>Gives one back.</summary>
    public void Return(int index)
    {
        this[index].Left = _unused;
        _unused = index;
    }
}
