using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Cli.Invocation;

/// <summary>
/// A file that takes the place of another when it is whole, and is gone if that never happens.
/// </summary>
/// <remarks>
/// On Linux it has no name until it is whole, so that it goes even with a process that is killed. Where another file has the name already, it has
/// a name of its own between two calls of the system, as no call puts a file without a name in the place of another. On other systems, and on file
/// systems that have no such files, it has a name of its own while it is written, at the very end; only a process that is killed just then leaves
/// it behind.
/// </remarks>
internal sealed class TemporaryFile : IDisposable
{
    private readonly Lock _gate = new();
    private readonly string _folder;
    private readonly SafeFileHandle? _unnamed;
    private readonly PosixSignalRegistration[] _signals;
    private FileStream? _content;
    private string? _path;
    private bool _isDone;

    /// <summary>Makes a file in the folder of <paramref name="target"/>, or finds out that one can be made there.</summary>
    /// <param name="target">The file whose place it takes.</param>
    /// <param name="endsOnInterrupt">Whether SIGINT ends the process; if not, somebody else sees to it.</param>
    /// <param name="endsOnSignals">Whether other signals do.</param>
    public TemporaryFile(string target, bool endsOnInterrupt = true, bool endsOnSignals = true)
    {
        _folder = Path.GetDirectoryName(target)!;
        _unnamed = UnnamedFile.TryCreate(_folder);
        if (_unnamed is null)
        {
            new FileStream(NewPath(), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
        }

        _signals =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }
                .Where(signal => signal == PosixSignal.SIGINT ? endsOnInterrupt : endsOnSignals)
                .Select(signal => PosixSignalRegistration.Create(signal, Interrupt)),
        ];
    }

    /// <summary>Writes the whole text, and gives the file its place.</summary>
    public void Commit(string text, string target)
    {
        lock (_gate)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            bool isThere = File.Exists(target);
            UnixFileMode? mode = isThere && !OperatingSystem.IsWindows() ? File.GetUnixFileMode(target) : null;
            if (_unnamed is not null)
            {
                Write(_unnamed, bytes, mode);
            }

            if (isThere || _unnamed is null || !UnnamedFile.TryName(_unnamed, target))
            {
                _path = NewPath();
                if (_unnamed is null || !UnnamedFile.TryName(_unnamed, _path))
                {
                    using var named = File.OpenHandle(_path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
                    Write(named, bytes, mode);
                }

                File.Move(_path, target, overwrite: true);
            }

            _isDone = true;
        }
    }

    /// <summary>Opens the file for more content than there is memory for. Nothing waits in the stream.</summary>
    public Stream OpenContent()
    {
        lock (_gate)
        {
            if (_unnamed is null)
            {
                _path = NewPath();
            }

            return _content = _unnamed is not null
                ? new FileStream(_unnamed, FileAccess.Write, bufferSize: 0)
                : new FileStream(_path!, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        }
    }

    /// <summary>Gives the file with the content of <see cref="OpenContent"/> its place.</summary>
    public void CommitContent(string target)
    {
        lock (_gate)
        {
            bool isThere = File.Exists(target);
            if (isThere && !OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(_content!.SafeFileHandle, File.GetUnixFileMode(target));
            }

            if (isThere || _unnamed is null || !UnnamedFile.TryName(_unnamed, target))
            {
                if (_unnamed is not null)
                {
                    string path = NewPath();
                    _path = UnnamedFile.TryName(_unnamed, path) ? path : throw new IOException("the file cannot be given a name");
                }

                _content!.Dispose();
                File.Move(_path!, target, overwrite: true);
            }

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
            _content?.Dispose();
            Remove();
            _unnamed?.Dispose();
            _isDone = true;
        }
    }

    private static void Write(SafeFileHandle file, byte[] bytes, UnixFileMode? mode)
    {
        RandomAccess.Write(file, bytes, fileOffset: 0);
        if (mode is { } same && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, same);
        }
    }

    private string NewPath() => Path.Combine(_folder, $".iommukit-{Path.GetRandomFileName()}.tmp");

    private void Remove()
    {
        if (!_isDone && _path is not null)
        {
            File.Delete(_path);
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
            Remove();
            Environment.Exit(context.Signal switch
            {
                PosixSignal.SIGINT => ExitCode.Interrupted,
                PosixSignal.SIGTERM => ExitCode.Terminated,
                _ => ExitCode.HungUp,
            });
        }
    }
}
