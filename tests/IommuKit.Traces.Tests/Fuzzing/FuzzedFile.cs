using System.Diagnostics;
using System.Globalization;
using IommuKit.Traces.Files;

namespace IommuKit.Traces.Tests.Fuzzing;

/// <summary>Reads a file as a reader has to read any file: to events that can be, or to a refusal in one line; in little time and memory.</summary>
internal sealed class FuzzedFile : IDisposable
{
    private const long MaxBytes = 48 << 20;

    // A machine that does other things too may stop for a while.
    private static readonly TimeSpan MaxTime = TimeSpan.FromMinutes(2);

    /// <summary>How many inputs each reader gets: of the environment variable IOMMUKIT_FUZZ, or a few thousand.</summary>
    public static int Inputs { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("IOMMUKIT_FUZZ"), NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? count
            : 3000;

    public string Path { get; } = System.IO.Path.GetTempFileName();

    public void Dispose() => File.Delete(Path);

    /// <summary>Reads strictly and leniently.</summary>
    /// <param name="data">The file.</param>
    /// <returns>The events; strictly read, null if the file is refused.</returns>
    public (List<TraceEvent>? Strict, List<TraceEvent> Lenient) Read(byte[] data)
    {
        File.WriteAllBytes(Path, data);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();
        var strict = new List<TraceEvent>();
        var lenient = new List<TraceEvent>();
        bool isWhole = TryRead(isLenient: false, strict);
        bool isUsable = TryRead(isLenient: true, lenient);
        watch.Elapsed.ShouldBeLessThan(MaxTime);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MaxBytes);

        // Who goes on where there is damage reads no less.
        if (isWhole)
        {
            isUsable.ShouldBeTrue();
            lenient.SequenceEqual(strict).ShouldBeTrue();
        }

        return (isWhole ? strict : null, lenient);
    }

    private bool TryRead(bool isLenient, List<TraceEvent> events)
    {
        try
        {
            using var reader = TraceFile.Open(Path, isLenient);
            while (reader.Read(out var next))
            {
                Check(next, isLenient);
                (next.Line == reader.Line && (events.Count == 0 || next.Line > events[^1].Line)).ShouldBeTrue($"{next}");
                events.Add(next);
            }

            reader.Overwritten.ShouldBeGreaterThanOrEqualTo(0);
            if (!isLenient)
            {
                reader.Problem.ShouldBeNull();
            }

            return true;
        }
        catch (InputException e)
        {
            e.Message.ShouldStartWith(Path);
            return false;
        }
    }

    private static void Check(TraceEvent next, bool isLenient)
    {
        bool isPossible = next is { Line: > 0, Nanoseconds: >= -1 } && (next.Kind != TraceEventKind.Damaged || isLenient);
        if (next.Kind is TraceEventKind.Map or TraceEventKind.Unmap)
        {
            isPossible &= ((next.Iova | next.PhysicalAddress | next.Size) & 0xfff) == 0
                && (next.Size == 0 ? next.Kind == TraceEventKind.Unmap : next.LastIova >= next.Iova);
        }

        if (!isPossible)
        {
            Assert.Fail($"{next}");
        }
    }
}
