namespace IommuKit.Lab.Conform;

/// <summary>A register or an answer that is not what was recorded.</summary>
/// <param name="Snapshot">The snapshot.</param>
/// <param name="Line">The line, or the name of the register.</param>
/// <param name="Expected">What was recorded.</param>
/// <param name="Seen">What it is here.</param>
/// <param name="Known">Why the recorder is known to be wrong, or null.</param>
internal sealed record ConformDifference(string Snapshot, string Line, string Expected, string Seen, string? Known);
