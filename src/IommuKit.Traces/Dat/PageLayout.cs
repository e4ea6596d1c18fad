namespace IommuKit.Traces.Dat;

/// <summary>How the kernel lays out a page (a sub-buffer) of its ring buffer, as it says itself (tracefs, events/header_page).</summary>
/// <param name="CommitOffset">Where the number of bytes that are in use is, and the flags beside it.</param>
/// <param name="CommitSize">How many bytes it has: those of the kernel's long.</param>
/// <param name="DataOffset">Where the events start.</param>
/// <param name="Bytes">The page.</param>
internal sealed record PageLayout(int CommitOffset, int CommitSize, int DataOffset, int Bytes)
{
    /// <summary>Reads a header_page file.</summary>
    /// <exception cref="InvalidDataException">It describes no page.</exception>
    public static PageLayout Parse(ReadOnlySpan<byte> text)
    {
        // It has the lines of an event's format, and neither name nor number.
        var fields = EventFormat.Parse([.. "name: page\nID: 0\n"u8, .. text]).Fields;
        if (fields.TryGetValue("timestamp", out var time) && time is { Offset: 0, Size: 8 }
            && fields.TryGetValue("commit", out var commit) && commit is { Offset: >= 8, Size: 4 or 8 }
            && fields.TryGetValue("data", out var data) && data.Offset >= commit.End && data.Size > 0)
        {
            return new PageLayout(commit.Offset, commit.Size, data.Offset, data.End);
        }

        throw new InvalidDataException("the header describes no ring-buffer page that is known");
    }
}
