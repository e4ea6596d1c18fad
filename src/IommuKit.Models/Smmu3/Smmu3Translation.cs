using IommuKit.Models.Dma;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <summary>The answer of an SMMUv3 to a transaction.</summary>
/// <param name="Outcome">What becomes of it.</param>
/// <param name="Range">The range around the address that translates alike, if it is allowed.</param>
/// <param name="Event">Why it is not allowed, whether that was recorded or not; also why a translation request is told that nothing is
/// allowed.</param>
/// <param name="StallTag">Which stall it is, if it stalls.</param>
public readonly record struct Smmu3Translation(
    Smmu3Outcome Outcome, Translation Range, Smmu3EventType Event = Smmu3EventType.None, ushort StallTag = 0);
