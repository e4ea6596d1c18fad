using System.Globalization;
using System.Text.RegularExpressions;

namespace IommuKit.HostLab;

/// <summary>
/// The kernel's log of faults against what the device was made to try: each entry of that device is of something tried, in its direction and for its
/// reason.
/// </summary>
internal static partial class LogChecks
{
    private const ulong NotWritable = 5;
    private const ulong NotReadable = 6;
    private const uint Smmu3Translation = 0x10;
    private const uint Smmu3Permission = 0x13;

    /// <summary>Compares.</summary>
    /// <param name="log">The kernel's log.</param>
    /// <param name="device">The device.</param>
    /// <returns>The exit code: 0 if they agree.</returns>
    public static int Compare(string log, string device)
    {
        var tried = Provoked.Read();
        var all = Faults(File.ReadAllLines(log)).ToLookup(fault => fault.Requester == Number(device));
        foreach (var other in all[false])
        {
            Console.WriteLine($"      of another device: {other.Text.Trim()}");
        }

        Fault[] faults = [.. all[true]];
        int failures = 0;
        var seen = new HashSet<int>();
        foreach (var fault in faults)
        {
            int found = Enumerable.Range(0, tried.Count).FirstOrDefault(i => Matches(tried[i], fault), -1);
            Console.WriteLine($"{(found < 0 ? "FAIL " : "ok   ")} {fault.Text.Trim()}");
            failures += found < 0 ? 1 : 0;
            seen.Add(found);
        }

        // Twice the same address and direction is one of what was tried, as far as the log tells.
        int different = tried.Distinct().Count();
        int told = tried.Distinct().Count(one => Array.Exists(faults, fault => Matches(one, fault)));
        Console.WriteLine(
            $"      {tried.Count} transfers were to be refused, {different} of them different; the log has {faults.Length} faults, of {told} of these");
        Console.WriteLine($"FAULTS={faults.Length} {tried.Count} {different} {told} {failures}");
        return failures == 0 ? 0 : 1;
    }

    private static bool Matches((ulong Iova, ulong Bytes, bool IsWrite, bool IsMapped) tried, Fault fault) =>
        fault.HasReason
        && (fault.IsWrite is not { } isWrite || isWrite == tried.IsWrite)
        && fault.Iova >= (tried.Iova & ~0xffful) && fault.Iova < tried.Iova + tried.Bytes
        && (fault.IsPermission is not { } isPermission || isPermission == tried.IsMapped);

    private static IEnumerable<Fault> Faults(string[] lines)
    {
        for (int i = 0; i < lines.Length; i++)
        {
            if (Vtd().Match(lines[i]) is { Success: true } vtd)
            {
                // That a page is not there and that it may not be written are one reason of this hardware's.
                bool isWrite = vtd.Groups["way"].Value == "Write";
                bool hasReason = Hex(vtd.Groups["reason"].Value) == (isWrite ? NotWritable : NotReadable);
                yield return new Fault(Number(vtd.Groups["device"].Value), Hex(vtd.Groups["iova"].Value), isWrite, null, hasReason, lines[i]);
            }
            else if (Smmu3().Match(lines[i]) is { Success: true } smmu && i + 4 < lines.Length)
            {
                uint kind = (uint)Hex(smmu.Groups["kind"].Value);
                ulong second = Word(lines[i + 2]);
                yield return new Fault(
                    (uint)(Word(lines[i + 1]) >> 32), Word(lines[i + 3]), (second >> 35 & 1) == 0, kind == Smmu3Permission,
                    kind is Smmu3Permission or Smmu3Translation,
                    $"{lines[i]} of stream 0x{Word(lines[i + 1]) >> 32:x} at 0x{Word(lines[i + 3]):x}, 0x{second:x}");
            }
            else if (Virtio().Match(lines[i]) is { Success: true } virtio)
            {
                yield return new Fault(
                    uint.Parse(virtio.Groups["device"].Value, CultureInfo.InvariantCulture), Hex(virtio.Groups["iova"].Value),
                    virtio.Groups["way"].Value is { Length: > 0 } way ? way.Contains('W') : null, null, true, lines[i]);
            }
            else if (Amd().Match(lines[i]) is { Success: true } amd)
            {
                ulong flags = Hex(amd.Groups["flags"].Value);
                yield return new Fault(Number(amd.Groups["device"].Value), Hex(amd.Groups["iova"].Value), (flags >> 5 & 1) != 0, null, true, lines[i]);
            }
        }
    }

    /// <summary>Of "0000:01:02.0", with its domain or without: the bus, and eight times the device with the function.</summary>
    private static uint Number(string name)
    {
        string[] parts = name.Split(':', '.')[^3..];
        return (uint)((Hex(parts[0]) << 8) | (Hex(parts[1]) << 3) | Hex(parts[2]));
    }

    private static ulong Word(string line) => Hex(line[(line.LastIndexOf("0x", StringComparison.Ordinal) + 2)..].Trim());

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"DMAR: \[DMA (?<way>Read|Write)[^\]]*\] Request device \[(?<device>[^\]]*)\] "
        + @"fault addr (0x)?(?<iova>[0-9a-f]+) \[fault reason (0x)?(?<reason>[0-9a-f]+)\]")]
    private static partial Regex Vtd();

    [GeneratedRegex(@"arm-smmu-v3 .*event 0x(?<kind>1[0-3]) received")]
    private static partial Regex Smmu3();

    [GeneratedRegex(@"page fault from EP (?<device>\d+) at 0x(?<iova>[0-9a-f]+) \[(?<way>[^\]]*)\]")]
    private static partial Regex Virtio();

    [GeneratedRegex(@"Event logged \[IO_PAGE_FAULT device=(?<device>[0-9a-f:.]+) .*address=0x(?<iova>[0-9a-f]+) flags=0x(?<flags>[0-9a-f]+)\]")]
    private static partial Regex Amd();

    /// <summary>A fault of the log.</summary>
    /// <param name="Requester">Whose it is: bus, device and function in a number.</param>
    /// <param name="Iova">Where.</param>
    /// <param name="IsWrite">Whether it was a write; null where the IOMMU does not tell, as QEMU's virtio-iommu of what is not mapped.</param>
    /// <param name="IsPermission">Whether the page was there, and the right was missing; null where the IOMMU does not tell.</param>
    /// <param name="HasReason">Whether its reason is one of those that are provoked here.</param>
    /// <param name="Text">What the log says.</param>
    private sealed record Fault(uint Requester, ulong Iova, bool? IsWrite, bool? IsPermission, bool HasReason, string Text);
}
