namespace IommuKit.Lab.Inspect;

/// <summary>A kind of IOMMU whose state can be looked at.</summary>
internal interface IInspectKind
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Whether registers are of such an IOMMU.</summary>
    bool Recognises(InspectInput input);

    /// <summary>Reads what is configured, and says what rules find that only such an IOMMU's registers and entries tell.</summary>
    void Read(InspectInput input, InspectBuilder builder);
}
