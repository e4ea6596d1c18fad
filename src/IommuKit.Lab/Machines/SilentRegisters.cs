using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>Registers and a cache that take everything and do nothing.</summary>
internal sealed class SilentRegisters : IMmio, ICpuCache
{
    public int LineSize => 64;

    public uint Read32(uint offset) => 0;

    public void Write32(uint offset, uint value)
    {
        // Nothing is there to change.
    }

    public void Clean(ulong physicalAddress, ulong length)
    {
        // Nothing is there to change.
    }

    public void Barrier()
    {
        // Nothing is there to order.
    }
}
