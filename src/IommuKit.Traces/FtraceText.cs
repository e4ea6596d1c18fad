using System.Buffers.Binary;
using System.Buffers.Text;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IommuKit.Traces;

/// <summary>The words that lines of ftrace text are made of.</summary>
internal static class FtraceText
{
    private const long MaxSeconds = long.MaxValue / 2_000_000_000;
    private const int FractionDigits = 9;

    private static ReadOnlySpan<int> PowersOfTen => [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

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
        if (text.EndsWith("/*"u8))
        {
            return ReadTimeInFront(text);
        }

        text = WithoutColumn(text);
        if (text.IsEmpty || text[^1] != ':')
        {
            return ReadTimeInBrackets(text);
        }

        text = text[..^1].TrimEnd((byte)' ');
        if (text.EndsWith("ms)"u8))
        {
            return ReadHexMicroseconds(text);
        }

        text = text[(text.LastIndexOf((byte)' ') + 1)..];
        if (text.IsEmpty)
        {
            return -1;
        }

        // The unit and the mark.
        if (text[^1] is < (byte)'0' or > (byte)'9' && text.LastIndexOf("us"u8) is > 0 and int unit && unit >= text.Length - 3)
        {
            return ReadMicroseconds(text[..unit], 'D');
        }

        return ReadSeconds(text);
    }

    /// <summary>
    /// As <see cref="ReadTime(ReadOnlySpan{byte})"/>, where the name is known, and faster if the time is printed as it nearly always is.
    /// </summary>
    /// <param name="before">The line up to the name's end.</param>
    /// <param name="nameLength">The length of the name.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ReadTime(ReadOnlySpan<byte> before, int nameLength)
    {
        int colon = before.Length - nameLength - 2;
        return colon > 0 && before[colon] == (byte)':' && before[colon + 1] == (byte)' ' && TryReadSeconds(before[..colon], out long nanoseconds)
            ? nanoseconds
            : ReadTime(before);
    }

    /// <summary>
    /// Whether what follows the last number of an event can follow it: nothing, the end of a comment, where in the ring buffer it was, or what perf
    /// adds: an address, with or without its name, or a control group.
    /// <code>
    /// size=4096 ffffffff844e6739 iommu_map+0x59 ([kernel.kallsyms])
    /// size=4096                0 [unknown] ([unknown])
    /// size=4096 /user.slice
    /// size=4096 [12:0x48:40]
    /// </code>
    /// </summary>
    public static bool IsTail(ReadOnlySpan<byte> rest)
    {
        var text = rest.Trim(" \t\r"u8);
        if (text.IsEmpty || text.SequenceEqual("*/"u8))
        {
            return true;
        }

        if (rest[0] is not ((byte)' ' or (byte)'\t'))
        {
            return false;
        }

        int end = text.IndexOfAny(" \t"u8);
        var word = end < 0 ? text : text[..end];
        return word[0] == '/' || IsPlace(word) || IsAddress(rest, word, text[word.Length..].TrimStart(" \t"u8));
    }

    /// <summary>Where a record was, as trace-cmd report --debug prints it: "[12:0x48:40]".</summary>
    private static bool IsPlace(ReadOnlySpan<byte> word) =>
        TrySkip(ref word, "["u8) && TryReadDecimal(ref word, out _) && TrySkip(ref word, ":"u8) && TryReadHex(ref word, out _)
            && TrySkip(ref word, ":"u8) && TryReadDecimal(ref word, out _) && word.SequenceEqual("]"u8);

    /// <summary>
    /// Whether a word is an address. A short one is told from a number that belongs nowhere by its name, or by the column of 16 letters in which perf
    /// prints it.
    /// </summary>
    private static bool IsAddress(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> word, ReadOnlySpan<byte> next)
    {
        const int maxDigits = 16;
        const int minDigits = 8;
        int lead = rest.Length - rest.TrimStart(" \t"u8).Length;
        return word.Length <= maxDigits
            && Utf8Parser.TryParse(word, out ulong _, out int used, 'x') && used == word.Length
            && (word.Length >= minDigits || lead + word.Length > maxDigits || (!next.IsEmpty && next[0] is not (>= (byte)'0' and <= (byte)'9')));
    }

