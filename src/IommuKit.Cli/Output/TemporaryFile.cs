using System.Runtime.InteropServices;
using System.Text;

namespace IommuKit.Cli.Output;

/// <summary>
/// A file that takes the place of another when it is whole, and is removed if that never happens: not even a signal leaves it behind.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly FileStream _stream;
    private readonly PosixSignalRegistration[] _signals;
    private bool _isDone;

    /// <summary>Makes a file in the folder of <paramref name="target"/>.</summary>
    public TemporaryFile(string target)
    {
        _path = Path.Combine(Path.GetDirectoryName(target)!, $".iommukit-{Path.GetRandomFileName()}.tmp");
        _stream = new FileStream(_path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        _signals =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
                .Select(signal => PosixSignalRegistration.Create(signal, Interrupt)),
        ];
    }

    /// <summary>Writes the whole text, and gives the file its place.</summary>
    public void Commit(string text, string target)
    {
        lock (_gate)
        {
            _stream.Write(Encoding.UTF8.GetBytes(text));
            _stream.Dispose();
            if (!OperatingSystem.IsWindows() && File.Exists(target))
            {
                File.SetUnixFileMode(_path, File.GetUnixFileMode(target));
            }

            File.Move(_path, target, overwrite: true);
            _isDone = true;
        }
    }

    /// <summary>Removes the file if it was not committed.</summary>
    public void Dispose()
    {
        foreach (var signal in _signals)
        {
            signal.Dispose();
        }

        lock (_gate)
        {
            _stream.Dispose();
            if (!_isDone)
            {
                File.Delete(_path);
                _isDone = true;
            }
        }
    }

    private void Interrupt(PosixSignalContext context)
    {
        // Under the lock to the end, so that nothing is committed after this.
        lock (_gate)
        {
            if (_isDone)
            {
                return;
            }

            context.Cancel = true;
            File.Delete(_path);
            Environment.Exit(context.Signal switch
            {
                PosixSignal.SIGINT => ExitCode.Interrupted,
                PosixSignal.SIGTERM => ExitCode.Terminated,
                _ => ExitCode.HungUp,
            });
        }
    }
}
