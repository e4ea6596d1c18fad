using IommuKit.Lab.Replay.Devices;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Replays the map and unmap events of a trace recorded on a real kernel, on every machine and under every policy at once, in one pass.
/// </summary>
/// <remarks>
/// Events are done one by one, as recorded: a scatter list is one map event for each of its pieces. An unmap takes away what the kernel says went away.
/// What maps an IOVA that is mapped already is done in a domain of its own, if no event is known to be missing. Nothing passes between lanes, so which
/// thread does one does not matter.
/// </remarks>
public static class Replayer
{
    /// <summary>Replays a trace, or the traffic of <see cref="ReplayOptions.Device"/> in its place.</summary>
    /// <param name="path">The file, or "-" for the standard input; of traffic its name.</param>
    /// <param name="options">What to run.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, by one thread at a time; or null.</param>
    /// <returns>One result for each case.</returns>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static IReadOnlyList<ReplayResult> Run(string path, ReplayOptions options, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Device?.Traffic is { } traffic)
        {
            return Run(path, traffic, options);
        }

        using var reader = TraceFile.Open(path, options.IsLenient, onRead);
        var census = new TraceCensus(path);
        var lanes = new List<ReplayLane>();
        try
        {
            lanes.AddRange(options.Cases.Take(options.Part).Select(replayCase => new ReplayLane(replayCase, options)));
            Replay(TraceReader.NameOf(path), reader, census, lanes);
            var summary = census.Finish(reader);
            if (options.SeriesInterval != 0 && !summary.HasTimes)
            {
                throw new InputException(TraceReader.NameOf(path), null, "its events have no times, so that there is no time series of it");
            }

            return [.. lanes.Select(lane => lane.Finish(summary))];
        }
        finally
        {
            lanes.ForEach(lane => lane.Dispose());
        }
    }

    /// <summary>Replays several traces at once, as many as there are processors.</summary>
    /// <param name="work">The files, each with what to run of it.</param>
    /// <param name="onRead">Told the index of a file and how many bytes of it were read so far, from any thread; or null.</param>
    /// <returns>The results in the order of the files.</returns>
    /// <exception cref="InputException">A file cannot be used: of several, the first. Those that come later may not have been looked at.</exception>
    public static IReadOnlyList<ReplayResult> RunAll(IReadOnlyList<(string Path, ReplayOptions Options)> work, Action<int, long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(work);
        var results = new IReadOnlyList<ReplayResult>[work.Count];
        ParallelWork.Run(work.Count, index =>
            results[index] = Run(work[index].Path, work[index].Options, onRead is null ? null : count => onRead(index, count)));
        return [.. results.SelectMany(result => result)];
    }

    /// <summary>Has every lane do traffic, which is the same each time that it is made.</summary>
    private static ReplayResult[] Run(string name, NicTraffic traffic, ReplayOptions options)
    {
        var summary = new TraceSummary { File = name };
        traffic.Make(one =>
        {
            bool isMap = one.Kind == TraceEventKind.Map;
            summary.Maps += isMap ? 1 : 0;
            summary.Unmaps += isMap ? 0 : 1;
            summary.LivePages = isMap ? summary.LivePages + (one.Size / SmallPage.Bytes) : summary.LivePages - (one.Size / SmallPage.Bytes);
            summary.PeakLivePages = Math.Max(summary.PeakLivePages, summary.LivePages);
        });
        ReplayCase[] cases = [.. options.Cases.Take(options.Part)];
        var results = new ReplayResult[cases.Length];
        ParallelWork.Run(cases.Length, index =>
        {
            using var lane = new ReplayLane(cases[index], options);
            traffic.Make(one => lane.Do(new ReplayEvent(one, domain: 0, livePages: 0)));
            results[index] = lane.Finish(summary);
        });
        return results;
    }

    /// <summary>Has every lane do every event. While lanes do some, the next ones are read.</summary>
    private static void Replay(string name, TraceReader reader, TraceCensus census, List<ReplayLane> lanes)
    {
        var (now, next) = (new ReplayBatch(), new ReplayBatch());
        now.Fill(reader, census);
        while (true)
        {
            // Reading does not throw, and what is before its problem comes first.
            ParallelWork.Run(lanes.Count + 1, index =>
            {
                if (index != 0)
                {
                    Do(name, now, lanes[index - 1]);
                }
                else if (!now.IsLast)
                {
                    next.Fill(reader, census);
                }
            });
            now.Problem?.Throw();
            if (now.IsLast)
            {
                return;
            }

            (now, next) = (next, now);
        }
    }

    private static void Do(string name, ReplayBatch batch, ReplayLane lane)
    {
        foreach (ref readonly var one in batch.Events)
        {
            lane.Do(one);
            if (lane.SeriesCount > SeriesRecorder.MaxPoints)
            {
                throw new InputException(
                    name, one.Line, $"the time series has more than {SeriesRecorder.MaxPoints} intervals here; choose longer ones");
            }
        }
    }
}
