using IommuKit.Specs.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <summary>A CPU cache with the chipset's write buffer behind it, which is flushed with each barrier (CAP.RWBF).</summary>
/// <param name="cache">The cache.</param>
/// <param name="isSnooped">Whether lines need no clean, so that only the buffer is between the CPU and the walker.</param>
/// <param name="commands">The unit's global commands.</param>
internal sealed class WriteBufferCache(ICpuCache cache, bool isSnooped, VtdGlobalCommands commands) : ICpuCache
{
    public int LineSize => cache.LineSize;

    public void Clean(ulong physicalAddress, ulong length)
    {
        if (!isSnooped)
        {
            cache.Clean(physicalAddress, length);
        }
    }

    public void Barrier()
    {
        cache.Barrier();
        commands.Set(VtdRegister.GlobalBits.WriteBufferFlush);
    }
}
