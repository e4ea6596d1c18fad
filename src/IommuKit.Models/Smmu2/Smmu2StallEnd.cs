namespace IommuKit.Models.Smmu2;

/// <summary>A stall that software has ended.</summary>
/// <param name="Bank">The context bank.</param>
/// <param name="Request">The transaction that stalled.</param>
/// <param name="Outcome">
/// What becomes of it: <see cref="Smmu2Outcome.Retry"/>, <see cref="Smmu2Outcome.Abort"/> or <see cref="Smmu2Outcome.Ignored"/>.
/// </param>
public readonly record struct Smmu2StallEnd(int Bank, Smmu2Request Request, Smmu2Outcome Outcome);
