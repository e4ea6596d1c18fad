namespace IommuKit.Domains;

/// <summary>A device behind an IOMMU, or a group of devices that the IOMMU cannot tell apart.</summary>
/// <remarks>Drivers make them; others cannot derive from this class.</remarks>
public abstract class IommuDevice
{
    /// <summary>Makes a device.</summary>
    private protected IommuDevice(IommuDriver driver, string name)
    {
        Driver = driver;
        Name = name;
    }

    /// <summary>The driver of the IOMMU in front of it.</summary>
    public IommuDriver Driver { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The domain it is attached to, or null.</summary>
    public IommuDomain? Domain { get; internal set; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
