using System.IO.Compression;

namespace IommuKit.Traces;

/// <summary>
/// Decompresses gzip and notices when it breaks off. The runtime's own decompressor takes the end of a cut file for the end of its text; so a small
/// gzip member with a known text follows the file, and only if that text comes out after it was the file whole.
/// All text that can be decompressed comes out before the damage is reported; see <see cref="PiecewiseStream"/>.
/// </summary>
internal sealed class GzipTextStream : ReadOnlyStream
{
    private static readonly byte[] EndText = [.. "end of trace"u8];
    private static readonly byte[] EndMember = Compress(EndText);

    /// <summary>
    /// How much larger than its file text may come out. Traces shrink to a twentieth or so; gzip can go to a thousandth, of what is all alike.
    /// </summary>
    public const int MaxTextRatio = 200;

    /// <summary>How much larger than its file a trace.dat may come out, which has to be written to a file. Traces shrink to a sixth or so.</summary>
    public const int MaxDatRatio = 50;

    private const long MinBytesToJudge = 64 << 20;

    // How much of the rest is decompressed to find out what is wrong with a line; more would take long to say little.
    private const long MaxFurther = 256 << 20;

    private readonly string _name;
    private readonly ChainedStream _compressed;
    private long _taken;
    private long _given;
    private readonly GZipStream _gzip;
    private bool _isAtEnd;

    /// <summary>Makes a stream.</summary>
    /// <param name="name">How messages name the file.</param>
    /// <param name="compressed">What it holds.</param>
    public GzipTextStream(string name, Stream compressed)
    {
        _name = name;
        var counted = new CountingStream(compressed, taken => _taken = taken);
        _compressed = new ChainedStream(new PiecewiseStream(counted), new MemoryStream(EndMember));
        _gzip = new GZipStream(_compressed, CompressionMode.Decompress);
    }

    /// <summary>How much larger than its file it may come out, once there are 64 MiB of it.</summary>
    public int MaxRatio { get; set; } = MaxTextRatio;

    /// <summary>Reads text.</summary>
    /// <exception cref="InvalidDataException">The file breaks off or is damaged.</exception>
    /// <exception cref="InputException">It comes out so much larger than it is that it cannot be a trace.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (_isAtEnd || buffer.IsEmpty)
        {
            return 0;
        }

        // The decompressor gives out everything it has before it asks for more; so whatever comes out of a call that asked for the end member is
        // made of that member.
        int count = _gzip.Read(buffer);
        _given += count;
        if (_given > MinBytesToJudge && _given / MaxRatio > _taken)
        {
            throw new InputException(
                _name,
                null,
                $"is gzip that comes out more than {MaxRatio} times as large as it is, which no trace does; if it is one, give it decompressed "
                    + "(with --lenient, text is read up to there)");
        }

        if (!_compressed.IsFirstDone)
        {
            return count != 0 ? count : throw new InvalidDataException("Something follows the gzip data.");
        }

        CheckEnd(buffer[..count]);
        _isAtEnd = true;
        return 0;
    }

    /// <summary>Reads on, and finds out whether there is damage in the next 256 MiB. What was read is lost.</summary>
    public bool IsDamagedFurtherOn()
    {
        byte[] text = new byte[1 << 16];
        try
        {
            long read = 0;
            for (int count = Read(text); count != 0 && read < MaxFurther; count = Read(text))
            {
                read += count;
            }

            return false;
        }
        catch (InvalidDataException)
        {
            return true;
        }
        catch (InputException)
        {
            // Far too large; which is not what is wrong with the line.
            return false;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gzip.Dispose();
        }

        base.Dispose(disposing);
    }

    private void CheckEnd(ReadOnlySpan<byte> start)
    {
        // One byte more than there may be.
        Span<byte> text = stackalloc byte[EndText.Length + 1];
        int count = Math.Min(start.Length, text.Length);
        start[..count].CopyTo(text);
        count += _gzip.ReadAtLeast(text[count..], text.Length - count, throwOnEndOfStream: false);
        if (!text[..count].SequenceEqual(EndText))
        {
            throw new InvalidDataException("The gzip data breaks off.");
        }
    }

    private static byte[] Compress(byte[] text)
    {
        using var result = new MemoryStream();
        using (var gzip = new GZipStream(result, CompressionLevel.Fastest))
        {
            gzip.Write(text);
        }

        return result.ToArray();
    }
}
