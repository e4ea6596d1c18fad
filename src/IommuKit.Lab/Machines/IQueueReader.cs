namespace IommuKit.Lab.Machines;

/// <summary>
/// Reads the queues in memory by which a driver gives commands to its hardware, so that a meter can count what a doorbell hands over.
/// </summary>
public interface IQueueReader
{
    /// <summary>The commands so far by kind and by the pages that they name; null where nobody counts them.</summary>
    CommandTally? Commands => null;

    /// <summary>
    /// A register was written that sets something up, or is a doorbell: counts the commands that this hands over, by <see cref="Meter.Count"/>. They
    /// are in memory by now, and nothing has worked them off. Drivers do this under the lock of their queue: one call at a time.
    /// </summary>
    /// <param name="offset">The register.</param>
    /// <param name="value">What was written.</param>
    /// <param name="meter">The meter.</param>
    void Written(uint offset, ulong value, Meter meter);

    /// <summary>
    /// What a register by which hardware tells how far it is says when it has worked off everything: what a driver sees of which the look is left out.
    /// </summary>
    /// <param name="offset">The register.</param>
    /// <returns>Null for a register that does not tell that.</returns>
    uint? WhenDone(uint offset) => null;
}
