using System.Globalization;

namespace IommuKit.Linux;

/// <summary>The machine's huge pages: those that the kernel takes where no size is named.</summary>
internal static class HugePages
{
    private const string Field = "Hugepagesize:";
    private const int MostBytes = 1 << 14;

    /// <summary>The command that sets some aside.</summary>
    /// <param name="count">How many are needed.</param>
    public static string HowToSetAside(ulong count) => $"as root: echo {count} > /proc/sys/vm/nr_hugepages";

    /// <summary>Bytes of one, such as 2 MiB, or 512 MiB where the small ones have 64 KiB; null if the kernel has none.</summary>
    public static ulong? SizeIn(HostFiles files)
    {
        string? line = files.TryRead("/proc/meminfo", MostBytes)?.Split('\n').FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
        string? kibibytes = line?[Field.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        return ulong.TryParse(kibibytes, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count)
            && ulong.IsPow2(count) && count <= ulong.MaxValue >> 11 ? count << 10 : null;
    }
}
