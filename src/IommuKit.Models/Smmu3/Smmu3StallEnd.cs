namespace IommuKit.Models.Smmu3;

/// <summary>The end of a stall.</summary>
/// <param name="Tag">Which one.</param>
/// <param name="Request">The transaction.</param>
/// <param name="Outcome">
/// <see cref="Smmu3Outcome.Retry"/> if it is to be translated once more, as if it had just arrived; otherwise how it ends.
/// </param>
public readonly record struct Smmu3StallEnd(ushort Tag, Smmu3Request Request, Smmu3Outcome Outcome);
