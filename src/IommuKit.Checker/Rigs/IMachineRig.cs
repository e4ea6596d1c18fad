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

    /// <summary>The PASIDs that are looked at, one for each device; null for what they send without.</summary>
    IReadOnlyList<int>? Pasids { get; }
}
