namespace IommuKit.Specs.Memory;

/// <summary>
/// The CPU's side of coherency: what a driver must do before a walker that does not snoop the CPU's caches sees its stores.
/// </summary>
public interface ICpuCache
{
    /// <summary>Bytes in one cache line, a power of two.</summary>
    int LineSize { get; }

    /// <summary>
    /// Starts writing every cache line that overlaps the bytes back to memory. The lines are there only after <see cref="Barrier"/>.
    /// </summary>
    void Clean(ulong physicalAddress, ulong length);

    /// <summary>Orders: all cleans and stores before it are visible to every observer before anything after it.</summary>
    void Barrier();
}
