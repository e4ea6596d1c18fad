namespace IommuKit.Lab.Replay;

/// <summary>Events that were not replayed for one reason.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Count">How many.</param>
/// <param name="FirstLine">Line of the first.</param>
/// <param name="LastLine">Line of the last.</param>
public sealed record SkippedEvents(SkipReason Reason, long Count, long FirstLine, long LastLine);
