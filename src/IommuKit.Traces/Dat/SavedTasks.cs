using System.Buffers.Text;
using System.Text;

namespace IommuKit.Traces.Dat;

/// <summary>The names of tasks that the kernel had saved (tracefs, saved_cmdlines): a line "123 name" for each.</summary>
internal sealed class SavedTasks
{
    // The kernel saves 128 names, or as many as its administrator wants; a line has at most 27 bytes.
    private const int MaxBytes = 4 << 20;
    private const int MaxName = 15;

    private readonly Dictionary<uint, byte[]> _names = new() { [0] = [.. "<idle>-0"u8] };

    /// <summary>Reads them, as far as any kernel saves: their size, and the lines.</summary>
    public void Read(DatCursor cursor)
    {
        ulong size = cursor.U64();
        if (size > MaxBytes)
        {
            cursor.Skip(size);
            return;
        }

        ReadOnlySpan<byte> text = cursor.Bytes(size);
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (Utf8Parser.TryParse(line, out uint number, out int digits) && digits < line.Length && line[digits] == ' ')
            {
                var name = line[(digits + 1)..];
                _names.TryAdd(number, [.. name[..Math.Min(name.Length, MaxName)], .. Encoding.ASCII.GetBytes($"-{number}")]);
            }
        }
    }

    /// <summary>"name-123", as ftrace prints it; empty if the name was not saved.</summary>
    public ReadOnlySpan<byte> Of(uint number) => _names.GetValueOrDefault(number);
}
