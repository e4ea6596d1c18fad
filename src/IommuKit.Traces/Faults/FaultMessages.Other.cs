using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <content>virtio-iommu, Tegra's memory controller, RISC-V, and drivers whose messages have a common shape.</content>
/// <remarks>
/// <code>
/// virtio_iommu virtio0: page fault from EP 32 at 0x4d4fc080 [W]
/// tegra-mc 70019000.memory-controller: sdmmc4a: read @0x00000000fffc0000: EMEM address decode error (SMMU translation error [--S])
/// riscv,iommu 0000:00:01.0: Fault 15 devid: 0x20 iotval: 5a454000 iotval2: 0
/// rk_iommu ff914000.iommu: Page fault at 0x00000000fd0c0000 of type read
/// </code>
/// </remarks>
internal sealed partial class FaultMessages
{
    // Causes of faults of the RISC-V IOMMU: those of the privileged architecture, and from 256 on its own.
    private const uint FirstRiscVPageFault = 12;
    private const uint LastRiscVPageFault = 15;
    private const uint RiscVWriteFault = 15;
    private const uint FirstOfRiscVDevices = 256;

    private bool ReadOther(string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        if (text.Contains("fault from EP ", StringComparison.Ordinal) && Virtio().Match(text) is { Success: true } virtio)
        {
            AddVirtio(virtio, text, place);
            return true;
        }

        if (text.Contains("tegra", StringComparison.Ordinal) && Tegra().Match(text) is { Success: true } tegra)
        {
            AddTegra(tegra, text, place);
            return true;
        }

        if (text.Contains("devid:", StringComparison.Ordinal) && RiscV().Match(text) is { Success: true } riscV)
        {
            AddRiscV(riscV, text, place);
            return true;
        }

        if (text.Contains("ault at ", StringComparison.Ordinal) && PageFaultAt().Match(text) is { Success: true } other)
        {
            Add(new LoggedFault
            {
                Reporter = FaultReporter.Other,
                Line = place.Line,
                Nanoseconds = place.Nanoseconds,
                Clock = place.Clock,
                Message = Cut(text[other.Index..]),
                Device = $"a device behind {other.Groups["unit"].Value}",
                Iova = Hex(other.Groups["iova"].ValueSpan),
                Direction = DirectionOf(other.Groups["access"].ValueSpan),
                Reason = "a page fault",
            });
            return true;
        }

        return false;
    }

