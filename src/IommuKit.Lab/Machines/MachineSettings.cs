using IommuKit.Models.Memory;

namespace IommuKit.Lab.Machines;

/// <summary>How a machine is to be.</summary>
public sealed record MachineSettings
{
    /// <summary>What is tuned about the driver: values of <see cref="IommuKind.Tuning"/>.</summary>
    public TuningValues Tuning { get; init; } = TuningValues.None;

    /// <summary>Whether superpages are used where Linux does not.</summary>
    public bool UsesSuperpages { get; init; }

    /// <summary>Whether the driver has a range flush.</summary>
    public bool HasRangeFlush { get; init; } = true;

    /// <summary>
    /// Whether the hardware is modelled. Without it the driver runs against registers that do nothing, for what only needs the counts, and memory is
    /// no larger than the tables need. With it memory is all that the hardware can address.
    /// </summary>
    public bool HasModel { get; init; } = true;

    /// <summary>Whether accesses to the hardware are counted, and can be left out.</summary>
    public bool HasMeter { get; init; } = true;

    /// <summary>Whether several threads may use the machine at once. Without it accesses are counted faster.</summary>
    public bool IsShared { get; init; } = true;

    /// <summary>Whether register writes take effect at once rather than at a read-back.</summary>
    public bool HasImmediateWrites { get; init; }

    /// <summary>Bytes of memory for page tables.</summary>
    public ulong TablePool { get; init; } = 32 << 20;

    /// <summary>The physical address where they are.</summary>
    public ulong TablePoolStart { get; init; }

    /// <summary>Memory to use, which becomes the machine's own; null for new, zeroed memory.</summary>
    public PhysicalMemory? Memory { get; init; }

    /// <summary>Given the memory before the driver is there; or null.</summary>
    public Action<PhysicalMemory>? Prepare { get; init; }
}
