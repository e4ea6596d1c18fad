using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Shadow;

/// <summary>
/// Reads what a driver tells the hardware, as the architecture defines it: the one part of the checker that each IOMMU has of its own. It sees the
/// accesses in the order in which they take effect.
/// </summary>
/// <remarks>
/// An access may be many commands: a doorbell publishes all that is in a queue. What it adds takes effect at any time from then on, in that order,
/// and has done so at the latest at the next <see cref="ShadowCommandKind.Complete"/>: a read-back, or a wait command that the hardware has answered.
/// </remarks>
public interface ICommandDecoder
{
    /// <summary>
    /// Where structures lie in memory, beside page tables, that steer translation: device tables, context entries, queues. Asked again after each
    /// access, as registers say where they are. They consist of words of 8 bytes at multiples of 8, and are looked at as memory holds them.
    /// </summary>
    IReadOnlyList<TrackedRange> Structures => [];

    /// <summary>Decodes an access of a register, or an invalidation of a walker in software.</summary>
    /// <param name="access">The access.</param>
    /// <param name="commands">Receives what it does; nothing, if it does nothing that matters here.</param>
    void Decode(in MaintenanceStep access, ShadowCommands commands);

    /// <summary>Decodes a store to one of the <see cref="Structures"/>, or what was there when it became one.</summary>
    /// <param name="address">Physical address of the word.</param>
    /// <param name="before">What it held; 0 if nobody knows.</param>
    /// <param name="after">What it holds.</param>
    /// <param name="commands">Receives what it does. A store to a queue does nothing before its doorbell is rung.</param>
    void Stored(ulong address, ulong before, ulong after, ShadowCommands commands)
    {
    }
}
