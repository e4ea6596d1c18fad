using IommuKit.Linux.Host;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

/// <summary>Puts what is known of this machine into the form in which a trace has it.</summary>
internal static class RecordedHosts
{
    public static RecordedHost Of(HostInfo info, string clock, IReadOnlyList<string> workload)
    {
        string[] kinds = [.. info.Iommus.Select(iommu => iommu.Kind).OfType<string>().Distinct(StringComparer.Ordinal)];
        var host = new RecordedHost
        {
            Date = DateOnly.FromDateTime(DateTime.UtcNow),
            Kernel = info.Kernel,
            CommandLine = info.CommandLine.Length == 0 ? null : info.CommandLine,
            Machine = info.Machine,
            IsVirtual = info.IsVirtual,
            Processors = info.Processors,
            Iommu = kinds.Length == 0 ? null : string.Join(", ", kinds),
            Mode = ModeOf(info),
            Clock = clock,
            Workload = workload.Count == 0 ? null : string.Join(' ', workload),
        };
        foreach (var group in info.Groups)
        {
            foreach (var device in group.Devices)
            {
                host.Add(new RecordedDevice(device.Name, group.Number, group.Type, device.Driver));
            }
        }

        return host;
    }

    /// <summary>What the groups' own domains do, all of them; null if none says.</summary>
    private static string? ModeOf(HostInfo info)
    {
        string[] modes =
        [
            .. info.Groups.Where(group => group.Devices.Count != 0).Select(group => group.Mode switch
            {
                DomainMode.Strict => "strict",
                DomainMode.Lazy => "lazy",
                DomainMode.Identity => "identity",
                _ => null,
            }).OfType<string>().Distinct(StringComparer.Ordinal),
        ];
        return modes.Length switch
        {
            0 => null,
            1 => modes[0],
            _ => "mixed",
        };
    }
}
