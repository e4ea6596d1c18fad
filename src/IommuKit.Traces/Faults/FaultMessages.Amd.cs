using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <content>AMD-Vi.</content>
/// <remarks>
/// <code>
/// vfio-pci 0000:00:04.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0000 address=0x1aca0700 flags=0x0020]
/// AMD-Vi: Event logged [IO_PAGE_FAULT device=00:14.1 domain=0x000a address=0x000000fdf9103300 flags=0x0030]
/// AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:00:14.1 pasid=0x00000 address=0xfdf8000000 flags=0x0a00]
/// </code>
/// </remarks>
internal sealed partial class FaultMessages
{
    // Flags of an IO_PAGE_FAULT event: bits 58:48 of its second doubleword (AMD I/O Virtualization Technology Specification).
    private const ulong AmdInterrupt = 0x8;
    private const ulong AmdPresent = 0x10;
    private const ulong AmdWrite = 0x20;
    private const ulong AmdReserved = 0x80;

    private const string EmptyRecord =
        "its record says an interrupt at address 0: QEMU's AMD-Vi writes that for every fault, and the real address is lost";

    private bool ReadAmd(string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        if (!text.Contains("address=", StringComparison.Ordinal) || AmdEvent().Match(text) is not { Success: true } match)
        {
            return false;
        }

        string name = match.Groups["event"].Value;
        ulong flags = match.Groups["flags"].Success ? Hex(match.Groups["flags"].ValueSpan) ?? 0 : 0;
        bool isFault = name is "IO_PAGE_FAULT" or "RMP_PAGE_FAULT" or "EVENT_FLAG_RMP_PAGE_FAULT";
        bool isInterrupt = isFault && (flags & AmdInterrupt) != 0;
        bool isEmpty = isInterrupt && Hex(match.Groups["address"].ValueSpan) == 0;
        var fault = new LoggedFault
        {
            Reporter = FaultReporter.AmdVi,
            Line = place.Line,
            Nanoseconds = place.Nanoseconds,
            Clock = place.Clock,
            Message = Cut(text.Trim()),
            Iova = isFault && !isInterrupt ? Hex(match.Groups["address"].ValueSpan) : null,
            WhyNoIova = isEmpty ? EmptyRecord : isInterrupt ? "its flags say that it was an interrupt, so its address is no IOVA" : isFault ? null : "this event has none",
            Direction = !isFault || isInterrupt ? FaultDirection.Unknown : (flags & AmdWrite) != 0 ? FaultDirection.Write : FaultDirection.Read,
            ReasonCode = (uint)flags,
            Reason = isEmpty ? EmptyRecord : AmdReason(name, flags),

            // That the bit is not set proves nothing: hardware sets it only for some faults, and emulators never do.
            Evidence = !isFault ? FaultEvidence.Device
                : isEmpty ? FaultEvidence.None
                : isInterrupt ? FaultEvidence.NotMemory
                : (flags & AmdPresent) != 0 && (flags & AmdReserved) == 0 ? FaultEvidence.Permission
                : FaultEvidence.None,
        };
        if (AmdPasid().Match(match.Groups["fields"].Value) is { Success: true } pasid && Hex(pasid.Groups["pasid"].ValueSpan) is { } number and > 0)
        {
            fault.Pasid = (uint)number;
        }

        if (match.Groups["device"].Success)
        {
            SetPciDevice(fault, match.Groups["device"].Value);
        }
        else if (match.Groups["prefix"].Success)
        {
            SetPciDevice(fault, match.Groups["prefix"].Value);
        }

        Add(fault);
        return true;
    }

    private static string AmdReason(string name, ulong flags) => name switch
    {
        "IO_PAGE_FAULT" when (flags & AmdInterrupt) != 0 => "an interrupt was not let through",
        "IO_PAGE_FAULT" when (flags & AmdReserved) != 0 => "reserved bits are set in a table entry",
        "IO_PAGE_FAULT" when (flags & AmdPresent) != 0 => "there is an entry, and it does not allow the access",
        "IO_PAGE_FAULT" => "no entry, as far as the flags say (emulators print the same for a missing permission)",
        "RMP_PAGE_FAULT" or "EVENT_FLAG_RMP_PAGE_FAULT" => "the reverse map table does not allow the access",
        "ILLEGAL_DEV_TABLE_ENTRY" => "the device's entry in the device table is not valid",
        "DEV_TAB_HARDWARE_ERROR" => "the device table cannot be read",
        "PAGE_TAB_HARDWARE_ERROR" => "a page table cannot be read",
        "ILLEGAL_COMMAND_ERROR" => "the IOMMU was given a command that does not exist",
        "COMMAND_HARDWARE_ERROR" => "the command buffer cannot be read",
        "IOTLB_INV_TIMEOUT" => "the device did not answer an invalidation of its TLB in time",
        "INVALID_DEVICE_REQUEST" => "the device made a request that the IOMMU does not take",
        _ => "an event that is no page fault: " + name.ToLower(CultureInfo.InvariantCulture).Replace('_', ' '),
    };

    [GeneratedRegex(
        @"((?<prefix>[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): (AMD-Vi: )?)?(Event logged )?\[?\s*"
            + "(?<event>IO_PAGE_FAULT|RMP_PAGE_FAULT|EVENT_FLAG_RMP_PAGE_FAULT|ILLEGAL_DEV_TABLE_ENTRY|DEV_TAB_HARDWARE_ERROR|PAGE_TAB_HARDWARE_ERROR"
            + "|ILLEGAL_COMMAND_ERROR|COMMAND_HARDWARE_ERROR|IOTLB_INV_TIMEOUT|INVALID_DEVICE_REQUEST|INVALID_PPR_REQUEST|RMP_HW_ERROR)"
            + @"( device=(?<device>[0-9a-f:.]{7,16}))?(?<fields>( \w{1,16}=(0x)?[0-9a-f]{1,16}){0,4}?) address=(?<address>(0x)?[0-9a-f]{1,16})"
            + @"( flags=(?<flags>(0x)?[0-9a-f]{1,16}))?",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex AmdEvent();

    [GeneratedRegex("pasid=(?<pasid>0x[0-9a-f]{1,5})", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex AmdPasid();
}
