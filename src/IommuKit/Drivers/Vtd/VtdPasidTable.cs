using System.Numerics;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <summary>The PASID directory of a device and its tables, which are made when they are needed.</summary>
internal sealed class VtdPasidTable
{
    private const int DirectoryLog2 = VtdScalableContextEntry.MinPasidBits - VtdPasidDirectoryEntry.PasidsLog2 + 3;

    private readonly VtdStructures _memory;
    private readonly int _bytesLog2;
    private readonly HashSet<ulong> _tables = [];

    /// <summary>Makes a directory without tables.</summary>
    /// <param name="memory">Where it is.</param>
    /// <param name="pasids">How many PASIDs it is for.</param>
    /// <exception cref="IommuException">There is no memory (ENOMEM).</exception>
    public VtdPasidTable(VtdStructures memory, int pasids)
    {
        _memory = memory;
        int bits = pasids <= 1 ? 0 : BitOperations.Log2((uint)pasids - 1) + 1;
        Size = Math.Max(bits - VtdScalableContextEntry.MinPasidBits, 0);
        _bytesLog2 = DirectoryLog2 + Size;
        Directory = memory.Take(_bytesLog2);
    }

    /// <summary>Where the directory is.</summary>
    public ulong Directory { get; }

    /// <summary>PDTS of the context entry.</summary>
    public int Size { get; }

    /// <summary>PASIDs in use.</summary>
    public int Used { get; set; }

    /// <summary>Where the entry of a PASID is.</summary>
    /// <param name="pasid">The PASID.</param>
    /// <param name="isNew">Whether there was no table for it.</param>
    /// <exception cref="IommuException">There is no memory (ENOMEM).</exception>
    public ulong AddressOf(int pasid, out bool isNew)
    {
        ulong pointer = Directory + ((ulong)(uint)(pasid >> VtdPasidDirectoryEntry.PasidsLog2) * VtdPasidDirectoryEntry.Bytes);
        var entry = new VtdPasidDirectoryEntry(_memory.Load(pointer));
        ulong table = entry.Table;
        isNew = !entry.IsPresent;
        if (isNew)
        {
            table = _memory.Take();
            _tables.Add(table);
            _memory.Store(pointer, table | VtdPasidDirectoryEntry.Present);
        }

        return table + ((ulong)(uint)(pasid & ((1 << VtdPasidDirectoryEntry.PasidsLog2) - 1)) * VtdPasidEntry.Bytes);
    }

    /// <summary>Gives the memory back.</summary>
    public void Free()
    {
        foreach (ulong table in _tables)
        {
            _memory.Free(table);
        }

        _memory.Free(Directory, _bytesLog2);
    }
}
