namespace IommuKit.Traces.Dat;

/// <summary>
/// Reads the header of version 7, which is made of sections that options point to (trace-cmd.dat.v7(5)). Where the manual page and the files that
/// trace-cmd 3 writes disagree, the files are right: a section's size has 8 bytes, and the option BUFFER has the page size after the clock.
/// </summary>
internal static class DatVersion7
{
    private const ushort Compressed = 1;

    // Options can point to one section again and again. All that trace-cmd writes into a header is a few megabytes.
    private const long MaxSections = 256 << 20;

    // Options.
    private const ushort Done = 0;
    private const ushort Buffer = 3;
    private const ushort HeaderInfo = 16;
    private const ushort EventFormats = 18;
    private const ushort TaskNames = 21;
    private const ushort BufferText = 22;

    /// <summary>Reads what follows the page size.</summary>
    public static void Read(Stream file, DatCursor cursor, DatContents contents)
    {
        contents.Compression = cursor.Text();
        _ = cursor.Text();
        using var compression = new DatCompression(contents.Compression);
        bool hasText = false;
        long last = 0;
        for (ulong next = cursor.U64(); next != 0;)
        {
            // Each is written after the one before, so that there is no way round in circles.
            cursor.Seek(next);
            if (cursor.Position <= last)
            {
                throw new InvalidDataException($"its options go back from {last} to {next}");
            }

            last = cursor.Position;
            var options = Section(cursor, contents, compression);
            next = 0;
            while (options.Left != 0)
            {
                ushort option = options.U16();
                byte[] data = options.Bytes(options.U32());
                if (option == Done)
                {
                    next = data.Length >= 8 ? contents.Numbers.U64(data) : 0;
                    break;
                }

                hasText |= option == BufferText;
                Take(option, data, file, contents, compression);
            }
        }

        if (hasText && contents.Cpus.Count == 0)
        {
            throw new NotSupportedException("it holds the text of a latency tracer and no events; print it with 'trace-cmd report'");
        }
    }

    private static void Take(ushort option, byte[] data, Stream file, DatContents contents, DatCompression compression)
    {
        var cursor = new DatCursor(file, contents.Numbers, "the file");
        switch (option)
        {
            case HeaderInfo when data.Length >= 8:
                cursor.Seek(contents.Numbers.U64(data));
                DatHeader.ReadPageLayout(Section(cursor, contents, compression), contents);
                break;
            case EventFormats when data.Length >= 8:
                cursor.Seek(contents.Numbers.U64(data));
                contents.Formats.Clear();
                DatHeader.ReadFormats(Section(cursor, contents, compression), contents);
                break;
            case TaskNames when data.Length >= 8:
                cursor.Seek(contents.Numbers.U64(data));
                contents.Tasks.Read(Section(cursor, contents, compression));
                break;
            case Buffer:
                TakeBuffer(new DatCursor(new MemoryStream(data), contents.Numbers, "the option BUFFER"), cursor, contents);
                break;
            default:
                DatHeader.TakeOption(option, contents.Numbers, data, contents);
                break;
        }
    }

    private static void TakeBuffer(DatCursor data, DatCursor file, DatContents contents)
    {
        file.Seek(data.U64());
        bool isCompressed = SectionFlags(file) == Compressed;
        _ = data.Text();
        string clock = data.Text();
        contents.Clock = clock.Length == 0 ? contents.Clock : clock;

        // 20 bytes for each processor follow their count. Later files have the size of a page before it.
        if (data.Left % 20 == 8)
        {
            _ = data.U32();
        }

        for (uint cpus = data.U32(); cpus != 0; cpus--)
        {
            DatHeader.AddCpu(contents, data.U32(), data.U64(), data.U64(), isCompressed);
        }
    }

    private static ushort SectionFlags(DatCursor cursor)
    {
        _ = cursor.U16();
        ushort flags = cursor.U16();
        _ = cursor.U32();
        return flags;
    }

    /// <summary>Takes a section into memory.</summary>
    private static DatCursor Section(DatCursor cursor, DatContents contents, DatCompression compression)
    {
        ushort flags = SectionFlags(cursor);
        ulong size = cursor.U64();
        byte[] section;
        if (flags == Compressed)
        {
            uint compressed = cursor.U32();
            uint bytes = cursor.U32();
            if (bytes > DatCursor.MaxPiece || bytes > DatCompression.MostOf(compressed))
            {
                throw new InvalidDataException($"a section has {bytes} bytes, {compressed} compressed, which is more than there can be");
            }

            byte[] piece = cursor.Bytes(compressed);
            section = new byte[bytes];
            compression.Decompress(piece, section);
        }
        else
        {
            section = cursor.Bytes(size);
        }

        contents.SectionBytes += section.Length;
        if (contents.SectionBytes > MaxSections)
        {
            throw new InvalidDataException($"its header has more than {MaxSections} bytes");
        }

        return new DatCursor(new MemoryStream(section), contents.Numbers, "a section");
    }
}
