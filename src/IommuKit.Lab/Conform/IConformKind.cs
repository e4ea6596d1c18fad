namespace IommuKit.Lab.Conform;

/// <summary>A kind of IOMMU that recorded boots can be compared with.</summary>
internal interface IConformKind
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Whether a snapshot is of such an IOMMU, by the registers that it has.</summary>
    bool Recognises(BootSnapshot snapshot);

    /// <summary>Makes a unit with cold caches in the state of a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="memory">Memory, which the unit may store to.</param>
    IConformUnit Load(BootSnapshot snapshot, BootMemory memory);

    /// <summary>
    /// Why the recorder's answer to a probe is known to be wrong: the answer is then judged by the architecture, which the text names; null if it
    /// is not.
    /// </summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="probe">The probe with the recorder's answer.</param>
    /// <param name="seen">The unit's answer.</param>
    string? KnownDeviation(BootSnapshot snapshot, BootProbe probe, ProbeAnswer seen);

    /// <summary>Sets our driver up as the one of a recorded kernel; null if there is none to compare with.</summary>
    /// <param name="kernel">The release of the kernel, or empty.</param>
    /// <param name="snapshot">
    /// The first snapshot of the boot, for what the unit can do and how it was set up. Its memory changes after the call.
    /// </param>
    IConformDriver? Drive(string kernel, BootSnapshot snapshot) => null;
}
