using System.Runtime.InteropServices;
using Spectre.Console;

namespace IommuKit.Cli.Invocation;

/// <summary>
/// Bars on the standard error that are gone when the work is done, and also when a signal ends the process before that: bars hide the cursor, and the
/// terminal outlives the process.
/// </summary>
/// <remarks>
/// The work runs on a thread of its own, so that this one can leave the bars while it goes on: it then waits for the process to end.
/// </remarks>
internal sealed class Bars : IDisposable
{
    // What a terminal that takes nothing more may delay the end of the process by.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _gone = new();
    private readonly PosixSignalRegistration[] _signals;

    private Bars(bool endsOnInterrupt)
    {
        _signals =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
                .Where(signal => endsOnInterrupt || signal != PosixSignal.SIGINT)
                .Select(signal => PosixSignalRegistration.Create(signal, _ => Leave())),
        ];
        AppDomain.CurrentDomain.ProcessExit += LeaveAtExit;
    }

    /// <summary>Does work under bars.</summary>
    /// <param name="console">Where they are.</param>
    /// <param name="work">The work; it adds the bars.</param>
    /// <param name="endsOnInterrupt">Whether SIGINT ends the process; if not, the work sees to it.</param>
    public static T Over<T>(IAnsiConsole console, Func<ProgressContext, T> work, bool endsOnInterrupt = true)
    {
        using var bars = new Bars(endsOnInterrupt);
        return bars.Run(console, work);
    }

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= LeaveAtExit;
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        // A handler that runs at this moment finds the bars gone.
        _gone.Set();
    }

    private T Run<T>(IAnsiConsole console, Func<ProgressContext, T> work)
    {
        T result = default!;
        bool isDone = false;
        console.Progress().AutoClear(true).Columns(
            new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn()).Start(progress =>
        {
            var running = Task.Factory.StartNew(() => work(progress), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            if (Task.WaitAny(running, _asked.Task) == 0)
            {
                result = running.GetAwaiter().GetResult();
                isDone = true;
            }
        });
        if (!isDone)
        {
            _gone.Set();
            Thread.Sleep(Timeout.Infinite);
        }

        return result;
    }

    private void LeaveAtExit(object? sender, EventArgs e) => Leave();

    /// <summary>Has the bars go, and the cursor come back.</summary>
    private void Leave()
    {
        _asked.TrySetResult();
        _gone.Wait(Patience);
    }
}
