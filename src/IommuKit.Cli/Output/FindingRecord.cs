using IommuKit.Checker;

namespace IommuKit.Cli.Output;

/// <summary>A wrong answer that the checker found, as JSON and CSV have it.</summary>
/// <param name="finding">The finding.</param>
internal sealed class FindingRecord(CheckFinding finding)
{
    public string Iommu => finding.Case.Configuration.Target.Name;

    public string Policy => finding.Case.Configuration.Policy.ToString();

    public string Release => finding.Case.Configuration.Release.ToString();

    public string? Planted => finding.Case.Bug?.Name;

    public string Verdict => Names.Of(finding.Verdict);

    public string Cause => finding.Cause;

    public string Source => Names.Of(finding.Violation.Source);

    public string Scenario => finding.Case.Text;

    public long Access => finding.Violation.Step;

    public string Iova => $"0x{finding.Violation.Iova:x}";

    public string MayAnswer => Answer(finding.Violation.Answer);

    public string Promised => Answer(finding.Violation.Promised);

    public IReadOnlyList<string> History => finding.History;

    public bool Confirmed => finding.IsConfirmed;

    public IReadOnlyList<string> Events => finding.Demonstration?.Events ?? [];

    public string? Dma => finding.Demonstration is { } dma
        ? $"{(dma.IsWrite ? "write" : "read")} of 0x{dma.Iova:x} {(dma.PhysicalAddress is { } address ? $"reaches 0x{address:x}" : "is refused")}"
        : null;

    public string Again => CheckTable.CommandFor(finding);

    /// <summary>A packed translation in words.</summary>
    public static string Answer(ulong packed) => packed switch
    {
        0 => "fault",
        ulong.MaxValue => "unknown",
        _ => $"0x{packed & ~3ul:x}{((packed & 1) != 0 ? " r" : " -")}{((packed & 2) != 0 ? "w" : "-")}",
    };
}
