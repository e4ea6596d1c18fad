using System.Runtime.CompilerServices;

namespace IommuKit.Dma;

/// <summary>Nodes by index, which never move. Index 0 stands for none. Only the holder of the space's lock makes some; anybody may read them.</summary>
internal sealed class RangeNodes
{
    private const int ChunkBits = 12;
    private const int ChunkMask = (1 << ChunkBits) - 1;
    private const int MostChunks = 1 << 14;

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
    public bool Has(int index) => index > 0 && index < Volatile.Read(ref _count);

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

        index = _count;
        Volatile.Write(ref _count, index + 1);
        return index;
    }

    /// <summary>Gives one back.</summary>
    public void Return(int index)
    {
        this[index].Left = _unused;
        _unused = index;
    }
}