    /// <summary>Whether a text ends with a time and a colon, or these and a column that can follow them.</summary>
    public static bool EndsWithTime(ReadOnlySpan<byte> text) =>
        WithoutColumn(text) is { Length: > 1 } rest && rest[^1] == ':' && rest[^2] is >= (byte)'0' and <= (byte)'9';

    /// <summary>
    /// "24.330589:          1" without what perf counted, and "24.330589: (+12)" without what trace-cmd report --ts-diff adds.
    /// </summary>
    private static ReadOnlySpan<byte> WithoutColumn(ReadOnlySpan<byte> text)
    {
        int blank = text.LastIndexOf((byte)' ');
        if (blank < 0)
        {
            return text;
        }

        var column = text[(blank + 1)..];
        if (TrySkip(ref column, "(+"u8))
        {
            _ = TrySkip(ref column, "-"u8);
            column = column.EndsWith(")"u8) ? column[..^1] : column;
        }

        if (column.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return text;
        }

        var before = text[..blank].TrimEnd((byte)' ');
        return !before.IsEmpty && before[^1] == ':' ? before : text;
    }

    /// <summary>
    /// The time of an event in a comment of a tracer of functions, which stands first on the line if it was asked for (funcgraph-abstime):
    /// <code>
    ///  7036.374912 |   1)               |  /* map: …
    /// </code>
    /// </summary>
    private static long ReadTimeInFront(ReadOnlySpan<byte> text)
    {
        text = text.TrimStart((byte)' ');
        int blank = text.IndexOf((byte)' ');
        return blank > 0 && text[blank..].TrimStart((byte)' ').StartsWith("|"u8) && text[..blank].Contains((byte)'.')
            ? ReadSeconds(text[..blank])
            : -1;
    }

    /// <summary>The time that the kernel's log puts in front: "[    7.590418]".</summary>
    private static long ReadTimeInBrackets(ReadOnlySpan<byte> text)
    {
        int open = text.LastIndexOf((byte)'[');
        if (open < 0 || text[^1] != ']')
        {
            return -1;
        }

        var time = text[(open + 1)..^1].TrimStart((byte)' ');
        return time.IsEmpty ? -1 : ReadSeconds(time);
    }

    /// <summary>"7.590418", in nanoseconds; -1 if it is not that.</summary>
    private static long ReadSeconds(ReadOnlySpan<byte> text)
    {
        long seconds = 0;
        long parts = 0;
        int fraction = -1;
        foreach (byte next in text)
        {
            uint digit = (uint)next - '0';
            if (digit > 9)
            {
                if (next != (byte)'.' || fraction >= 0)
                {
                    return -1;
                }

                fraction = 0;
            }
            else if (fraction < 0)
            {
                seconds = (seconds * 10) + digit;
                if (seconds > MaxSeconds)
                {
                    return -1;
                }
            }
            else if (fraction++ < FractionDigits)
            {
                parts = (parts * 10) + digit;
            }
        }

        if (text[0] == (byte)'.' || fraction is < 1 or > FractionDigits)
        {
            return -1;
        }

        for (; fraction < FractionDigits; fraction++)
        {
            parts *= 10;
        }

        return (seconds * 1_000_000_000) + parts;
    }

    /// <summary>Goes over a word, if it is the expected one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadHex(ref ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        if (!TrySkip(ref text, "0x"u8))
        {
            return false;
        }

        if (text.Length >= Vector128<byte>.Count && TryReadAllDigits(Vector128.Create(text), out value))
        {
            text = text[Vector128<byte>.Count..];
            return true;
        }

        if (!Utf8Parser.TryParse(text, out value, out int used, 'x'))
        {
            return false;
        }

