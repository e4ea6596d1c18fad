using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>
/// Registers and a cache that take everything and do nothing. What sets hardware up reaches them, so that a derived class can answer a driver that
/// waits for it.
/// </summary>
public class SilentRegisters : IMmio, ICpuCache, IStatusWords
{
    /// <inheritdoc/>
    public int LineSize => 64;

    /// <inheritdoc/>
    public virtual uint Read32(uint offset) => 0;

    /// <inheritdoc/>
    public virtual void Write32(uint offset, uint value)
    {
        // Nothing is there to change.
    }

    /// <inheritdoc/>
    public void Clean(ulong physicalAddress, ulong length)
    {
        // Nothing is there to change.
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        // Nothing is there to order.
    }

    /// <summary>Whatever hardware is to do, it counts as done.</summary>
    public bool HasReached(ulong physicalAddress, uint value) => true;
}
