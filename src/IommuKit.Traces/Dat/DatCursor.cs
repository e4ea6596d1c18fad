using System.Text;

namespace IommuKit.Traces.Dat;

/// <summary>Reads the parts of a trace.dat one after the other, within bounds.</summary>
/// <param name="stream">The file, or one of its sections.</param>
/// <param name="numbers">Its byte order.</param>
/// <param name="what">What it is, for messages.</param>
internal sealed class DatCursor(Stream stream, DatNumbers numbers, string what)
{
    /// <summary>The longest piece that is taken into memory. The largest that trace-cmd writes are event formats, of some kilobytes each.</summary>
    public const int MaxPiece = 64 << 20;

    private readonly byte[] _number = new byte[8];
    private readonly SpooledFile? _spool = stream as SpooledFile;

    public long Position => stream.Position;

    public long Left => stream.Length - stream.Position;

    public byte U8() => Number(1)[0];

    public ushort U16() => numbers.U16(Number(2));

    public uint U32() => numbers.U32(Number(4));

    public ulong U64() => numbers.U64(Number(8));

    /// <summary>Goes to an offset that the file gives.</summary>
    /// <exception cref="LaterPartException">It lies behind what is copied of a file before its header is judged.</exception>
    public void Seek(ulong offset)
    {
        if (_spool is not null && offset > SpooledFile.MaxHeader)
        {
            throw new LaterPartException();
        }

        _spool?.Reach(offset);
        if (offset > (ulong)stream.Length)
        {
            throw Beyond($"offset {offset}");
        }

        stream.Position = (long)offset;
    }

    /// <summary>Leaves out bytes.</summary>
    public void Skip(ulong bytes)
    {
        if (!Has(bytes))
        {
            throw Beyond($"{bytes} bytes at {stream.Position}");
        }

        stream.Position += (long)bytes;
    }

    /// <summary>Takes bytes into memory.</summary>
    public byte[] Bytes(ulong count)
    {
        if (count > MaxPiece || !Has(count))
        {
            throw Beyond($"{count} bytes at {stream.Position}");
        }

        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Reads a text that ends with a 0.</summary>
    public string Text()
    {
        const int max = 4096;
        var text = new StringBuilder();
        for (byte next = U8(); next != 0; next = U8())
        {
            if (text.Length == max)
            {
                throw new InvalidDataException($"{what} has a name without end before {stream.Position}");
            }

            text.Append((char)next);
        }

        return text.ToString();
    }

    /// <summary>Reads a mark of a known text.</summary>
    public void Expect(ReadOnlySpan<byte> mark)
    {
        long at = Position;
        if (!Bytes((ulong)mark.Length).AsSpan().SequenceEqual(mark))
        {
            throw new InvalidDataException($"{what} lacks the mark \"{Encoding.ASCII.GetString(mark).TrimEnd('\0')}\" at {at}");
        }
    }

    private ReadOnlySpan<byte> Number(int bytes)
    {
        if (!Has((ulong)bytes))
        {
            throw Beyond($"{bytes} bytes at {stream.Position}");
        }

        stream.ReadExactly(_number, 0, bytes);
        return _number.AsSpan(0, bytes);
    }

    /// <summary>Whether so many bytes follow; of what is copied as it is read, copies them.</summary>
    private bool Has(ulong bytes)
    {
        _spool?.Reach((ulong)Saturating.Add(stream.Position, bytes));
        return bytes <= (ulong)Left;
    }

    private InvalidDataException Beyond(string place) => new($"{what} has {stream.Length} bytes, and {place} lies beyond");
}
