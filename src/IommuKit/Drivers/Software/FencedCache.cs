using IommuKit.Specs.Memory;

namespace IommuKit.Drivers.Software;

/// <summary>The caller's fence, with the caller's cache before it if the walker does not snoop.</summary>
internal sealed class FencedCache(ICpuCache? cache, Action fence) : ICpuCache
{
    public int LineSize => cache?.LineSize ?? 64;

    public void Clean(ulong physicalAddress, ulong length) => cache?.Clean(physicalAddress, length);

    public void Barrier()
    {
        cache?.Barrier();
        fence();
    }
}
