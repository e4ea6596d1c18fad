using System.Diagnostics;
using System.Globalization;

namespace IommuKit.HostLab;

/// <summary>What the device was made to try and must be refused, in a file: what the kernel's log is compared with at the end.</summary>
internal static class Provoked
{
    private const string Path = "/tmp/provoked";

    // The kernel prints ten lines of a driver in five seconds. VT-d's counts three for each fault; others report each piece of a transfer by itself.
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(6);
    private static readonly int s_most = File.ReadAllText("/lab/guest").Trim() is "smmuv3" or "virtio" ? 1 : 3;
    private static readonly Queue<long> s_times = new();

    /// <summary>Notes a transfer before it is tried, and waits until the kernel would print what becomes of it.</summary>
    /// <param name="iova">Where it begins.</param>
    /// <param name="bytes">How many bytes.</param>
    /// <param name="isWrite">Whether the device writes to memory.</param>
    /// <param name="isMapped">Whether something is mapped there, for reading only.</param>
    public static void Add(ulong iova, int bytes, bool isWrite, bool isMapped)
    {
        if (s_times.Count == s_most && s_window - Stopwatch.GetElapsedTime(s_times.Dequeue()) is { Ticks: > 0 } wait)
        {
            Thread.Sleep(wait);
        }

        s_times.Enqueue(Stopwatch.GetTimestamp());
        File.AppendAllText(
            Path, string.Create(CultureInfo.InvariantCulture, $"{iova} {bytes} {(isWrite ? 'w' : 'r')} {(isMapped ? "read-only" : "unmapped")}\n"));
    }

    /// <summary>All that were tried, in order.</summary>
    public static IReadOnlyList<(ulong Iova, ulong Bytes, bool IsWrite, bool IsMapped)> Read() =>
    [
        .. (File.Exists(Path) ? File.ReadLines(Path) : []).Select(line => line.Split(' ')).Select(words => (
            ulong.Parse(words[0], CultureInfo.InvariantCulture),
            ulong.Parse(words[1], CultureInfo.InvariantCulture),
            words[2] == "w",
            words[3] == "read-only")),
    ];
}
