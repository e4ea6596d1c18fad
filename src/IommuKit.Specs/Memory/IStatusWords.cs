namespace IommuKit.Specs.Memory;

/// <summary>
/// Words of memory that hardware stores to tell how far it is, as a driver looks at them: beside the read of a register and an interrupt, the way to
/// learn that a queue in memory was worked off.
/// </summary>
public interface IStatusWords
{
    /// <summary>
    /// Whether hardware has stored a number, or a later one: numbers go up and wrap around, so that later is less than 2^31 more.
    /// </summary>
    /// <param name="physicalAddress">Where the word is, a multiple of 4.</param>
    /// <param name="value">The number.</param>
    bool HasReached(ulong physicalAddress, uint value);
}
