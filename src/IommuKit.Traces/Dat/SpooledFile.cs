namespace IommuKit.Traces.Dat;

/// <summary>
/// A copy of an input that cannot be read at any place: of a pipe, or of what a gzip file holds. Of its start no more is copied than is asked for, so
/// that a header is judged before the rest is written anywhere; the rest comes with <see cref="CopyRest"/>.
/// </summary>
internal sealed class SpooledFile : ReadOnlyStream
{
    /// <summary>The most that is copied. What is compressed may be far larger than its file.</summary>
    public const long MaxBytes = 64L << 30;

    /// <summary>The most that is copied before the header is known to be one. Those of trace-cmd have a few megabytes.</summary>
    public const long MaxHeader = 64 << 20;

    private readonly Stream _input;
    private readonly byte[] _buffer = new byte[1 << 16];
    private long _length;
    private long _position;
    private bool _isDone;

    private SpooledFile(Stream input, FileStream file)
    {
        _input = input;
        File = file;
    }

    /// <summary>The copy; the creator of this object disposes of it.</summary>
    public FileStream File { get; }

    /// <summary>Why not all of the input could be copied; null if nothing stood in the way so far.</summary>
    public string? Problem { get; private set; }

    public override bool CanSeek => true;

    /// <summary>How much was copied so far.</summary>
    public override long Length => _length;

    public override long Position
    {
        get => _position;
        set => _position = value;
    }

    /// <summary>Makes a file without a name (on Windows: one that goes away with its handle), and copies nothing yet.</summary>
    /// <param name="input">The input.</param>
    public static SpooledFile Create(Stream input)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
            Options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        string path = Path.Combine(Path.GetTempPath(), $"iommukit-{Guid.NewGuid():N}.dat");
        var file = new FileStream(path, options);
        try
        {
            if (!OperatingSystem.IsWindows())
            {
                System.IO.File.Delete(path);
            }

            return new SpooledFile(input, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Copies so much of the header, if there is so much.</summary>
    /// <param name="end">Where the part of the header ends that is read next.</param>
    /// <exception cref="InvalidDataException">No header is so long.</exception>
    public void Reach(ulong end)
    {
        if (end > MaxHeader)
        {
            throw new InvalidDataException($"its header has more than {MaxHeader >> 20} MiB");
        }

        Copy((long)end, long.MaxValue);
    }

    /// <summary>Copies what is not yet copied.</summary>
    /// <param name="end">Where what is needed ends. What comes behind it is read too, so that damage is noticed, and not written.</param>
    public void CopyRest(long end) => Copy(long.MaxValue, end);

    public override int Read(Span<byte> buffer)
    {
        int count = RandomAccess.Read(File.SafeFileHandle, buffer, _position);
        _position += count;
        return count;
    }

    private void Copy(long end, long lastNeeded)
    {
        try
        {
            while (_length < end && !_isDone)
            {
                int count = _input.Read(_buffer);
                _isDone = count == 0;
                if (_length > MaxBytes - count)
                {
                    Stop($"it has more than {MaxBytes >> 30} GiB, which is more than is copied; give it as a plain file");
                    return;
                }

                int needed = (int)Math.Clamp(lastNeeded - _length, 0, count);
                RandomAccess.Write(File.SafeFileHandle, _buffer.AsSpan(0, needed), _length);
                _length += count;
            }
        }
        catch (InvalidDataException)
        {
            Stop("the gzip data breaks off or is damaged");
        }
    }

    private void Stop(string problem)
    {
        Problem = problem;
        _isDone = true;
    }
}
