namespace IommuKit.Traces;

/// <summary>A trace file that was opened, and of which it is known what it starts with.</summary>
internal sealed class TraceInput : IDisposable
{
    private const int ProbeBytes = 16;

    private static readonly (byte[] Magic, string Problem)[] Refused =
    [
        ("PERFILE2"u8.ToArray(), "is a binary perf.data; print it with 'perf script' first"),
        ([0x28, 0xb5, 0x2f, 0xfd], "is compressed with zstd; decompress it first, or use gzip"),
        ([0xfd, .. "7zXZ"u8], "is compressed with xz; decompress it first, or use gzip"),
        ("BZh"u8.ToArray(), "is compressed with bzip2; decompress it first, or use gzip"),
        ("PK\x03\x04"u8.ToArray(), "is a zip archive; unpack it first"),
    ];

    private readonly Stream _file;
    private readonly ProbedStream _content;

    private TraceInput(string name, Stream file, Action<long>? onRead)
    {
        Name = name;
        _file = file;
        OnRead = onRead;
        _content = new ProbedStream(new CountingStream(file, onRead), ProbeBytes);
        Refuse("");
        if (_content.Start.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            Gzip = new GzipTextStream(Name, _content);
            _content = new ProbedStream(Gzip, ProbeBytes);
            Refuse("is gzip; what it holds ");
            Gzip.MaxRatio = IsDat ? GzipTextStream.MaxDatRatio : GzipTextStream.MaxTextRatio;
        }
    }

    /// <summary>The name that stands for the standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>How messages name the file.</summary>
    public string Name { get; }

    /// <summary>The content from start to end, decompressed.</summary>
    public Stream Content => _content;

    /// <summary>The decompression that is part of <see cref="Content"/>, or null.</summary>
    public GzipTextStream? Gzip { get; }

    /// <summary>Told how many bytes of the file were read so far, or null.</summary>
    public Action<long>? OnRead { get; }

    /// <summary>Whether it is a trace.dat of trace-cmd.</summary>
    public bool IsDat => _content.Start.StartsWith("\x17\x08\x44tracing"u8);

    /// <summary>The file itself, if it can be read at any place and is not compressed; or null.</summary>
    public FileStream? Seekable => Gzip is null && _file is FileStream { CanSeek: true } file ? file : null;

    /// <summary>Opens a file. It is read once from start to end, so that it may be a pipe.</summary>
    /// <param name="path">The file, or <see cref="StandardInput"/>.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">It cannot be read, or is something that no reader reads.</exception>
    public static TraceInput Open(string path, Action<long>? onRead)
    {
        if (path.Length == 0)
        {
            throw new InputException("the name of a trace is empty");
        }

        string name = TraceReader.NameOf(path);
        try
        {
            if (Directory.Exists(path))
            {
                throw new InputException(name, null, "is a directory");
            }

            var file = path == StandardInput
                ? Console.OpenStandardInput()
                : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            try
            {
                return new TraceInput(name, file, onRead);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (UnauthorizedAccessException)
        {
            throw new InputException(name, null, "may not be read");
        }
        catch (IOException e)
        {
            throw new InputException(name, null, FileProblem.Describe(e));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _content.Dispose();
        _file.Dispose();
    }

    private void Refuse(string what)
    {
        if (_content is { Start.Length: 0, HasFailed: false })
        {
            throw new InputException(Name, null, what.Length == 0 ? "is empty" : "is gzip that holds nothing");
        }

        foreach (var (magic, problem) in Refused)
        {
            if (_content.Start.StartsWith(magic))
            {
                throw new InputException(Name, null, what + problem);
            }
        }
    }
}
