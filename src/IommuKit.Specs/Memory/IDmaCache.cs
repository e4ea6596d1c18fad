namespace IommuKit.Specs.Memory;

/// <summary>The CPU's cache where devices that write memory do not snoop it either.</summary>
public interface IDmaCache : ICpuCache
{
    /// <summary>
    /// Drops every cache line that overlaps the bytes, so that the CPU sees what devices wrote. What the CPU itself stored in these lines and did not
    /// clean is lost.
    /// </summary>
    void Invalidate(ulong physicalAddress, ulong length);
}
