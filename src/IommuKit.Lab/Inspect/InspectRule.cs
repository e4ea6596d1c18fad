namespace IommuKit.Lab.Inspect;

/// <summary>A rule of the state in which an IOMMU is to be when it is handed over, as from firmware to an operating system.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Reason">Why it is one.</param>
internal sealed record InspectRule(string Name, string Reason)
{
    /// <summary>Translation is on.</summary>
    public static InspectRule Enabled { get; } = new("enabled", "while translation is off, tables protect nothing, whatever they say");

    /// <summary>The command queue is on.</summary>
    public static InspectRule Commands { get; } = new("commands", "without its queue of commands nothing that hardware remembers can be invalidated");

    /// <summary>Faults are reported.</summary>
    public static InspectRule Events { get; } = new("events", "a refused access that nobody is told of is an attack, or a defect, that nobody sees");

    /// <summary>Tables are where registers and entries say.</summary>
    public static InspectRule Tables { get; } = new("tables", "hardware goes by what is at these addresses, whatever that is");

    /// <summary>A stream is configured once.</summary>
    public static InspectRule Streams { get; } = new("streams", "what two entries match at once goes by either of them, or faults");

    /// <summary>No error is pending.</summary>
    public static InspectRule Errors { get; } = new("errors", "an error that nobody acknowledged stops a queue, or hides the next one");

    /// <summary>Nothing passes by.</summary>
    public static InspectRule Bypass { get; } = new("bypass", "a device that is not translated reaches all memory, also what steers the IOMMU");

    /// <summary>What steers the IOMMU is out of reach.</summary>
    public static InspectRule Reach { get; } = new("reach", "a device that can write tables or queues of the IOMMU gives itself the rest of memory");

    /// <summary>Reserved memory is out of reach.</summary>
    public static InspectRule Reserved { get; } = new("reserved", "memory that is reserved is in use by somebody who does not expect devices there");

    /// <summary>All of them, in the order of a report.</summary>
    public static IReadOnlyList<InspectRule> All { get; } = [Enabled, Commands, Events, Tables, Streams, Errors, Bypass, Reach, Reserved];
}
