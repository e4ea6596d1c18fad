using IommuKit.Models.Dma;

namespace IommuKit.Models.Smmu2;

/// <summary>The answer of an SMMU to a transaction.</summary>
/// <param name="Outcome">What becomes of it.</param>
/// <param name="Range">The range around the address that translates alike, if it is allowed.</param>
/// <param name="Bank">The context bank that it stalls in.</param>
public readonly record struct Smmu2Translation(Smmu2Outcome Outcome, Translation Range, int Bank = -1);
