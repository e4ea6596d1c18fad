using System.Globalization;

namespace IommuKit.HostLab;

/// <summary>What is in use at a moment, as the kernel counts it: of this process, and of the whole guest, in which nothing else runs.</summary>
/// <param name="Files">Files that this process has open, by what each stands for, but for those of code.</param>
/// <param name="CodeFiles">Files of code that it has open: the runtime keeps two of each assembly, which it loads when it first needs it.</param>
/// <param name="PinnedPages">Pages pinned for devices, in the whole guest (nr_foll_pin_acquired less nr_foll_pin_released).</param>
/// <param name="LockedKilobytes">What counts against this process' limit of locked memory: VmLck, as VFIO counts, and VmPin, as iommufd does.</param>
/// <param name="ResidentKilobytes">Memory of this process (VmRSS).</param>
/// <param name="SlabKilobytes">Objects of the kernel that it cannot drop at will (SUnreclaim).</param>
/// <param name="TableKilobytes">Tables for the processors and, where the kernel counts them, for IOMMUs (PageTables, SecPageTables).</param>
internal readonly record struct MemoryCounts(
    IReadOnlyList<string> Files, int CodeFiles, long PinnedPages, long LockedKilobytes, long ResidentKilobytes, long SlabKilobytes, long TableKilobytes)
{
    public static MemoryCounts Read()
    {
        // Has the kernel add up what its processors count by themselves.
        File.WriteAllText("/proc/sys/vm/stat_refresh", "1");
        var events = Read("/proc/vmstat");
        var process = Read("/proc/self/status");
        var memory = Read("/proc/meminfo");
        var files = OpenFiles().ToLookup(file => file.EndsWith(".dll", StringComparison.Ordinal) || file.Contains(".so", StringComparison.Ordinal));
        return new MemoryCounts(
            [.. files[false]],
            files[true].Count(),
            events["nr_foll_pin_acquired"] - events["nr_foll_pin_released"],
            process["VmLck"] + process["VmPin"],
            process["VmRSS"],
            memory["SUnreclaim"],
            memory["PageTables"] + memory.GetValueOrDefault("SecPageTables"));
    }

    /// <summary>Without the one by which they are listed, which stands for nothing any more when it is looked at.</summary>
    private static IEnumerable<string> OpenFiles() =>
        new DirectoryInfo("/proc/self/fd").GetFileSystemInfos().Select(file => file.LinkTarget).OfType<string>()
            .Where(file => !file.EndsWith("/fd", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    /// <summary>The lines of a file that are a name and a number, with or without a colon and a unit.</summary>
    private static Dictionary<string, long> Read(string path)
    {
        var counts = new Dictionary<string, long>();
        foreach (string line in File.ReadLines(path))
        {
            string[] words = line.Split((char[])[' ', '\t', ':'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length is 2 or 3 && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long count))
            {
                counts[words[0]] = count;
            }
        }

        return counts;
    }
}
