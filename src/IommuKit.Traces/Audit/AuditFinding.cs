namespace IommuKit.Traces.Audit;

/// <summary>Something that a trace shows to be dangerous or wasted.</summary>
/// <param name="Id">Its name, which does not change.</param>
/// <param name="Count">How often.</param>
/// <param name="FirstLine">The line of the first.</param>
/// <param name="Cost">What it costs, in <paramref name="CostUnit"/>: counted in the trace, no time.</param>
/// <param name="CostUnit">What the cost counts.</param>
/// <param name="Meaning">What it means.</param>
/// <param name="Limit">Why it may be less, or nothing, here; null if the trace leaves no doubt.</param>
/// <param name="Details">Further counts.</param>
public sealed record AuditFinding(
    string Id, long Count, long FirstLine, long Cost, string CostUnit, string Meaning, string? Limit, IReadOnlyDictionary<string, long> Details);
