using IommuKit.Models.Dma;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <summary>The answer of a VT-d unit to a request.</summary>
/// <param name="Outcome">What becomes of it.</param>
/// <param name="Range">The range around the address that translates alike, if it is allowed.</param>
/// <param name="Reason">Why it was stopped, if it is a fault; also why a translation request is told that nothing is allowed.</param>
public readonly record struct VtdTranslation(VtdOutcome Outcome, Translation Range, VtdFaultReason Reason = VtdFaultReason.None)
{
    internal static VtdTranslation Blocked => new(VtdOutcome.Blocked, Translation.Fault);

    internal static VtdTranslation Interrupt => new(VtdOutcome.Interrupt, Translation.Fault);
}
