using System.Globalization;

namespace IommuKit.Linux;

/// <summary>What this process may do.</summary>
internal static class ProcessStatus
{
    /// <summary>The capabilities in force, a bit for each; 0 if the kernel does not say.</summary>
    public static ulong Capabilities(HostFiles files) => ulong.TryParse(
        Value(files, "CapEff:"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits) ? bits : 0;

    /// <summary>Whether it runs as root.</summary>
    public static bool IsRoot(HostFiles files) => Value(files, "Uid:") is { } ids && ids.Split('\t', ' ') is [_, "0", ..];

    private static string? Value(HostFiles files, string name) => files.TryRead("/proc/self/status")?.Split('\n')
        .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..].Trim();
}
