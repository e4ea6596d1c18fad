namespace IommuKit.Lab.Conform;

/// <summary>A map or an unmap of the recorded kernel, and the commands that its driver issued for it.</summary>
/// <param name="IsMap">Whether it maps.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="Size">Bytes.</param>
/// <param name="PhysicalAddress">What was mapped to; 0 for an unmap.</param>
/// <param name="IsGathered">Whether the commands of the unmap before are for this one too.</param>
/// <param name="Section">The step of the recording.</param>
/// <param name="LineNumber">Where it stands in its file.</param>
/// <param name="Commands">The commands, as they are written there.</param>
internal sealed record BootEvent(
    bool IsMap, ulong Iova, ulong Size, ulong PhysicalAddress, bool IsGathered, string Section, int LineNumber, IReadOnlyList<string> Commands)
{
    private static readonly string[] Moves = ["bind", "gtype", "open", "close", "remove", "rescan"];

    /// <summary>Whether a group of devices was set to another type of domain in a step before, so that those at the end need not hold yet.</summary>
    public bool IsAfterTypeChange { get; init; }

    /// <summary>Whether devices come or go in its step: as the kernel boots, before the first step, and where drivers or groups change.</summary>
    public bool IsWhereDevicesMove => Section.Split(' ') is not [_, var step, ..] || Moves.Contains(step, StringComparer.Ordinal);
}