        text = text[used..];
        return true;
    }

    /// <summary>Reads sixteen hexadecimal digits: addresses have all of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadAllDigits(Vector128<byte> text, out ulong value)
    {
        var digits = text - Vector128.Create((byte)'0');
        var letters = (text | Vector128.Create((byte)0x20)) - Vector128.Create((byte)'a');
        var areDigits = Vector128.LessThan(digits, Vector128.Create((byte)10));
        var areLetters = Vector128.LessThan(letters, Vector128.Create((byte)6));
        var values = Vector128.ConditionalSelect(areDigits, digits, letters + Vector128.Create((byte)10)).AsUInt16();

        // Two digits are a byte, the first of them its upper half; the first byte is the highest of the number.
        var bytes = BitConverter.IsLittleEndian ? (values << 4) | (values >> 8) : (values >> 4) | values;
        ulong number = Vector128.Narrow(bytes & Vector128.Create((ushort)0xff), Vector128<ushort>.Zero).AsUInt64().ToScalar();
        value = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(number) : number;
        return (areDigits | areLetters) == Vector128<byte>.AllBitsSet;
    }

    /// <summary>Reads a decimal number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadDecimal(ref ReadOnlySpan<byte> text, out ulong value)
    {
        if (!Utf8Parser.TryParse(text, out value, out int used))
        {
            return false;
        }

        text = text[used..];
        return true;
    }

    /// <summary>Reads seconds with a fraction at the end of a text, after a blank; neither of them of more than seven digits.</summary>
    private static bool TryReadSeconds(ReadOnlySpan<byte> text, out long nanoseconds)
    {
        nanoseconds = 0;
        int fraction = ReadLastDigits(text, out uint parts);
        if (fraction is 0 or 8 || text[^(fraction + 1)] != (byte)'.')
        {
            return false;
        }

        text = text[..^(fraction + 1)];
        int digits = ReadLastDigits(text, out uint seconds);
        if (digits is 0 or 8 || text[^(digits + 1)] != (byte)' ')
        {
            return false;
        }

        nanoseconds = (seconds * 1_000_000_000L) + ((long)parts * PowersOfTen[FractionDigits - fraction]);
        return true;
    }

    /// <summary>Reads the decimal digits that are the last of eight bytes.</summary>
    /// <returns>How many they are, up to eight; 0 too if the text is shorter than eight bytes.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ReadLastDigits(ReadOnlySpan<byte> text, out uint value)
    {
        value = 0;
        if (text.Length < sizeof(ulong))
        {
            return 0;
        }

        // The last letter is in the highest byte. A byte that is not 0 to 9 sets its highest bit in the mask.
        ulong digits = BinaryPrimitives.ReadUInt64LittleEndian(text[^sizeof(ulong)..]) ^ 0x3030_3030_3030_3030;
        ulong others = (((digits & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
        int count = BitOperations.LeadingZeroCount(others) / 8;
        if (count == 0)
        {
            return 0;
        }

        // What stands before becomes zeros in front; then two digits are one, then four, then all.
        digits &= ulong.MaxValue << (64 - (8 * count));
        digits = ((digits * 10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
        digits = ((digits * 100) + (digits >> 16)) & 0x0000_ffff_0000_ffff;
        value = (uint)((digits * 10_000) + (digits >> 32));
        return count;
    }

    private static long ReadHexMicroseconds(ReadOnlySpan<byte> text)
    {
        int end = text.LastIndexOf((byte)']');
        int start = text[..Math.Max(end, 0)].LastIndexOf((byte)'[');
        return start < 0 ? -1 : ReadMicroseconds(text[(start + 1)..end], 'x');
    }

    private static long ReadMicroseconds(ReadOnlySpan<byte> digits, char format) =>
        Utf8Parser.TryParse(digits, out long microseconds, out int used, format)
            && used == digits.Length && microseconds is >= 0 and < long.MaxValue / 1000
            ? microseconds * 1000
            : -1;
}
