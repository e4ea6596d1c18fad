using System.Runtime.ExceptionServices;
using IommuKit.Traces;
using IommuKit.Traces.Files;

namespace IommuKit.Lab.Replay;

/// <summary>
/// Replays the map and unmap events of a trace recorded on a real kernel, on every machine and under every policy at once, in one pass.
/// </summary>
/// <remarks>
/// Events are done one by one, as recorded: a scatter list is one map event for each of its pieces, and nothing in a trace says which belong
/// together. An unmap takes away what the kernel says went away.
/// </remarks>
public static class Replayer
{
    /// <summary>Replays a trace.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="options">What to run.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <returns>One result for each case.</returns>
    /// <exception cref="InputException">The file cannot be used.</exception>
    public static IReadOnlyList<ReplayResult> Run(string path, ReplayOptions options, Action<long>? onRead = null)
    {
        using var reader = TraceFile.Open(path, options.IsLenient, onRead);
        var census = new TraceCensus(path);
        var lanes = new List<ReplayLane>();
        try
        {
            lanes.AddRange(
                options.Cases.Take(options.Part).Select(replayCase => new ReplayLane(replayCase, options, census.Summary)));
            while (reader.Read(out var traceEvent))
            {
                census.Note(traceEvent, reader);
                foreach (var lane in lanes)
                {
                    lane.Do(traceEvent);
                }

                if (lanes.Count != 0 && lanes[0].SeriesCount > SeriesRecorder.MaxPoints)
                {
                    throw new InputException(
                        TraceReader.NameOf(path),
                        traceEvent.Line,
                        $"the time series has more than {SeriesRecorder.MaxPoints} intervals here; choose longer ones");
                }
            }

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
        var problems = new ExceptionDispatchInfo?[work.Count];

        // Files are started in their order, so that when one cannot be used every earlier one is under way and comes to its end.
        int next = -1;
        bool hasFailed = false;
        Parallel.For(0, Math.Min(work.Count, Environment.ProcessorCount), _ =>
        {
            while (!Volatile.Read(ref hasFailed) && Interlocked.Increment(ref next) is var index && index < work.Count)
            {
                try
                {
                    results[index] = Run(work[index].Path, work[index].Options, onRead is null ? null : count => onRead(index, count));
                }
                catch (Exception e)
                {
                    problems[index] = ExceptionDispatchInfo.Capture(e);
                    Volatile.Write(ref hasFailed, true);
                }
            }
        });
        problems.FirstOrDefault(problem => problem is not null)?.Throw();
        return [.. results.SelectMany(result => result)];
    }
}
