using System.Runtime.InteropServices;

namespace IommuKit.Models.Caches;

/// <summary>An entry of a <see cref="HardwareCache"/>: found by its key within a space, and four words that it holds.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CacheEntry
{
    /// <summary>Its key, for example a page number.</summary>
    public ulong Key;

    /// <summary>Its space: whose it is, and <see cref="HardwareCache.Valid"/>.</summary>
    public ulong Space;

    /// <summary>The bits of the space that count when it is looked for. A global translation leaves out those of the address space.</summary>
    public ulong Mask;

    public ulong A;
    public ulong B;
    public ulong C;
    public ulong D;
}
