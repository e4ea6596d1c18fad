namespace IommuKit.Traces;

/// <summary>
/// Tells an event from the text of another one that looks like it. Anybody can write text into a trace, by the file trace_marker or by the
/// kernel's log:
/// <code>
/// …  7.590418: tracing_mark_write: map: IOMMU: iova=0xffe0000 - 0xffea000 paddr=0x6c66000 size=40960
/// …  7.590418: console: qi_submit: iotlb_inv dmar0: 0x500f2 0x7ff000 0x0 0x0
/// </code>
/// </summary>
internal static class QuotedEvent
{
    // The name of a task has at most 15 bytes, which may look like a time and an event.
    private const int TaskName = 16;

    private static ReadOnlySpan<byte> End => ": "u8;

    /// <summary>Whether what stands at a place of a line is text of an event whose name, behind a time, comes before.</summary>
    /// <param name="line">The line.</param>
    /// <param name="start">Where the name of an event seems to start.</param>
    public static bool Is(ReadOnlySpan<byte> line, int start)
    {
        // Nearly always the first colon is that of the time in front of the name.
        int first = line.IndexOf(End);
        return first >= 0 && first + End.Length < start && FindName(line) is >= 0 and int name && name < start;
    }

    /// <summary>
    /// Whether what stands at a place of a line is not the start of what an event says: it is part of a task's name, or there is other text
    /// between it and the event's name.
    /// </summary>
    /// <param name="line">The line.</param>
    /// <param name="start">Where what an event says seems to start.</param>
    public static bool IsElsewhere(ReadOnlySpan<byte> line, int start)
    {
        int name = FindName(line);
        if (name < 0)
        {
            return false;
        }

        return start < name
            ? start - TaskStart(line) < TaskName
            : line[name..start].IndexOf(End) is >= 0 and int end && !line[(name + end + 1)..start].Trim((byte)' ').IsEmpty;
    }

    /// <summary>
    /// Where the first name of an event behind a time is; negative if there is none. One that can be part of a task's name comes last.
    /// </summary>
    private static int FindName(ReadOnlySpan<byte> line)
    {
        int task = TaskStart(line);
        int inTask = -1;
        int from = 0;
        while (line[from..].IndexOf(End) is >= 0 and int at)
        {
            int colon = from + at;
            from = colon + End.Length;
            if (IsTime(line[..colon]) && NameAt(line, from) is >= 0 and int name)
            {
                if (name - task >= TaskName)
                {
                    return name;
                }

                inTask = inTask < 0 ? name : inTask;
            }
        }

        return inTask;
    }

    private static int TaskStart(ReadOnlySpan<byte> line) => SkipBlanks(line, 0);

    /// <summary>"9.581651", a counter, "572484us!" or "556.819ms (+0.803ms)" at the end of a text.</summary>
    private static bool IsTime(ReadOnlySpan<byte> text)
    {
        text = text.TrimEnd((byte)' ');
        if (text.EndsWith("ms)"u8))
        {
            return true;
        }

        var word = text[(text.LastIndexOf((byte)' ') + 1)..];
        if (word.LastIndexOf("us"u8) is > 0 and int unit && unit >= word.Length - 3)
        {
            word = word[..unit];
        }

        foreach (byte letter in word)
        {
            if (letter is not ((>= (byte)'0' and <= (byte)'9') or (byte)'.'))
            {
                return false;
            }
        }

        return !word.IsEmpty;
    }

    /// <summary>Where a name with a colon starts behind blanks and the column that perf or trace-cmd may add; negative if there is none.</summary>
    private static int NameAt(ReadOnlySpan<byte> line, int from)
    {
        int start = SkipBlanks(line, from);
        int column = start;
        while (column < line.Length && line[column] is (>= (byte)'0' and <= (byte)'9') or (byte)'(' or (byte)'+' or (byte)'-' or (byte)')')
        {
            column++;
        }

        start = column > start ? SkipBlanks(line, column) : start;
        int end = start;
        while (end < line.Length && (IsLetter(line[end]) || (line[end] == ':' && end + 1 < line.Length && IsLetter(line[end + 1]))))
        {
            end++;
        }

        return end > start && line[end..].StartsWith(End) ? start : -1;
    }

    private static int SkipBlanks(ReadOnlySpan<byte> line, int from)
    {
        while (from < line.Length && line[from] == ' ')
        {
            from++;
        }

        return from;
    }

    private static bool IsLetter(byte letter) =>
        letter is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'0' and <= (byte)'9') or (byte)'_';
}
