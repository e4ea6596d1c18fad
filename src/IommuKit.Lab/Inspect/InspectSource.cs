using System.Globalization;

namespace IommuKit.Lab.Inspect;

/// <summary>What is configured for a device, or for one of its PASIDs.</summary>
/// <param name="Name">The device: a StreamID, or bus, device and function.</param>
/// <param name="Pasid">The PASID; null for what comes without.</param>
/// <param name="State">What becomes of its accesses.</param>
/// <param name="Kind">How, by the words of the architecture.</param>
/// <param name="Space">The tag of its address space: ASID, VMID or domain id; null if it has none.</param>
/// <param name="Table">Its page table; null if it has none.</param>
internal sealed record InspectSource(string Name, int? Pasid, InspectState State, string Kind, int? Space, InspectTable? Table)
{
    /// <summary>What the page table maps; null if it was not read.</summary>
    public InspectedTable? Contents { get; init; }

    /// <summary>The device, and the PASID if it is of one.</summary>
    public string FullName => Pasid is { } pasid ? string.Create(CultureInfo.InvariantCulture, $"{Name} PASID {pasid}") : Name;
}
