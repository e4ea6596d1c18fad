namespace IommuKit.Lab.Machines;

/// <summary>How a machine is to be.</summary>
public sealed record MachineSettings
{
    /// <summary>Bytes of IOVA from one TLB group flush to the next; 0 means what the hardware most likely has.</summary>
    public int TlbStep { get; init; }

    /// <summary>From how many group flushes in a section on one section flush replaces them; 0 means never.</summary>
    public int SectionThreshold { get; init; }

    /// <summary>From how many TLB flushes on one flush of the address space replaces them; 0 means never.</summary>
    public int AsidThreshold { get; init; }

    /// <summary>Whether superpages are used where Linux does not.</summary>
    public bool UsesSections { get; init; }

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
}
