using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <content>VT-d.</content>
/// <remarks>
/// <code>
/// DMAR: DRHD: handling fault status reg 2
/// DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0x5a454000 [fault reason 0x05] PTE Write access is not set
/// DMAR: [DMA Read PASID 0x1] Request device [6a:01.0] fault addr 0x1000 [fault reason 0x71] SM: Present bit in …
/// DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr 7b000000 [fault reason 06] PTE Read access is not set
/// DMAR:[DMA Read] Request device [00:02.0] fault addr 1a45aa9000
/// DMAR:[fault reason 12] non-zero reserved fields in PTE
/// DMAR: [INTR-REMAP] Request device [f0:1f.7] fault index 0x0 [fault reason 0x25] Blocked a compatibility format interrupt request
/// </code>
/// Reasons are decimal where they have no 0x.
/// </remarks>
internal sealed partial class FaultMessages
{
    private bool ReadVtd(string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        if (text.Contains("handling fault status reg", StringComparison.Ordinal))
        {
            EndVtdHeader();
            _vtdHeader = (place.Line, place.Nanoseconds, place.Clock, Cut(text));
            return true;
        }

        if (text.Contains("Request device [", StringComparison.Ordinal) && VtdFault().Match(text) is { Success: true } match)
        {
            AddVtd(match, text, place);
            return true;
        }

        if (text.Contains("[fault reason ", StringComparison.Ordinal) && VtdReason().Match(text) is { Success: true } reason)
        {
            if (_last is { Reporter: FaultReporter.Vtd, ReasonCode: null, IsHeaderOnly: false })
            {
                SetVtdReason(_last, reason);
            }

            return true;
        }

        return false;
    }

    private void AddVtd(Match match, string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        // One interrupt can report several faults; the heading is of the first.
        var (line, nanoseconds, clock, _) = _vtdHeader ?? (place.Line, place.Nanoseconds, place.Clock, string.Empty);
        _vtdHeader = null;
        string access = match.Groups["access"].Value;
        bool isInterrupt = match.Groups["index"].Success;
        var fault = new LoggedFault
        {
            Reporter = FaultReporter.Vtd,
            Line = line,
            Nanoseconds = nanoseconds,
            Clock = clock,
            Message = Cut(text[match.Index..]),
            Iova = isInterrupt ? null : Hex(match.Groups["iova"].ValueSpan),
            WhyNoIova = isInterrupt ? "it is an interrupt, which has no IOVA" : null,
            Direction = isInterrupt ? FaultDirection.Unknown
                : access.Contains("Read", StringComparison.Ordinal) ? FaultDirection.Read
                : access.Contains("Write", StringComparison.Ordinal) ? FaultDirection.Write
                : FaultDirection.Unknown,
        };
        if (match.Groups["pasid"] is { Success: true } pasid && Hex(pasid.ValueSpan) is { } number and < 0xf_ffff)
        {
            fault.Pasid = (uint)number;
        }

        SetPciDevice(fault, match.Groups["device"].Value);
        if (match.Groups["reason"].Success)
        {
            SetVtdReason(fault, match);
        }

        if (isInterrupt)
        {
            fault.Evidence = FaultEvidence.NotMemory;
        }

        Add(fault);
    }

    /// <summary>A heading that no fault follows: the kernel left the rest out.</summary>
    private void EndVtdHeader()
    {
        if (_vtdHeader is { } header)
        {
            _vtdHeader = null;
            Add(new LoggedFault
            {
                Reporter = FaultReporter.Vtd,
                Line = header.Line,
                Nanoseconds = header.Nanoseconds,
                Clock = header.Clock,
                Message = header.Message,
                IsHeaderOnly = true,
                Reason = "only the heading is in the log; the kernel left out the rest, as it prints ten messages in five seconds",
                WhyNoIova = "only the heading of its message is there",
            });
        }
    }

    private static void SetVtdReason(LoggedFault fault, Match match)
    {
        var digits = match.Groups["reason"].ValueSpan;
        uint code;
        if (digits.StartsWith("0x", StringComparison.Ordinal))
        {
            code = (uint)(Hex(digits) ?? 0);
        }
        else if (!uint.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out code))
        {
            return;
        }

        fault.ReasonCode = code;
        (fault.Evidence, string? words) = VtdReasons.Of(code);
        fault.Reason = words ?? Cut(match.Groups["words"].Value.Trim());
        if (code is >= VtdReasons.FirstOfInterrupts and <= VtdReasons.LastOfInterrupts)
        {
            fault.Iova = null;
            fault.WhyNoIova = "it is an interrupt, which has no IOVA";
        }
    }

    [GeneratedRegex(
        @"(\[(?<access>(DMA|INTR|Page|Atomic)[^\]]{0,40}?)( NO_PASID| PASID (?<pasid>0x[0-9a-f]{1,8}))?\] ?)?"
            + @"Request device \[{1,2}(?<device>[0-9a-f:.]{7,16})\] "
            + @"(PASID (?<pasid>[0-9a-f]{1,8}) )?fault (addr (?<iova>(0x)?[0-9a-f]{1,16})|index (?<index>(0x)?[0-9a-f]{1,16}))"
            + @"(\s*\[fault reason (?<reason>0x[0-9a-f]{1,8}|\d{1,9})\](?<words>.{0,200}))?",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex VtdFault();

    [GeneratedRegex(
        @"\[fault reason (?<reason>0x[0-9a-f]{1,8}|\d{1,9})\](?<words>.{0,200})", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex VtdReason();
}
