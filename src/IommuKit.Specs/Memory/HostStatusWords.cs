using System.Runtime.InteropServices;

namespace IommuKit.Specs.Memory;

/// <summary>Status words in memory that the CPU sees directly.</summary>
/// <param name="memory">The CPU's view of that memory.</param>
public sealed class HostStatusWords(HostMemory memory) : IStatusWords
{
    /// <inheritdoc/>
    public bool HasReached(ulong physicalAddress, uint value)
    {
        uint seen = Volatile.Read(ref MemoryMarshal.AsRef<uint>(memory.Span(physicalAddress, sizeof(uint))));
        return (int)(seen - value) >= 0;
    }
}
