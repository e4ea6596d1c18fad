using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Rigs;

/// <summary>A rig with a machine in it, whatever the format of its tables.</summary>
internal interface IMachineRig
{
    /// <summary>The machine.</summary>
    Machine Machine { get; }

    /// <summary>The devices that are looked at.</summary>
    IReadOnlyList<IommuDevice> Devices { get; }
}
