namespace IommuKit.Lab.Traces;

/// <summary>Opens trace files by what they contain.</summary>
internal static class TraceFile
{
    private const int ProbeBytes = 16;

    private static readonly (byte[] Magic, string Problem)[] Refused =
    [
        ("\x17\x08\x44tracing"u8.ToArray(), "is a binary trace.dat; print it with 'trace-cmd report' first"),
        ("PERFILE2"u8.ToArray(), "is a binary perf.data; print it with 'perf script' first"),
        ([0x28, 0xb5, 0x2f, 0xfd], "is compressed with zstd; decompress it first, or use gzip"),
        ([0xfd, .. "7zXZ"u8], "is compressed with xz; decompress it first, or use gzip"),
        ("BZh"u8.ToArray(), "is compressed with bzip2; decompress it first, or use gzip"),
        ("PK\x03\x04"u8.ToArray(), "is a zip archive; unpack it first"),
    ];

    /// <summary>The name that stands for the standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>Opens a file of text, plain or gzip. It is read once from start to end, so that it may be a pipe.</summary>
    /// <param name="path">The file, or <see cref="StandardInput"/>.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">It cannot be read, or is something else.</exception>
    public static Stream Open(string path, Action<long>? onRead)
    {
        if (path.Length == 0)
        {
            throw new InputException("the name of a trace is empty");
        }

        string name = NameOf(path);
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
                var counted = new CountingStream(file, onRead);
                byte[] start = new byte[ProbeBytes];
                start = start[..counted.ReadAtLeast(start, ProbeBytes, throwOnEndOfStream: false)];
                if (start.Length == 0)
                {
                    throw new InputException(name, null, "is empty");
                }

                if (FindProblem(start) is { } problem)
                {
                    throw new InputException(name, null, problem);
                }

                var whole = new ChainedStream(new MemoryStream(start), counted);
                return start.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? new GzipTextStream(whole) : whole;
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

    /// <summary>How messages name a file.</summary>
    public static string NameOf(string path) => path == StandardInput ? "standard input" : path;

    /// <summary>What is wrong with a file that starts like this; null if nothing is known to be.</summary>
    public static string? FindProblem(ReadOnlySpan<byte> start)
    {
        foreach (var (magic, problem) in Refused)
        {
            if (start.StartsWith(magic))
            {
                return problem;
            }
        }

        return null;
    }
}
