using System.Buffers.Binary;
using System.Globalization;

namespace IommuKit.Cli.Output.Report;

/// <summary>The day that a compressed file carries. The file system's says only when it was copied.</summary>
internal static class FileDate
{
    private const int HeaderLength = 8;
    private const int TimeAt = 4;

    /// <summary>The day (UTC) in the head of a gzip file.</summary>
    /// <returns>Null if it has none, or is not one.</returns>
    public static DateOnly? Of(string file)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        try
        {
            using var stream = File.OpenRead(file);
            if (stream.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false) < HeaderLength || header[0] != 0x1f || header[1] != 0x8b)
            {
                return null;
            }
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            // It has been read before; what is only nice to know is no reason to fail.
            return null;
        }

        uint seconds = BinaryPrimitives.ReadUInt32LittleEndian(header[TimeAt..]);
        return seconds == 0 ? null : DateOnly.FromDateTime(DateTimeOffset.FromUnixTimeSeconds(seconds).UtcDateTime);
    }

    /// <summary>A day as a page has it.</summary>
    public static string Format(DateOnly day) => day.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);
}
