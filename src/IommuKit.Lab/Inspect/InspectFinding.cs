namespace IommuKit.Lab.Inspect;

/// <summary>Something that a rule says of a state.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="IsWrong">Whether it is broken; if not, something that may be meant so is told.</param>
/// <param name="What">What is so, in a sentence without its end.</param>
internal sealed record InspectFinding(InspectRule Rule, bool IsWrong, string What);
