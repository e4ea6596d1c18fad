namespace IommuKit.Domains;

/// <summary>A device behind an IOMMU, or a group of devices that the IOMMU cannot tell apart.</summary>
/// <remarks>Drivers derive from it what they need to know of their devices.</remarks>
public abstract class IommuDevice
{
    // By PASID; what has none is under -1.
    private readonly Dictionary<int, IommuDomain> _domains = [];

    /// <summary>Makes a device.</summary>
    /// <param name="driver">The driver of the IOMMU in front of it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="pasids">How many PASIDs it has, 0 if none: they are numbered from 0 on.</param>
    protected IommuDevice(IommuDriver driver, string name, int pasids = 0)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentOutOfRangeException.ThrowIfNegative(pasids);
        Driver = driver;
        Name = name;
        Pasids = pasids;
    }

    /// <summary>The driver of the IOMMU in front of it.</summary>
    public IommuDriver Driver { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>How many PASIDs it has, 0 if none.</summary>
    public int Pasids { get; }

    /// <summary>The domain of what it sends without a PASID; null if it is in none, and the hardware does with that as it is built.</summary>
    public IommuDomain? Domain => DomainOf(IommuDomain.NoPasid);

    /// <summary>The domain of what it sends with a PASID; null if there is none.</summary>
    public IommuDomain? DomainOf(int pasid)
    {
        lock (_domains)
        {
            return _domains.GetValueOrDefault(pasid);
        }
    }

    /// <summary>Notes a change that the driver has made.</summary>
    internal void SetDomain(int pasid, IommuDomain? domain)
    {
        lock (_domains)
        {
            if (domain is null)
            {
                _domains.Remove(pasid);
            }
            else
            {
                _domains[pasid] = domain;
            }
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
