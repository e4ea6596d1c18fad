namespace IommuKit.Drivers.Smmu2;

/// <summary>Which stage of an SMMUv2 translates for the domains of a driver.</summary>
public enum Smmu2Stage
{
    /// <summary>Stage 1 if there is one, otherwise stage 2, as Linux chooses for DMA.</summary>
    Any,

    /// <summary>Stage 1: address spaces have ASIDs.</summary>
    Stage1,

    /// <summary>Stage 2: address spaces have VMIDs.</summary>
    Stage2,
}