    private void AddVirtio(Match match, string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        string kind = match.Groups["kind"].Value;
        string flags = match.Groups["flags"].Value;
        bool isPage = kind is "page";
        uint endpoint = uint.TryParse(match.Groups["endpoint"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) ? id : 0;
        Add(new LoggedFault
        {
            Reporter = FaultReporter.Virtio,
            Line = place.Line,
            Nanoseconds = place.Nanoseconds,
            Clock = place.Clock,
            Message = Cut(text[match.Index..]),
            Device = string.Create(CultureInfo.InvariantCulture, $"endpoint 0x{endpoint:x}"),
            Requester = endpoint,
            Iova = match.Groups["iova"].Success ? Hex(match.Groups["iova"].ValueSpan) : null,
            WhyNoIova = match.Groups["iova"].Success ? null : "the device did not give one",
            Direction = flags.Contains('W', StringComparison.Ordinal) ? FaultDirection.Write
                : flags.Contains('R', StringComparison.Ordinal) ? FaultDirection.Read
                : FaultDirection.Unknown,
            Evidence = isPage ? FaultEvidence.None : FaultEvidence.Device,
            Reason = kind switch
            {
                "page" => "the domain has no entry for the IOVA, or one that does not allow the access",
                "domain" => "the endpoint is attached to no domain",
                _ => "the device gave no reason",
            },
        });
    }

    private void AddTegra(Match match, string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        bool isSmmu = match.Groups["what"].Value.Contains("SMMU translation", StringComparison.Ordinal);
        string allowed = match.Groups["allowed"].Value;
        var direction = DirectionOf(match.Groups["access"].ValueSpan);
        char needed = direction == FaultDirection.Write ? 'W' : 'R';
        Add(new LoggedFault
        {
            Reporter = FaultReporter.TegraMc,
            Line = place.Line,
            Nanoseconds = place.Nanoseconds,
            Clock = place.Clock,
            Message = Cut(text[match.Index..]),
            Device = match.Groups["client"].Value,
            Iova = isSmmu ? Hex(match.Groups["iova"].ValueSpan) : null,
            WhyNoIova = isSmmu ? null : "its address is one of memory, not an IOVA",
            Direction = direction,

            // The letters are the bits of the entry that was found: readable, writable, not secure.
            Evidence = !isSmmu ? FaultEvidence.NotMemory
                : allowed.Length != 3 ? FaultEvidence.None
                : allowed is "---" ? FaultEvidence.Absent
                : !allowed.Contains(needed, StringComparison.Ordinal) && allowed.AsSpan()[..2] is not "--" ? FaultEvidence.Permission
                : FaultEvidence.None,
            Reason = isSmmu
                ? "the SMMU does not translate the access"
                : "the memory controller refused an address: " + Cut(match.Groups["what"].Value),
        });
    }

    private void AddRiscV(Match match, string text, (long Line, long Nanoseconds, LogClock Clock) place)
    {
        _ = uint.TryParse(match.Groups["cause"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out uint cause);
        uint device = (uint)(Hex(match.Groups["device"].ValueSpan) ?? 0);
        bool isPage = cause is >= FirstRiscVPageFault and <= LastRiscVPageFault;
        Add(new LoggedFault
        {
            Reporter = FaultReporter.RiscV,
            Line = place.Line,
            Nanoseconds = place.Nanoseconds,
            Clock = place.Clock,
            Message = Cut(text[match.Index..]),
            Device = string.Create(CultureInfo.InvariantCulture, $"device 0x{device:x}"),
            Requester = device,
            Iova = cause < FirstOfRiscVDevices ? Hex(match.Groups["iova"].ValueSpan) : null,
            WhyNoIova = cause < FirstOfRiscVDevices ? null : "faults of this kind have none",
            ReasonCode = cause,
            Direction = !isPage ? FaultDirection.Unknown : cause == RiscVWriteFault ? FaultDirection.Write : FaultDirection.Read,
            Evidence = cause >= FirstOfRiscVDevices ? FaultEvidence.Device : FaultEvidence.None,
            Reason = isPage ? "the table has no entry for the IOVA, or one that does not allow the access"
                : string.Create(CultureInfo.InvariantCulture, $"cause {cause} of the RISC-V IOMMU specification"),
        });
    }

    private static FaultDirection DirectionOf(ReadOnlySpan<char> word) =>
        word.StartsWith("r", StringComparison.OrdinalIgnoreCase) ? FaultDirection.Read
        : word.StartsWith("w", StringComparison.OrdinalIgnoreCase) ? FaultDirection.Write
        : FaultDirection.Unknown;

    [GeneratedRegex(
        @"(?<kind>page|domain|unknown) fault from EP (?<endpoint>\d{1,10})( at (?<iova>0x[0-9a-f]{1,16}|0))?( \[(?<flags>[RWX]{0,3})\])?",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex Virtio();

    [GeneratedRegex(
        @"tegra\w{0,3}[-_]mc [\w.@\-]{1,64}: (?<client>[\w\-]{1,32}): (secure )?(?<access>read|write) @?(?<iova>0x[0-9a-f]{1,16}): "
            + @"(?<what>[^\[]{0,120})(\[(?<allowed>[RWS\-]{3})\])?",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex Tegra();

    [GeneratedRegex(
        @"Fault (?<cause>\d{1,5}) devid: 0x(?<device>[0-9a-f]{1,8}) iotval: (?<iova>(0x)?[0-9a-f]{1,16}) iotval2:",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex RiscV();

    [GeneratedRegex(
        @"(?<unit>[\w.@\-]{1,64}): [Pp]age fault at (?<iova>0x[0-9a-f]{1,16}) of type (?<access>read|write)",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex PageFaultAt();
}
