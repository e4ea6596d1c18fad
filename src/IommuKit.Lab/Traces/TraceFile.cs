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

    /// <summary>Opens a file of text, plain or gzip.</summary>
    /// <param name="path">The file.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">It cannot be read, or is something else.</exception>
    public static Stream Open(string path, Action<long>? onRead)
    {
        try
        {
            if (Directory.Exists(path))
            {
                throw new InputException(path, null, "is a directory");
            }

            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            try
            {
                Span<byte> start = stackalloc byte[ProbeBytes];
                start = start[..file.ReadAtLeast(start, ProbeBytes, throwOnEndOfStream: false)];
                if (start.IsEmpty)
                {
                    throw new InputException(path, null, "is empty");
                }

                foreach (var (magic, problem) in Refused)
                {
                    if (start.StartsWith(magic))
                    {
                        throw new InputException(path, null, problem);
                    }
                }

                file.Position = 0;
                var counted = new CountingStream(file, onRead);
                return start.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? new GzipTextStream(counted) : counted;
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException(path, null, Reason(e));
        }
    }

    private static string Reason(Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException => "may not be read",
        _ => e.Message,
    };
}
