using System.Buffers.Text;

namespace IommuKit.Lab.Traces;

/// <summary>The words that lines of ftrace text are made of.</summary>
internal static class FtraceText
{
    /// <summary>
    /// The time in front of the event's name, and a colon: seconds with a fraction; or with the option latency-format microseconds since the start
    /// and a mark for the time to the next event; or with verbose too the microseconds of the clock as hexadecimal digits, and more.
    /// <code>
    /// …  7.590418: map:
    /// … 572484us!: map:
    /// … [0073263f] 556.819ms (+0.803ms): map:
    /// </code>
    /// </summary>
    /// <param name="before">The line up to the name's end.</param>
    /// <returns>Nanoseconds, or -1 where there is no time, or a counter.</returns>
    public static long ReadTime(ReadOnlySpan<byte> before)
    {
        int name = before.LastIndexOf((byte)' ');
        if (name < 0)
        {
            return -1;
        }

        var text = before[..name].TrimEnd((byte)' ');
        if (text.IsEmpty || text[^1] != ':')
        {
            return -1;
        }

        text = text[..^1].TrimEnd((byte)' ');
        if (text.EndsWith("ms)"u8))
        {
            return ReadHexMicroseconds(text);
        }

        text = text[(text.LastIndexOf((byte)' ') + 1)..];
        if (text.LastIndexOf("us"u8) is > 0 and int unit && unit >= text.Length - 3)
        {
            return ReadMicroseconds(text[..unit], 'D');
        }

        int point = text.IndexOf((byte)'.');
        if (point < 0
            || !Utf8Parser.TryParse(text[..point], out long seconds, out int used)
            || used != point
            || seconds is < 0 or > long.MaxValue / 2_000_000_000)
        {
            return -1;
        }

        var fraction = text[(point + 1)..];
        if (fraction.Length is 0 or > 9 || !Utf8Parser.TryParse(fraction, out long parts, out used) || used != fraction.Length)
        {
            return -1;
        }

        for (int digits = fraction.Length; digits < 9; digits++)
        {
            parts *= 10;
        }

        return (seconds * 1_000_000_000) + parts;
    }

    /// <summary>Goes over a word, if it is the expected one.</summary>
    public static bool TrySkip(ref ReadOnlySpan<byte> text, ReadOnlySpan<byte> expected)
    {
        if (!text.StartsWith(expected))
        {
            return false;
        }

        text = text[expected.Length..];
        return true;
    }

    /// <summary>Reads a number with 0x in front.</summary>
    public static bool TryReadHex(ref ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        if (!TrySkip(ref text, "0x"u8) || !Utf8Parser.TryParse(text, out value, out int used, 'x'))
        {
            return false;
        }

        text = text[used..];
        return true;
    }

    /// <summary>Reads a decimal number.</summary>
    public static bool TryReadDecimal(ref ReadOnlySpan<byte> text, out ulong value)
    {
        if (!Utf8Parser.TryParse(text, out value, out int used))
        {
            return false;
        }

        text = text[used..];
        return true;
    }

    private static long ReadHexMicroseconds(ReadOnlySpan<byte> text)
    {
        int end = text.LastIndexOf((byte)']');
        int start = text[..Math.Max(end, 0)].LastIndexOf((byte)'[');
        return start < 0 ? -1 : ReadMicroseconds(text[(start + 1)..end], 'x');
    }

    private static long ReadMicroseconds(ReadOnlySpan<byte> digits, char format) =>
        Utf8Parser.TryParse(digits, out long microseconds, out int used, format) && used == digits.Length && microseconds is >= 0 and < long.MaxValue / 1000
            ? microseconds * 1000
            : -1;
}
