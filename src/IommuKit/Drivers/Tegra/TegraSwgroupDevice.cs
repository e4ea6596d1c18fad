using IommuKit.Domains;
using IommuKit.Specs.Tegra;

namespace IommuKit.Drivers.Tegra;

/// <summary>The devices of one swgroup: they share an address space because one register selects it for all of them.</summary>
public sealed class TegraSwgroupDevice : IommuDevice
{
    internal TegraSwgroupDevice(TegraSmmuDriver driver, TegraSwgroup swgroup, TegraClient[] clients)
        : base(driver, swgroup.Name)
    {
        Swgroup = swgroup;
        Clients = clients;
    }

    /// <summary>The group.</summary>
    public TegraSwgroup Swgroup { get; }

    /// <summary>Its memory clients. Some groups have a register but no known client.</summary>
    public IReadOnlyList<TegraClient> Clients { get; }
}
