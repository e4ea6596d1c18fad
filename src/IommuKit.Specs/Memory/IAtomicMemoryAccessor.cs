namespace IommuKit.Specs.Memory;

/// <summary>
/// Memory in which hardware can change an entry of a page table in one step, as it does to set accessed and dirty bits while software may change the
/// same entry.
/// </summary>
public interface IAtomicMemoryAccessor : IMemoryAccessor
{
    /// <summary>Stores eight bytes, little-endian, if they are what is expected.</summary>
    /// <param name="physicalAddress">Where; a multiple of 8.</param>
    /// <param name="expected">What must be there.</param>
    /// <param name="value">What to store.</param>
    /// <param name="seen">What was there.</param>
    /// <returns>False where nothing answers at the address.</returns>
    bool TryCompareExchange(ulong physicalAddress, ulong expected, ulong value, out ulong seen);
}
