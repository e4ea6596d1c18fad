using System.Text;

namespace IommuKit.Traces.Dat;

/// <summary>
/// Reads the header of a trace.dat: what versions 6 and 7 have in common. The formats are in trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5).
/// </summary>
internal static class DatHeader
{
    private const int MaxCpus = 8192;

    // A page of each processor is in memory at once. 8192 processors have 32 MiB with pages of 4 KiB, and 1024 have 64 with pages of 64 KiB.
    private const long MaxPages = 64 << 20;

    // Processors times instances of ftrace, empty ones too: what a small file can name again and again.
    private const int MaxPlaces = 1 << 20;

    // The kernel has ten events of the IOMMU, each described in a few kilobytes.
    private const int MaxFormats = 256;

    // Options (trace-cmd.dat.v7(5), OPTIONS SECTION).
    private const ushort TraceClock = 4;
    private const ushort Uname = 5;

    // Six names of at most 64 bytes each.
    private const int MaxUname = 400;
    private const ushort Tsc2Nsec = 14;

    /// <summary>Reads a header.</summary>
    /// <param name="file">The file.</param>
    /// <exception cref="InvalidDataException">It breaks off or is damaged.</exception>
    /// <exception cref="NotSupportedException">It is of a kind that is not read.</exception>
    public static DatContents Read(Stream file)
    {
        var cursor = Start(file, out string version, out var contents);
        ReadRest(file, cursor, version, contents);
        return contents;
    }

    /// <summary>Reads what stands at the start of a file of which the rest is not known yet, and refuses it if that is damaged.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isLenient">Whether to make do with less than the header promises.</param>
    /// <returns>Where what is needed of the file ends; <see cref="long.MaxValue"/> if its start does not say.</returns>
    /// <exception cref="InvalidDataException">It breaks off or is damaged.</exception>
    /// <exception cref="NotSupportedException">It is of a kind that is not read.</exception>
    public static long Preview(SpooledFile file, bool isLenient)
    {
        var cursor = Start(file, out string version, out var contents);
        try
        {
            ReadRest(file, cursor, version, contents);
        }
        catch (LaterPartException e)
        {
            // Where a file says what its events are, behind the events it says where they are.
            return contents is { Page: not null, HasFormats: true }
                ? long.MaxValue
                : throw new NotSupportedException(
                    $"the start of its header lies behind its first {SpooledFile.MaxHeader >> 20} MiB; give it as a plain file", e);
        }

        ulong end = contents.Cpus.Aggregate(0ul, (max, cpu) => Math.Max(max, (ulong)cpu.Offset + (ulong)cpu.Bytes));
        return end <= (ulong)SpooledFile.MaxBytes || isLenient
            ? (long)Math.Min(end, (ulong)SpooledFile.MaxBytes)
            : throw new InvalidDataException($"its header promises {end} bytes, more than {SpooledFile.MaxBytes >> 30} GiB");
    }

    private static DatCursor Start(Stream file, out string version, out DatContents contents)
    {
        var cursor = new DatCursor(file, default, "the file");
        cursor.Expect("\x17\x08\x44tracing"u8);
        version = cursor.Text();
        var numbers = new DatNumbers(IsBig: cursor.U8() != 0);
        _ = cursor.U8();
        cursor = new DatCursor(file, numbers, "the file");
        _ = cursor.U32();
        contents = new DatContents { Numbers = numbers };
        return cursor;
    }

    private static void ReadRest(Stream file, DatCursor cursor, string version, DatContents contents)
    {
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

        if (contents.Page is { } page && (long)page.Bytes * contents.Cpus.Count > MaxPages)
        {
            throw new InvalidDataException(
                $"it has pages of {page.Bytes} bytes for {contents.Cpus.Count} processors, more than {MaxPages} bytes in all");
        }
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
        contents.HasFormats = true;
        for (uint systems = cursor.U32(); systems != 0; systems--)
        {
            string system = cursor.Text();
            for (uint events = cursor.U32(); events != 0; events--)
            {
                ulong size = cursor.U64();
                if (IommuEvents.Systems.Contains(system))
                {
                    if (size > EventFormat.MaxBytes || contents.Formats.Count == MaxFormats)
                    {
                        throw new InvalidDataException(
                            $"it has more than {MaxFormats} event formats of the IOMMU, or one of more than {EventFormat.MaxBytes} bytes");
                    }

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
        else if (option == Uname && contents.System.Length == 0)
        {
            contents.System = Encoding.Latin1.GetString(data[..Math.Min(data.Length, MaxUname)]).TrimEnd('\0');
        }
        else if (option == Tsc2Nsec && data.Length >= 8 && numbers.U32(data[4..]) < 64)
        {
            contents.Tsc = new TscConversion(numbers.U32(data), (int)numbers.U32(data[4..]));
        }
    }

    /// <summary>Adds where the pages of a processor are.</summary>
    public static void AddCpu(DatContents contents, uint cpu, ulong offset, ulong bytes, bool isCompressed)
    {
        if (contents.Cpus.Count == MaxCpus || ++contents.Places > MaxPlaces)
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
