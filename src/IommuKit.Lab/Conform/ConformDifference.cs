namespace IommuKit.Lab.Conform;

/// <summary>A register, an answer, or the commands for a map or unmap, that are not what was recorded.</summary>
/// <param name="Snapshot">The snapshot; of commands, the step.</param>
/// <param name="Line">The line, or the name of the register; of commands, the map or unmap.</param>
/// <param name="Expected">What was recorded.</param>
/// <param name="Seen">What it is here.</param>
/// <param name="Known">Why the recorder is known to be wrong, or why commands are meant to differ; or null.</param>
internal sealed record ConformDifference(string Snapshot, string Line, string Expected, string Seen, string? Known);
