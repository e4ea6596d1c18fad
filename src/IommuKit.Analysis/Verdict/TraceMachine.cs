using System.Globalization;
using System.Text;
using IommuKit.Traces;

namespace IommuKit.Analysis.Verdict;

/// <summary>What a trace says of the machine it comes from: by its heading, and by what the kernel printed if that was recorded too.</summary>
internal sealed class TraceMachine
{
    private const int MaxText = 120;
    private const int DayLength = 10;

    private static readonly (string Prefix, string Kind)[] Drivers =
    [
        ("DMAR: ", "VT-d"),
        ("AMD-Vi: ", "AMD-Vi"),
        ("arm-smmu-v3 ", "SMMUv3"),
        ("arm-smmu ", "SMMUv2"),
        ("virtio_iommu ", "virtio-iommu"),
        ("tegra-smmu", "Tegra SMMU"),
    ];

    private static ReadOnlySpan<byte> ClockSet => "setting system clock to "u8;

    private readonly HashSet<int> _cpus = [];
    private string? _iommu;

    /// <summary>The kernel; null if nothing says.</summary>
    public string? Kernel { get; private set; }

    /// <summary>The machine, as its firmware calls it; null if nothing says.</summary>
    public string? Hardware { get; private set; }

    /// <summary>The kind of IOMMU, by the messages of its driver; null if there are none.</summary>
    public string? Iommu => _iommu;

    /// <summary>The day on which the kernel started, by the clock that it read then; null if nothing says.</summary>
    public DateOnly? Date { get; private set; }

    /// <summary>Different processors that events are from.</summary>
    public int CpusSeen => _cpus.Count;

    /// <summary>Notes the processor of an event.</summary>
    public void SeeCpu(int cpu)
    {
        if (cpu >= 0 && _cpus.Count < 8192)
        {
            _cpus.Add(cpu);
        }
    }

    /// <summary>Notes what the kernel printed.</summary>
    public void Read(ReadOnlySpan<byte> message)
    {
        if (_iommu is null)
        {
            foreach (var (prefix, kind) in Drivers)
            {
                if (message.StartsWith(Encoding.ASCII.GetBytes(prefix)))
                {
                    _iommu = kind;
                }
            }
        }

        if (Kernel is null && message.StartsWith("Linux version "u8))
        {
            Kernel = Text(message["Linux version ".Length..], untilBlank: true);
        }

        if (Hardware is null && message.StartsWith("DMI: "u8) && !message.StartsWith("DMI: not present"u8))
        {
            Hardware = Text(message["DMI: ".Length..], untilBlank: false);
        }

        // "rtc_cmos 00:04: setting system clock to 2026-03-01T12:34:56 UTC (1772368496)"
        if (Date is null && message.IndexOf(ClockSet) is >= 0 and var at)
        {
            var day = message[(at + ClockSet.Length)..];
            Date = day.Length >= DayLength && DateOnly.TryParseExact(
                Encoding.Latin1.GetString(day[..DayLength]), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null;
        }
    }

    /// <summary>Takes what the reader knows of itself.</summary>
    public void Take(TraceReader reader) => Kernel = reader.Kernel ?? Kernel;

    private static string Text(ReadOnlySpan<byte> text, bool untilBlank)
    {
        int end = untilBlank ? text.IndexOf((byte)' ') : text.IndexOfAny("\r\n"u8);
        text = end < 0 ? text : text[..end];
        return Encoding.Latin1.GetString(text[..Math.Min(text.Length, MaxText)]);
    }
}
