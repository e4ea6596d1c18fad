using System.Diagnostics;
using System.Globalization;
using IommuKit.Traces;

namespace IommuKit.Cli.Invocation;

/// <summary>Says now and then how far a run of minutes has come, where bars cannot be drawn: logs of builds end what stays silent.</summary>
/// <param name="error">Where to.</param>
internal sealed class ProgressLines(TextWriter error)
{
    /// <summary>How every line begins.</summary>
    public const string Start = "iommukit: at work: ";

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private long _last = Stopwatch.GetTimestamp();

    /// <summary>Notes how much of a phase is done; on any thread.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="share">From 0 to 1.</param>
    public void Report(string phase, double share)
    {
        lock (_gate)
        {
            if (Stopwatch.GetElapsedTime(_last) >= Every)
            {
                _last = Stopwatch.GetTimestamp();
                error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Start}{Printable.Of(phase)}, {Math.Floor(100 * share):0} %"));
            }
        }
    }
}
