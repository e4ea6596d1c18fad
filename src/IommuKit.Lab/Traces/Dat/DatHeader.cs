using System.Text;

namespace IommuKit.Lab.Traces.Dat;

/// <summary>Reads the header of a trace.dat: what versions 6 and 7 have in common. The formats are in trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5).</summary>
internal static class DatHeader
{
    private const int MaxCpus = 8192;

    // Options (trace-cmd.dat.v7(5), OPTIONS SECTION).
    private const ushort TraceClock = 4;
    private const ushort Tsc2Nsec = 14;

    /// <summary>Reads a header.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="InvalidDataException">It breaks off or is damaged.</exception>
    /// <exception cref="NotSupportedException">It is of a kind that is not read.</exception>
    public static DatContents Read(Stream file)
    {
        var cursor = new DatCursor(file, default, "the file");
        cursor.Expect("\x17\x08\x44tracing"u8);
        string version = cursor.Text();
        var numbers = new DatNumbers(IsBig: cursor.U8() != 0);
        _ = cursor.U8();
        cursor = new DatCursor(file, numbers, "the file");
        _ = cursor.U32();
        var contents = new DatContents { Numbers = numbers };
        switch (version)
        {
            case "6":
                DatVersion6.Read(cursor, contents);
                break;
            case "7":
                DatVersion7.Read(file, cursor, contents);
                break;
            default:
                throw new NotSupportedException(
                    $"it has version {version} of the file format, which is not read; 'trace-cmd convert --file-version 6' makes a file that is");
        }

        return contents;
    }

    /// <summary>Reads the layout of pages.</summary>
    public static void ReadPageLayout(DatCursor cursor, DatContents contents)
    {
        cursor.Expect("header_page\0"u8);
        contents.Page = PageLayout.Parse(cursor.Bytes(cursor.U64()));
        cursor.Expect("header_event\0"u8);
        cursor.Skip(cursor.U64());
    }

    /// <summary>Reads the formats of the events, and keeps those of the IOMMU.</summary>
    public static void ReadFormats(DatCursor cursor, DatContents contents)
    {
        for (uint systems = cursor.U32(); systems != 0; systems--)
        {
            string system = cursor.Text();
            for (uint events = cursor.U32(); events != 0; events--)
            {
                ulong size = cursor.U64();
                if (IommuEvents.Systems.Contains(system))
                {
                    contents.Formats.Add(EventFormat.Parse(cursor.Bytes(size)));
                }
                else
                {
                    cursor.Skip(size);
                }
            }
        }
    }

    /// <summary>Takes what both versions say in the same options.</summary>
    public static void TakeOption(ushort option, DatNumbers numbers, ReadOnlySpan<byte> data, DatContents contents)
    {
        if (option == TraceClock && contents.Clock.Length == 0)
        {
            contents.Clock = ChosenClock(data);
        }
        else if (option == Tsc2Nsec && data.Length >= 8 && numbers.U32(data[4..]) < 64)
        {
            contents.Tsc = new TscConversion(numbers.U32(data), (int)numbers.U32(data[4..]));
        }
    }

    /// <summary>Adds where the pages of a processor are.</summary>
    public static void AddCpu(DatContents contents, uint cpu, ulong offset, ulong bytes, bool isCompressed)
    {
        if (contents.Cpus.Count == MaxCpus)
        {
            throw new InvalidDataException($"it has data of more than {MaxCpus} processors");
        }

        if (offset > long.MaxValue || bytes > long.MaxValue)
        {
            throw new InvalidDataException($"the data of processor {cpu} are at {offset}, {bytes} bytes");
        }

        if (bytes != 0)
        {
            contents.Cpus.Add(new CpuData((int)Math.Min(cpu, MaxCpus), (long)offset, (long)bytes, isCompressed));
        }
    }

    /// <summary>The clock that is marked among all in the kernel's file trace_clock: "local [global] counter".</summary>
    private static string ChosenClock(ReadOnlySpan<byte> clocks)
    {
        int start = clocks.IndexOf((byte)'[') + 1;
        int length = clocks[start..].IndexOf((byte)']');
        return start == 0 || length < 0 ? "" : Encoding.Latin1.GetString(clocks.Slice(start, length));
    }
}
