namespace IommuKit.Lab.Traces.Dat;

/// <summary>A copy of an input that cannot be read at any place: of a pipe, or of what a gzip file holds.</summary>
internal static class SpooledFile
{
    /// <summary>The most that is copied. What is compressed may be far larger than its file.</summary>
    public const long MaxBytes = 64L << 30;

    /// <summary>Copies an input to a file without a name (on Windows: one that goes away with its handle).</summary>
    /// <param name="input">The input.</param>
    /// <param name="problem">Why not all of it could be copied; null if all was.</param>
    public static FileStream Create(Stream input, out string? problem)
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
                File.Delete(path);
            }

            problem = Copy(input, file);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static string? Copy(Stream input, FileStream file)
    {
        byte[] buffer = new byte[1 << 18];
        long length = 0;
        try
        {
            for (int count = input.Read(buffer); count != 0; count = input.Read(buffer))
            {
                length += count;
                if (length > MaxBytes)
                {
                    return $"it has more than {MaxBytes >> 30} GiB, which is more than is copied; give it as a plain file";
                }

                file.Write(buffer.AsSpan(0, count));
            }

            return null;
        }
        catch (InvalidDataException)
        {
            return "the gzip data breaks off or is damaged";
        }
    }
}
