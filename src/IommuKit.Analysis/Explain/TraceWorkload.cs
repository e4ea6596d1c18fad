using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Replay;
using IommuKit.Sync;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Analysis.Explain;

/// <summary>
/// The maps and unmaps of a trace with every combination of causes. Both policies are replayed, event by event, and of each event's maintenance every
/// mixture is counted. No device takes part, as in <see cref="Replayer"/>.
/// </summary>
public static class TraceWorkload
{
    /// <summary>Runs a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="kind">The machine.</param>
    /// <param name="from">The first policy.</param>
    /// <param name="to">The second policy.</param>
    /// <param name="isLenient">Whether to go on where the file is cut off or damaged.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <param name="tuning">How the driver is tuned; null for what it does by itself.</param>
    /// <returns>The work, and how the second policy's replay went.</returns>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static (Workload Work, ReplayResult Replay) Run(
        string path, IommuKind kind, SyncPolicy from, SyncPolicy to, bool isLenient = false, Action<long>? onRead = null, ReplayTuning? tuning = null)
    {
        using var reader = TraceFile.Open(path, isLenient, onRead);
        var options = new ReplayOptions { Machines = [kind] };
        var census = new TraceCensus(path);
        var recorder = new StepRecorder(holdsBack: false);
        var otherRecorder = new StepRecorder(holdsBack: false);
        using var first = new ReplayLane(new ReplayCase(kind, from, tuning ?? new ReplayTuning()), options, recorder.Listen);
        using var second = new ReplayLane(new ReplayCase(kind, to, tuning ?? new ReplayTuning()), options, otherRecorder.Listen);
        bool hasQueue = kind.HasQueue;
        var lastOne = default(OperationCounts);
        var lastOther = default(OperationCounts);
        double[][] mixtures = [.. Enumerable.Range(0, Workload.Combinations).Select(_ => new double[OperationKinds.All.Count])];
        Meter[] meters = [.. Enumerable.Range(0, Workload.Combinations).Select(_ => second.Machine.MeterBeside())];
        while (census.Read(reader, out var traceEvent))
        {
            var next = traceEvent;
            Mix(() => first.Do(next, census), () => second.Do(next, census));
        }

        var summary = census.Finish(reader);
        ReplayResult replay = null!;
        ReplayResult otherReplay = null!;
        Mix(() => replay = first.Finish(summary), () => otherReplay = second.Finish(summary));
        if (otherReplay.MapLatency.Count + otherReplay.UnmapLatency.Count == 0)
        {
            throw new InputException(TraceReader.NameOf(path), null, "holds no map or unmap that could be done, so there is nothing to explain");
        }

        double[][] counts = new double[Workload.Combinations][];
        for (int on = 0; on < counts.Length; on++)
        {
            bool isSecond = ((Causes)on).HasFlag(Causes.Software);
            if (hasQueue)
            {
                mixtures[on][(int)OperationKind.MapCall] += (isSecond ? otherReplay : replay).MapLatency.Count;
                mixtures[on][(int)OperationKind.UnmapCall] += (isSecond ? otherReplay : replay).UnmapLatency.Count;
                counts[on] = mixtures[on];
                continue;
            }

            var software = (isSecond ? second : first).Counts;
            var result = isSecond ? otherReplay : replay;
            var hardware = meters[on].Read(new DomainCounters());
            var mixed = software.WithHardwareOf(hardware);
            mixed.Add(OperationKind.MapCall, result.MapLatency.Count);
            mixed.Add(OperationKind.UnmapCall, result.UnmapLatency.Count);
            counts[on] = mixed.ToVector();
        }

        return (new Workload(path, 0, null, counts) { Waits = kind.Waits }, otherReplay);

        void Mix(Action one, Action other)
        {
            recorder.Start();
            one();
            var plan = recorder.Stop();
            otherRecorder.Start();
            other();
            var otherPlan = otherRecorder.Stop();
            if (hasQueue)
            {
                MixCounts();
                return;
            }

            for (int on = 0; on < meters.Length; on++)
            {
                MixedMaintenance.Run(plan, otherPlan, (Causes)on, meters[on]);
            }
        }

        void MixCounts()
        {
            var now = first.Counts;
            var otherNow = second.Counts;
            var done = now - lastOne;
            var otherDone = otherNow - lastOther;
            (lastOne, lastOther) = (now, otherNow);
            if (done == default && otherDone == default)
            {
                return;
            }

            for (int on = 0; on < mixtures.Length; on++)
            {
                double[] mixed = MixedCounts.Of(done, otherDone, (Causes)on).ToVector();
                for (int kind = 0; kind < mixed.Length; kind++)
                {
                    mixtures[on][kind] += mixed[kind];
                }
            }
        }
    }
}
