using System.Globalization;
using System.Text;
using IommuKit.Traces.Faults;

namespace IommuKit.Traces.Tests.Faults;

/// <summary>Writes a small trace and a log, line by line; a millisecond passes from one line of the trace to the next.</summary>
public abstract class FaultScript
{
    private int _milliseconds;

    private protected StringBuilder TraceText { get; } = new();

    private protected StringBuilder LogText { get; } = new();

    protected static string Message(string device, ulong iova) =>
        $"DMAR: [DMA Write NO_PASID] Request device [{device}] fault addr 0x{iova:x} [fault reason 0x05] PTE Write access is not set";

    protected void Map(ulong iova, ulong pages, string task = "a-1") =>
        Line($"map: IOMMU: iova=0x{iova:x} - 0x{iova + (pages << 12):x} paddr=0x1000 size={pages << 12}", task);

    protected void Unmap(ulong iova, ulong pages, string task = "a-1") =>
        Line($"unmap: IOMMU: iova=0x{iova:x} - 0x{iova + (pages << 12):x} size={pages << 12} unmapped_size={pages << 12}", task);

    protected void Console(string message) => Line($"console: {message}");

    protected void Both(string message, double logOffset)
    {
        Console(message);
        LogText.Append(CultureInfo.InvariantCulture, $"[{Time() + logOffset:0.000000}] {message}\n");
    }

    protected void Line(string text, string task = "a-1")
    {
        Wait(1);
        TraceText.Append(CultureInfo.InvariantCulture, $"{task} [000] ..... {Time():0.000000}: {text}\n");
    }

    protected double Time() => 1 + (_milliseconds / 1000.0);

    protected void Wait(int milliseconds) => _milliseconds += milliseconds;

    protected IReadOnlyList<ExplainedFault> Explain() => FaultCapture.ExplainText(LogText.ToString(), TraceText.ToString()).Faults;
}
