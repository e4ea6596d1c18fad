using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using IommuKit.Cli.Invocation;
using IommuKit.Linux;
using IommuKit.Traces;

namespace IommuKit.Cli.Runs;

/// <summary>What ends a recording: time, the end of a command, Ctrl-C, or another signal. None of them ends the process before all is restored.</summary>
internal sealed class RecordEnd : IDisposable
{
    private const int Terminate = 15;
    private const int MostSeconds = 5;

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _signals;
    private readonly TimeSpan? _time;
    private Process? _workload;

    public RecordEnd(TimeSpan? time)
    {
        _time = time;
        _signals =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
                .Select(signal => PosixSignalRegistration.Create(signal, End)),
        ];
    }

    /// <summary>Comes when it is to end.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>The exit code of a signal that wants no verdict either; null if none came.</summary>
    public int? Signal { get; private set; }

    /// <summary>Begins: the clock runs, and the command.</summary>
    /// <exception cref="InputException">There is no such command.</exception>
    public void Begin(IReadOnlyList<string> workload)
    {
        if (_time is { } time)
        {
            _stop.CancelAfter(time);
        }

        if (workload.Count == 0)
        {
            return;
        }

        var process = new Process
        {
            StartInfo = new ProcessStartInfo(workload[0], workload.Skip(1)) { UseShellExecute = false },
            EnableRaisingEvents = true,
        };
        process.Exited += (_, _) => _stop.Cancel();
        try
        {
            process.Start();
            _workload = process;
        }
        catch (Win32Exception e)
        {
            process.Dispose();
            throw new InputException($"{workload[0]}: {Marshal.GetPInvokeErrorMessage(e.NativeErrorCode)}", e);
        }
    }

    /// <summary>Asks a command to end that is still running, and waits a little for it.</summary>
    public void LetWorkloadEnd()
    {
        if (_workload is { HasExited: false })
        {
            HostCalls.Ask(_workload.Id, Terminate);
            _workload.WaitForExit(TimeSpan.FromSeconds(MostSeconds));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        _workload?.Dispose();

        // The source is left to the collector: a signal or the command may still be about to cancel it.
    }

    private void End(PosixSignalContext context)
    {
        context.Cancel = true;
        Signal ??= context.Signal switch
        {
            PosixSignal.SIGTERM => ExitCode.Terminated,
            PosixSignal.SIGHUP => ExitCode.HungUp,
            _ => null,
        };
        _stop.Cancel();
    }
}
