namespace IommuKit.Traces.Faults;

/// <summary>Finds which faults of a kernel log are those that show in the trace, and by how much the clocks of the two differ.</summary>
/// <param name="log">The log, or null.</param>
/// <param name="sightings">What shows in the trace.</param>
/// <param name="iommu">The kind of IOMMU that the trace was recorded on; null if it does not say.</param>
/// <param name="isOtherKernel">Whether log and trace name different kernels.</param>
internal sealed class FaultMerger(KernelLog? log, IReadOnlyList<Sighting> sightings, string? iommu = null, bool isOtherKernel = false)
{
    // The same message takes its two times within this; consoles print between them.
    private const long MaxApart = 100_000_000;

    /// <summary>What comes of it.</summary>
    public sealed class Result
    {
        /// <summary>All faults, those of the trace first.</summary>
        public List<Sighting> Sightings { get; } = [];

        /// <summary>The trace's time minus the log's; null if it cannot be told.</summary>
        public long? Offset { get; set; }

        /// <summary>Whether faults with the same device and IOVA in both differ by so much that the two cannot be of one run.</summary>
        public bool IsOtherRun { get; set; }

        /// <summary>Faults that show in both, but for those of which only the first line is known.</summary>
        public int InBoth { get; set; }

        /// <summary>Whether the log is of another kernel than the trace.</summary>
        public bool IsOtherKernel { get; set; }

        /// <summary>Whether something ties the log to the trace: a fault that is in both.</summary>
        public bool IsTied => InBoth != 0 && !IsOtherRun;

        /// <summary>Faults of the log that are left out, because it is of another run or another machine.</summary>
        public int Foreign { get; set; }
    }

    /// <summary>Merges them.</summary>
    public Result Merge()
    {
        var result = new Result();
        result.Sightings.AddRange(sightings);
        if (log is null)
        {
            return result;
        }

        if (isOtherKernel)
        {
            (result.IsOtherKernel, result.Foreign) = (true, log.Faults.Count);
            return result;
        }

        var inTrace = sightings.GroupBy(sighting => sighting.Fault.Key).ToDictionary(group => group.Key, group => group.ToList());
        var inLog = log.Faults.GroupBy(fault => fault.Key).ToDictionary(group => group.Key, group => group.ToList());
        FindOffset(result, inTrace, inLog);
        foreach (var (key, faults) in inLog)
        {
            Pair(result, faults, result.IsOtherRun ? [] : inTrace.GetValueOrDefault(key, []));
        }

        LeaveOutForeign(result);
        return result;
    }

    /// <summary>
    /// Where the trace has messages of faults, and the log not one of them, the log is of another run; where it tells of another kind of IOMMU, of
    /// another machine.
    /// </summary>
    private void LeaveOutForeign(Result result)
    {
        bool hasMessages = sightings.Any(sighting => !sighting.IsEvent && sighting.Fault.Reporter != FaultReporter.TraceEvent);
        bool isOther = hasMessages && result.InBoth == 0 && !result.IsOtherRun;
        foreach (var sighting in result.Sightings.Where(sighting => isOther && sighting.Line != 0))
        {
            sighting.LogLine = 0;
        }

        result.Foreign = result.Sightings.RemoveAll(sighting => sighting.Line == 0 && (isOther || IsOfAnother(sighting.Fault.Reporter)));
    }

    private bool IsOfAnother(FaultReporter reporter) => iommu is not null && IommuOf(reporter) is { } other && other != iommu;

    private static string? IommuOf(FaultReporter reporter) => reporter switch
    {
        FaultReporter.Vtd => RecordedIommu.Vtd,
        FaultReporter.AmdVi => RecordedIommu.AmdVi,
        FaultReporter.SmmuV2 => RecordedIommu.SmmuV2,
        FaultReporter.SmmuV3 => RecordedIommu.SmmuV3,
        FaultReporter.Virtio => RecordedIommu.Virtio,
        FaultReporter.RiscV => RecordedIommu.RiscV,
        _ => null,
    };

    private static void FindOffset(
        Result result,
        Dictionary<(uint Device, ulong Iova, bool IsHeader), List<Sighting>> inTrace,
        Dictionary<(uint Device, ulong Iova, bool IsHeader), List<LoggedFault>> inLog)
    {
        // Faults that are there equally often are the same ones, in the same order; best those that are there once.
        foreach (int most in (int[])[1, int.MaxValue])
        {
            var apart = (from pair in inLog
                         where !pair.Key.IsHeader && pair.Value.Count <= most
                             && inTrace.TryGetValue(pair.Key, out var found) && found.Count == pair.Value.Count
                         from both in pair.Value.Zip(inTrace[pair.Key])
                         where both.First.Clock == LogClock.Boot && both.Second.Nanoseconds >= 0
                         select both.Second.Nanoseconds - both.First.Nanoseconds).Order().ToList();
            if (apart.Count == 0)
            {
                continue;
            }

            long median = apart[apart.Count / 2];
            int near = apart.Count(distance => Math.Abs(distance - median) <= MaxApart);
            if (2 * near > apart.Count)
            {
                result.Offset = median;
            }
            else
            {
                result.IsOtherRun = true;
            }

            return;
        }
    }

    /// <summary>Pairs faults of one device and IOVA, in order; where both have times, those that are as far apart as the clocks.</summary>
    private static void Pair(Result result, List<LoggedFault> faults, List<Sighting> found)
    {
        int next = 0;
        foreach (var fault in faults)
        {
            bool isTimed = fault.Clock == LogClock.Boot && result.Offset is not null;
            while (isTimed && next < found.Count && found[next].Nanoseconds >= 0
                && found[next].Nanoseconds - fault.Nanoseconds - result.Offset < -MaxApart)
            {
                next++;
            }

            bool isFound = next < found.Count
                && (!isTimed || found[next].Nanoseconds < 0 || found[next].Nanoseconds - fault.Nanoseconds - result.Offset <= MaxApart);
            if (isFound)
            {
                found[next].LogLine = fault.Line;
                if (found[next].IsEvent)
                {
                    found[next].Fault = fault;
                    found[next].IsEvent = false;
                }

                next++;

                // The first lines of faults are alike in every log.
                result.InBoth += fault.IsHeaderOnly ? 0 : 1;
            }
            else
            {
                result.Sightings.Add(new Sighting { Fault = fault, LogLine = fault.Line });
            }
        }
    }
}
