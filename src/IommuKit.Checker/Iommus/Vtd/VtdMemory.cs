using System.Buffers.Binary;
using IommuKit.Models.Memory;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Memory as a unit reads it.</summary>
/// <param name="memory">The memory.</param>
internal sealed class VtdMemory(PhysicalMemory memory)
{
    /// <summary>A word; 0 where there is no memory.</summary>
    public ulong Read(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return memory.DeviceView.TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : 0;
    }
}
