namespace IommuKit.Traces.Dat;

/// <summary>Reads the header of version 6, in which everything follows one another (trace-cmd.dat.v6(5)).</summary>
internal static class DatVersion6
{
    private const ushort Done = 0;
    private const ushort Buffer = 3;

    private static ReadOnlySpan<byte> Options => "options  \0"u8;

    private static ReadOnlySpan<byte> Latency => "latency  \0"u8;

    private static ReadOnlySpan<byte> FlyRecord => "flyrecord\0"u8;

    /// <summary>Reads what follows the page size.</summary>
    public static void Read(DatCursor cursor, DatContents contents)
    {
        DatHeader.ReadPageLayout(cursor, contents);
        for (uint formats = cursor.U32(); formats != 0; formats--)
        {
            // Of ftrace's own events, which are none of the IOMMU's.
            cursor.Skip(cursor.U64());
        }

        DatHeader.ReadFormats(cursor, contents);

        // Symbols, and formats of trace_printk.
        cursor.Skip(cursor.U32());
        cursor.Skip(cursor.U32());
        contents.Tasks.Read(cursor);
        uint cpus = cursor.U32();
        var instances = new List<ulong>();
        var mark = cursor.Bytes((ulong)Options.Length).AsSpan();
        if (mark.SequenceEqual(Options))
        {
            ReadOptions(cursor, contents, instances);
            mark = cursor.Bytes((ulong)Options.Length);
        }

        ReadCpus(cursor, contents, cpus, mark);
        foreach (ulong offset in instances)
        {
            cursor.Seek(offset);
            ReadCpus(cursor, contents, cpus, cursor.Bytes((ulong)FlyRecord.Length));
        }
    }

    private static void ReadOptions(DatCursor cursor, DatContents contents, List<ulong> instances)
    {
        for (ushort option = cursor.U16(); option != Done; option = cursor.U16())
        {
            byte[] data = cursor.Bytes(cursor.U32());
            DatHeader.TakeOption(option, contents.Numbers, data, contents);
            if (option == Buffer && data.Length >= 8)
            {
                instances.Add(contents.Numbers.U64(data));
            }
        }
    }

    private static void ReadCpus(DatCursor cursor, DatContents contents, uint cpus, ReadOnlySpan<byte> mark)
    {
        if (mark.SequenceEqual(Latency))
        {
            throw new NotSupportedException("it holds the text of a latency tracer and no events; print it with 'trace-cmd report'");
        }

        if (!mark.SequenceEqual(FlyRecord))
        {
            throw new InvalidDataException($"it lacks the mark \"flyrecord\" before {cursor.Position}");
        }

        for (uint cpu = 0; cpu < cpus; cpu++)
        {
            DatHeader.AddCpu(contents, cpu, cursor.U64(), cursor.U64(), isCompressed: false);
        }
    }
}
