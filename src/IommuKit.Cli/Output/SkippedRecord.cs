namespace IommuKit.Cli.Output;

/// <summary>Events that were skipped for one reason.</summary>
internal sealed record SkippedRecord(string Reason, long Count, long FirstLine, long LastLine);
