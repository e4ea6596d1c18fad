using System.Globalization;
using IommuKit.Analysis.Verdict;
using IommuKit.Traces.Audit;

namespace IommuKit.Cli.Output;

/// <summary>Parts of a verdict in words, as screens and reports have them.</summary>
internal static class VerdictText
{
    // More devices than these are counted rather than named.
    private const int MostDevices = 3;

    /// <summary>A coverage from which on a part speaks for all.</summary>
    public const double Whole = 0.9;

    /// <summary>The kind of IOMMU, its mode, domains and devices, as recorded.</summary>
    public static string IommuOf(VerdictResult verdict)
    {
        var audit = verdict.Audit;
        string mode = audit.Mode switch
        {
            InvalidationMode.Strict => "strict",
            InvalidationMode.Deferred => "lazy",
            InvalidationMode.Mixed => "partly lazy",
            _ => verdict.RecordedMode is not { } recorded ? "mode not in the trace"
                : verdict.ByLog.Contains(MachineFact.Mode) ? $"by the log {recorded}"
                : recorded,
        };
        string caching = audit.CachingMode switch
        {
            CachingMode.On => "caching mode on",
            CachingMode.Off => "caching mode off",
            _ => string.Empty,
        };
        string domains = audit.Domains.Count switch
        {
            0 => string.Empty,
            1 => $"domain {audit.Domains[0]}",
            <= 4 => $"domains {string.Join(", ", audit.Domains)}",
            _ => $"{audit.Domains.Count} domains",
        };
        string devices = verdict.Devices.Count switch
        {
            0 => string.Empty,
            <= MostDevices => $"{(verdict.Devices.Count == 1 ? "device" : "devices")} {string.Join(", ", verdict.Devices)}",
            _ => $"{Numbers.Count(verdict.Devices.Count)} devices",
        };
        string kind = verdict.Iommu is not { } iommu ? "IOMMU of unknown kind" : verdict.ByLog.Contains(MachineFact.Iommu) ? $"by the log {iommu}" : iommu;
        string unit = string.Join(", ", new[] { kind, mode, caching, domains }.Where(part => part.Length != 0));
        return devices.Length == 0 ? unit : $"{unit} · {devices}";
    }

    /// <summary>The kernel and the machine, as far as they are known; said to be by the log where nothing ties it to the trace.</summary>
    public static IEnumerable<string> KernelAndMachine(VerdictResult verdict)
    {
        bool isMarked = false;
        foreach (var (fact, text) in ((MachineFact, string?)[])
        [
            (MachineFact.Kernel, verdict.Kernel is { } kernel ? $"Linux {kernel}" : null),
            (MachineFact.Machine, verdict.Machine),
        ])
        {
            if (text is not null)
            {
                bool isByLog = verdict.ByLog.Contains(fact);
                yield return isByLog && !isMarked ? $"by the log: {text}" : text;
                isMarked |= isByLog;
            }
        }
    }

    /// <summary>Whether the log is one of the same run, where that is not plain; null where it is.</summary>
    public static string? AboutLog(VerdictResult verdict)
    {
        var faults = verdict.Audit.Faults;
        bool hasFaults = faults.Faults.Any(fault => fault.LogLine is not null);
        return faults is not { LogFile: not null, HasTrace: true } ? null
            : faults.IsLogOfOtherKernel ? $"the log is of another kernel than the trace and left out, with {Numbers.Count(faults.LeftOut, "message")} of faults"
            : faults.LeftOut != 0 ? $"the faults of the log are left out ({Numbers.Count(faults.LeftOut, "message")}): none is in the trace, the log is of another run"
            : !hasFaults || faults.InBoth != 0 ? null
            : verdict.IsLogOfOtherDevices ? "none of the devices that faulted by the log is in the trace: is it of another run?"
            : faults.HasConsole ? "no fault is in both the trace and the log: are they of the same run?"
            : "nothing ties the log to the trace, so that this holds if they are of the same run";
    }

    /// <summary>Whether the times are those of hardware, where that is not plain; null where the trace names the machine.</summary>
    public static string? Origin(VerdictResult verdict) =>
        verdict.ByLog.Contains(MachineFact.Virtual) ? "of a virtual machine, if the log is of the same run: its times would not carry over to hardware"
        : verdict.IsVirtual ? "of a virtual machine: its times do not carry over to hardware"
        : verdict.Machine is null ? "whether of hardware or of a virtual machine is not in the trace"
        : null;

    /// <summary>The time that a share of the flushes did not exceed.</summary>
    public static string Gap(FlushTimes times, double share) => Longest(times.Gaps.Percentile(share));

    /// <summary>A gap that is counted with no more than the cut-off.</summary>
    public static string Longest(long gap) =>
        gap >= FlushTimes.CutOff ? $"above {Durations.Of(FlushTimes.CutOff)}" : Durations.Of(gap);

    /// <summary>A share, with as many digits as say something.</summary>
    public static string Share(double share) => share switch
    {
        > 0.995 and < 1 => "99 %",
        > 0 and < 0.00005 => "< 0.01 %",
        > 0 and < 0.005 => string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.##} %"),
        _ => Numbers.Percent(share),
    };
}
