namespace IommuKit.Linux.Vfio;

/// <summary>Kinds of interrupts of a PCI device, as VFIO numbers them.</summary>
public enum VfioInterruptKind
{
    /// <summary>The pin. The kernel masks it when it comes, until <see cref="VfioInterrupts.Unmask"/>.</summary>
    Pin,

    /// <summary>Messages, up to 32.</summary>
    Msi,

    /// <summary>Messages, up to 2,048.</summary>
    MsiX,

    /// <summary>The device reports an error.</summary>
    Error,

    /// <summary>The kernel wants the device back.</summary>
    Request,
}
