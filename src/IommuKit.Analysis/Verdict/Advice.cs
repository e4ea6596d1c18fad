namespace IommuKit.Analysis.Verdict;

/// <summary>Something worth trying.</summary>
/// <param name="Id">Its name, which does not change.</param>
/// <param name="Change">What to change.</param>
/// <param name="Condition">When it is safe; null if nothing depends on it.</param>
public sealed record Advice(string Id, string Change, string? Condition);
