namespace IommuKit.Cli.Commands;

/// <summary>Tells traces from tables of measured times.</summary>
internal static class CalibrationInput
{
    private const int Probe = 1 << 16;

    /// <summary>
    /// Whether a file is a trace: a table begins with a header of names, in which there is no colon, and a trace with events, in which there is.
    /// </summary>
    /// <param name="path">The file. A pipe cannot be looked into, and is a table; the standard input is a trace.</param>
    public static bool IsTrace(string path)
    {
        if (path == "-")
        {
            return true;
        }

        try
        {
            using var file = path.Length != 0 && File.Exists(path) ? File.OpenRead(path) : Stream.Null;
            if (!file.CanSeek)
            {
                return false;
            }

            byte[] start = new byte[Probe];
            return IsTrace(start.AsSpan(0, file.ReadAtLeast(start, Probe, throwOnEndOfStream: false)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The reader that uses it says what is wrong.
            return false;
        }
    }

    private static bool IsTrace(ReadOnlySpan<byte> start)
    {
        if (start.Contains((byte)0) || start.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            return true;
        }

        foreach (var range in start.Split((byte)'\n'))
        {
            var line = start[range].Trim(" \t\r"u8);
            if (line.StartsWith("# tracer:"u8))
            {
                return true;
            }

            if (!line.IsEmpty && line[0] != (byte)'#')
            {
                return line.Contains((byte)':') || line.StartsWith("cpus="u8);
            }
        }

        return false;
    }
}
