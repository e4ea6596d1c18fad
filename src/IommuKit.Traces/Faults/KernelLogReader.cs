using System.Text;
using System.Text.RegularExpressions;

namespace IommuKit.Traces.Faults;

/// <summary>
/// Reads what a kernel log says of faults: dmesg with any times or none, what journalctl -k and syslog write, and captures of serial consoles.
/// The log is read once from start to end in bounded memory, plain or gzip, and may be a pipe.
/// </summary>
public static class KernelLogReader
{
    // The kernel's longest records have less than 1 KiB; consoles put other things in front. What comes after is not read.
    private const int MaxLine = 4 << 10;

    // Without one of these a line is no message of an IOMMU. They are few so that a long log costs little.
    private static readonly byte[][] Needles =
    [
        "ault"u8.ToArray(), "AULT"u8.ToArray(), "smmu"u8.ToArray(), "suppressed"u8.ToArray(), "AMD-Vi"u8.ToArray(), "tegra"u8.ToArray(),
        "address="u8.ToArray(), "detected Invalidation"u8.ToArray(),
    ];

    /// <summary>Reads a kernel log.</summary>
    /// <param name="path">The file, or "-" for the standard input.</param>
    /// <param name="onRead">Told how many bytes of the file were read so far, or null.</param>
    /// <exception cref="InputException">The file cannot be read, or is none of text.</exception>
    public static KernelLog Read(string path, Action<long>? onRead = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        using var input = TraceInput.Open(path, onRead);
        if (input.IsDat)
        {
            throw new InputException(input.Name, null, "is a trace.dat, not a kernel log; give it as the trace, and what dmesg prints as the log");
        }

        return Read(input.Content, path, input.Name);
    }

    /// <summary>Whether a line can be a message of an IOMMU.</summary>
    internal static bool CanMatter(ReadOnlySpan<byte> line)
    {
        foreach (byte[] needle in Needles)
        {
            if (line.IndexOf(needle) >= 0)
            {
                return true;
            }
        }

        return false;
    }

    private static bool LooksLikeKernel(ReadOnlySpan<byte> line) =>
        line.IndexOf(" kernel: "u8) >= 0 || line.IndexOf("Linux version "u8) >= 0 || line.IndexOf("Command line: "u8) >= 0
            || KernelLogTime.Of(Encoding.Latin1.GetString(line)).Clock != LogClock.None;

    /// <summary>Reads a kernel log from a stream.</summary>
    internal static KernelLog Read(Stream content, string path, string name)
    {
        var log = new KernelLog { File = path };
        var messages = new FaultMessages(log);
        byte[] buffer = new byte[16 * MaxLine];
        byte[] line = new byte[MaxLine];
        int length = 0;
        bool isLong = false;
        bool isStarted = false;
        bool isOpen = false;
        while (true)
        {
            int count;
            try
            {
                count = content.Read(buffer);
            }
            catch (InvalidDataException)
            {
                log.Problem = $"the gzip data of {name} breaks off or is damaged after line {log.Lines}; what comes before is used";
                break;
            }
            catch (IOException e)
            {
                throw new InputException(name, log.Lines + 1, FileProblem.Describe(e));
            }

            if (count == 0)
            {
                break;
            }

            if (!isStarted && ForeignForms.IsUtf16(buffer.AsSpan(0, count)))
            {
                throw new InputException(name, null, ForeignForms.Utf16);
            }

            isStarted = true;

            var rest = buffer.AsSpan(0, count);
            while (!rest.IsEmpty)
            {
                // Consoles end lines with CR LF, or begin them anew with CR alone. Only LF counts as the end of one.
                int end = rest.IndexOfAny((byte)'\n', (byte)'\r');
                var piece = end < 0 ? rest : rest[..end];
                int room = Math.Min(piece.Length, MaxLine - length);
                piece[..room].CopyTo(line.AsSpan(length));
                length += room;
                isLong |= room < piece.Length;
                if (end < 0)
                {
                    break;
                }

                Take(log, messages, line.AsSpan(0, length));
                length = 0;
                isOpen = rest[end] != '\n';
                if (!isOpen)
                {
                    log.Lines++;
                    log.LongLines += isLong ? 1 : 0;
                    isLong = false;
                }

                rest = rest[(end + 1)..];
            }
        }

        if (length != 0 || isOpen)
        {
            Take(log, messages, line.AsSpan(0, length));
            log.Lines++;
            log.LongLines += isLong ? 1 : 0;
        }

        messages.Finish();
        log.Sort();
        if (log.Lines != 0 && !log.IsOfKernel && log.Faults.Count == 0 && log.Suppressed.Count == 0 && log.FlushFailures == 0)
        {
            throw new InputException(
                name, null, "has no line that looks like a kernel's: none has a time in brackets or 'kernel:' in front, and none is a message of an IOMMU. "
                    + "Give what 'dmesg' or 'journalctl -k' prints");
        }

        return log;
    }

    private static void Take(KernelLog log, FaultMessages messages, ReadOnlySpan<byte> line)
    {
        log.IsOfKernel |= !log.IsOfKernel && LooksLikeKernel(line);
        log.Machine.Read(line);
        if (!CanMatter(line))
        {
            return;
        }

        // Latin-1 turns any bytes into as many characters; messages of the kernel are ASCII.
        string text = Encoding.Latin1.GetString(line);
        try
        {
            // Lines of several writers run together where one of them has no end.
            foreach (string part in KernelLogTime.Split(text))
            {
                var (nanoseconds, clock) = KernelLogTime.Of(part);
                messages.Read(part, (log.Lines + 1, nanoseconds, clock));
            }
        }
        catch (RegexMatchTimeoutException)
        {
            // No message of a kernel takes a second to read.
        }
    }
}
