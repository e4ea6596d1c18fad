namespace IommuKit.Lab.Conform;

/// <summary>An access of a device that was made on a snapshot, and what the recorder answered.</summary>
/// <param name="Source">The device.</param>
/// <param name="Iova">The address.</param>
/// <param name="IsWrite">Whether it wrote.</param>
/// <param name="Answer">The answer.</param>
/// <param name="IsDisputed">Whether the walker that was recorded beside the recorder, or the architecture by its word, says something else.</param>
/// <param name="LineNumber">Where it stands in its file.</param>
/// <param name="Text">The line.</param>
internal sealed record BootProbe(uint Source, ulong Iova, bool IsWrite, ProbeAnswer Answer, bool IsDisputed, int LineNumber, string Text);
