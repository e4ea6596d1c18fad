using System.Buffers.Binary;

namespace IommuKit.Lab.Dump;

/// <summary>
/// The physical memory in an ELF core file of 64 bits, as QEMU's dump-guest-memory and the kernel's /proc/vmcore have it: loadable segments with physical
/// addresses (ELF specification, "Program Header").
/// </summary>
internal static class ElfCore
{
    private const int HeaderBytes = 64;
    private const int SegmentBytes = 56;
    private const int Core = 4;
    private const int Loadable = 1;

    // Stands for a number that does not fit, and is somewhere else.
    private const int TooManySegments = ushort.MaxValue;

    // What a kernel's dump has for an address that it does not know.
    private const ulong NoAddress = ulong.MaxValue;

    /// <summary>Whether a file starts as one.</summary>
    public static bool Matches(ReadOnlySpan<byte> start) => start.StartsWith("\u007fELF"u8);

    /// <summary>Finds the memory in a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="number">Its place in the list of files.</param>
    /// <exception cref="InvalidDataException">It is none that can be used; the message says why.</exception>
    public static IReadOnlyList<MemoryPiece> Read(FileStream file, int number)
    {
        var header = new byte[HeaderBytes];
        Fill(file, 0, header);
        if (header[4] != 2 || header[5] != 1)
        {
            throw new InvalidDataException("it is an ELF file of 32 bits or with the high byte first; cores of 64 bits, low byte first, can be read");
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(16)) != Core)
        {
            throw new InvalidDataException("it is an ELF file, but no core: a program or an image of a kernel, not what was in memory");
        }

        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(32));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(54));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        if (count == TooManySegments)
        {
            throw new InvalidDataException($"it is an ELF core of {TooManySegments} segments or more, which are too many to be read");
        }

        if (size < SegmentBytes || count == 0)
        {
            throw new InvalidDataException("it is an ELF file without segments of memory");
        }

        var pieces = new List<MemoryPiece>();
        var segment = new byte[SegmentBytes];
        for (int index = 0; index < count; index++)
        {
            Fill(file, checked(table + ((ulong)index * (ulong)size)), segment);
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(segment.AsSpan(8));
            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(segment.AsSpan(24));
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(segment.AsSpan(32));
            if (BinaryPrimitives.ReadUInt32LittleEndian(segment) == Loadable && length != 0 && address != NoAddress)
            {
                pieces.Add(new MemoryPiece(address, length, offset, number));
            }
        }

        return pieces.Count != 0 ? pieces : throw new InvalidDataException("it is an ELF file without segments of physical memory");
    }

    private static void Fill(FileStream file, ulong offset, Span<byte> bytes)
    {
        if (offset > (ulong)file.Length || RandomAccess.Read(file.SafeFileHandle, bytes, (long)offset) != bytes.Length)
        {
            throw new InvalidDataException("it is an ELF file that ends within its headers");
        }
    }
}
