using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <summary>
/// Decodes what drivers of IOMMUs print, message by message. Messages may have anything before and behind them, as consoles mix the lines of several
/// writers.
/// </summary>
internal sealed partial class FaultMessages
{
    // What is read of a message; the longest of the kernel's have some 200.
    private const int MaxText = 300;

    private readonly KernelLog _log;
    private readonly Action<LoggedFault>? _onFault;
    private readonly SmmuV3Messages _smmuV3;

    // What the next line may add to.
    private LoggedFault? _last;
    private (long Line, long Nanoseconds, LogClock Clock, string Message)? _vtdHeader;

    /// <summary>Starts decoding.</summary>
    /// <param name="log">Where faults and notes go.</param>
    /// <param name="onFault">Told of each fault as soon as it is known, or null. Later lines may still add to it.</param>
    public FaultMessages(KernelLog log, Action<LoggedFault>? onFault = null)
    {
        _log = log;
        _onFault = onFault;
        _smmuV3 = new SmmuV3Messages(Add);
    }

    /// <summary>Reads one line.</summary>
    /// <param name="text">The line.</param>
    /// <param name="place">Its number, and its time with the clock of that; negative if it has none.</param>
    public void Read(string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        if (text.Contains("callbacks suppressed", StringComparison.Ordinal))
        {
            ReadSuppressed(text, place.Line);
        }
        else if (FlushFailureMessages.Find(text) is { } failure)
        {
            _log.AddFlushFailure(place.Line, Cut(failure));
        }
        else if (!_smmuV3.Read(text, place) && !ReadVtd(text, place) && !ReadAmd(text, place) && !ReadSmmuV2(text, place))
        {
            _ = ReadOther(text, place);
        }
    }

    /// <summary>Ends the log.</summary>
    public void Finish()
    {
        EndVtdHeader();
        _smmuV3.Finish();
    }

    /// <summary>A number in hexadecimal digits, with or without 0x; null if it is none or does not fit.</summary>
    public static ulong? Hex(ReadOnlySpan<char> digits)
    {
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            digits = digits[2..];
        }

        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }

    /// <summary>Sets the device to what a PCI function is called: "0000:00:04.0", or "00:04.0" where the segment is not said.</summary>
    public static void SetPciDevice(LoggedFault fault, string name)
    {
        string[] parts = name.Split(':', '.');
        ulong?[] numbers = [.. parts.Select(part => Hex(part))];
        fault.Device = name;
        if (numbers is [_, _, _] or [_, _, _, _] && numbers.All(number => number is not null))
        {
            bool hasSegment = numbers.Length == 4;
            ulong segment = hasSegment ? numbers[0]!.Value : 0;
            var (bus, device, function) = (numbers[^3]!.Value, numbers[^2]!.Value, numbers[^1]!.Value);
            if (segment <= ushort.MaxValue && bus <= byte.MaxValue && device <= 0x1f && function <= 7)
            {
                fault.HasSegment = hasSegment;
                fault.Requester = (uint)((segment << 16) | (bus << 8) | (device << 3) | function);
            }
        }
    }

    /// <summary>A message, cut to a length that can be shown.</summary>
    public static string Cut(string text) => text.Length <= MaxText ? text : text[..MaxText];

    private void Add(LoggedFault fault)
    {
        _last = fault;
        if (_log.Add(fault))
        {
            _onFault?.Invoke(fault);
        }
    }

    private void ReadSuppressed(string text, long line)
    {
        // The search takes long in long words, and what matters stands just in front.
        const int longest = 120;
        int end = text.LastIndexOf("callbacks suppressed", StringComparison.Ordinal);
        string note = text[Math.Max(0, end - longest)..];
        if (Suppressed().Match(note) is { Success: true } match
            && long.TryParse(match.Groups["count"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out long count))
        {
            _log.Add(new SuppressedMessages(line, match.Groups["function"].Value, count));
        }
    }

    [GeneratedRegex(
        @"(?<function>\w{0,40}?(dmar|amd_iommu|arm_smmu|viommu|iommu|smmu|tegra_mc|tegra20_mc|tegra30_mc)\w{0,40}): "
            + @"(?<count>\d{1,18}) callbacks suppressed",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex Suppressed();
}
