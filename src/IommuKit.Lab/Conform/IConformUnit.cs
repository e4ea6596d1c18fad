namespace IommuKit.Lab.Conform;

/// <summary>An IOMMU that was brought into the state of a snapshot.</summary>
internal interface IConformUnit
{
    /// <summary>Reads a register.</summary>
    /// <param name="offset">Its offset.</param>
    /// <param name="size">Its bytes, 4 or 8.</param>
    ulong ReadRegister(uint offset, int size);

    /// <summary>Makes an access, and removes what it left in fault records.</summary>
    ProbeAnswer Answer(BootProbe probe);
}
