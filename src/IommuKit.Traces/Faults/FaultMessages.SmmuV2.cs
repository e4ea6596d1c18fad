using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <content>Arm's SMMUv1 and SMMUv2.</content>
/// <remarks>
/// <code>
/// arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0x9c4b9000, fsynr=0x7c0020, cbfrsynra=0x800, cb=7
/// arm-smmu 5000000.iommu: Unhandled context fault: fsr=0x402, iova=0x01000000, fsynr=0x11, cb=2
/// arm-smmu 5000000.iommu: Unhandled context fault: iova=0x01000000, fsynr=0x11, cb=2
/// arm-smmu 5000000.iommu: FSR    = 00000402 [Format=2 TF], SID=0x800
/// arm-smmu 5000000.iommu: Blocked unknown Stream ID 0x402; boot with "arm-smmu.disable_bypass=0" to allow, …
/// arm-smmu 5000000.iommu: Unexpected global fault, this could be serious
/// arm-smmu 5000000.iommu: 	GFSR 0x80000002, GFSYNR0 0x00000002, GFSYNR1 0x00000402, GFSYNR2 0x00000000
/// </code>
/// </remarks>
internal sealed partial class FaultMessages
{
    // Bits of FSR, and of FSYNR0 (Arm System Memory Management Unit Architecture Specification version 2).
    private const ulong TranslationFault = 0x2;
    private const ulong AccessFlagFault = 0x4;
    private const ulong PermissionFault = 0x8;
    private const ulong ExternalFault = 0x10;
    private const ulong TlbConflict = 0x20;
    private const ulong WriteNotRead = 0x10;

    private bool ReadSmmuV2(string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        if (!text.Contains("smmu", StringComparison.Ordinal) || SmmuV2().Match(text) is not { Success: true } match)
        {
            return false;
        }

        if (match.Groups["later"].Success)
        {
            AddStream(match.Groups["later"].Value);
            return true;
        }

        if (match.Groups["global"].Success)
        {
            if (_last is { Reporter: FaultReporter.SmmuV2, Evidence: FaultEvidence.Device, ReasonCode: null })
            {
                _last.ReasonCode = (uint)(Hex(match.Groups["global"].ValueSpan) ?? 0);
                AddStream(match.Groups["globalSid"].Value);
            }

            return true;
        }

        bool isContext = match.Groups["iova"].Success;
        ulong? status = match.Groups["fsr"].Success ? Hex(match.Groups["fsr"].ValueSpan) : null;
        ulong syndrome = match.Groups["fsynr"].Success ? Hex(match.Groups["fsynr"].ValueSpan) ?? 0 : 0;
        var fault = new LoggedFault
        {
            Reporter = FaultReporter.SmmuV2,
            Line = place.Line,
            Nanoseconds = place.Nanoseconds,
            Clock = place.Clock,
            Message = Cut(text[match.Index..]),
            Iova = isContext ? Hex(match.Groups["iova"].ValueSpan) : null,
            WhyNoIova = isContext ? null : "messages of this kind have none",
            Direction = !isContext ? FaultDirection.Unknown : (syndrome & WriteNotRead) != 0 ? FaultDirection.Write : FaultDirection.Read,
            ReasonCode = (uint?)status,
            Evidence = !isContext ? FaultEvidence.Device
                : (status & PermissionFault) != 0 && status is not null ? FaultEvidence.Permission
                : (status & TranslationFault) != 0 && status is not null ? FaultEvidence.Absent
                : FaultEvidence.None,
            Reason = !isContext
                ? match.Groups["unknown"].Success
                    ? "the stream is attached to nothing"
                    : "a fault of the SMMU as a whole: its configuration, or a stream it does not know"
                : ContextReason(status),
        };
        if (isContext && match.Groups["sid"].Success)
        {
            SetStream(fault, match.Groups["sid"].Value);
        }
        else if (match.Groups["unknown"].Success)
        {
            SetStream(fault, match.Groups["unknown"].Value);
        }
        else
        {
            fault.Device = isContext
                ? $"context bank {match.Groups["cb"].Value} of {match.Groups["unit"].Value}"
                : $"a device behind {match.Groups["unit"].Value}";
        }

        Add(fault);
        return true;
    }

    private static string ContextReason(ulong? status) => status switch
    {
        null => "the context does not let the access through",
        _ when (status & TranslationFault) != 0 => "there is no entry for the IOVA",
        _ when (status & PermissionFault) != 0 => "there is an entry, and it does not allow the access",
        _ when (status & AccessFlagFault) != 0 => "there is an entry, with its access flag clear",
        _ when (status & ExternalFault) != 0 => "a table, or what it maps to, cannot be read",
        _ when (status & TlbConflict) != 0 => "the TLB holds two translations for the IOVA",
        _ => "the context does not let the access through",
    };

    private void AddStream(string digits)
    {
        if (_last is { Reporter: FaultReporter.SmmuV2, Requester: null } last)
        {
            SetStream(last, digits);
        }
    }

    private static void SetStream(LoggedFault fault, string digits)
    {
        fault.Requester = (uint)(Hex(digits) ?? 0) & 0xffff;
        fault.Device = string.Create(CultureInfo.InvariantCulture, $"stream 0x{fault.Requester:x}");
    }

    [GeneratedRegex(
        @"arm[-_]smmu (?<unit>[\w.@:\-]{1,64}?): (Unhandled context fault: (fsr=(?<fsr>0x[0-9a-f]{1,8}), )?iova=(?<iova>0x[0-9a-f]{1,16})"
            + @", fsynr=(?<fsynr>0x[0-9a-f]{1,8})(, cbfrsynra=(?<sid>0x[0-9a-f]{1,8}))?, cb=(?<cb>\d{1,4})"
            + @"|FSR\s{1,8}= .{0,60}, SID=(?<later>0x[0-9a-f]{1,8})"
            + @"|(Blocked unknown Stream ID|Unknown stream ID) (?<unknown>0x[0-9a-f]{1,8})|Unexpected global fault"
            + @"|\s*GFSR (?<global>0x[0-9a-f]{1,8}), GFSYNR0 0x[0-9a-f]{1,8}, GFSYNR1 (?<globalSid>0x[0-9a-f]{1,8}))",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex SmmuV2();
}
