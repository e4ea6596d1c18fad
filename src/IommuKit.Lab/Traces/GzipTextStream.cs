using System.IO.Compression;

namespace IommuKit.Lab.Traces;

/// <summary>
/// Decompresses gzip and notices when it breaks off. The runtime's own decompressor takes the end of a cut file for the end of its text; so a small
/// gzip member with a known text is read after the file, and only if that text comes out at the end was the file whole.
/// </summary>
internal sealed class GzipTextStream : ReadOnlyStream
{
    private static readonly byte[] EndText = [.. "\0end of trace\0"u8];
    private static readonly byte[] EndMember = Compress(EndText);

    private readonly GZipStream _gzip;

    // Decompressed and not given out. The last bytes stay here until more follow, as they may be the end text.
    private readonly byte[] _pending = new byte[(64 << 10) + EndText.Length];
    private int _count;
    private bool _isAtEnd;

    public GzipTextStream(Stream compressed)
    {
        _gzip = new GZipStream(new ChainedStream(compressed, new MemoryStream(EndMember)), CompressionMode.Decompress);
    }

    /// <summary>Reads text.</summary>
    /// <exception cref="InvalidDataException">The file breaks off or is damaged.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (_count <= EndText.Length && !_isAtEnd)
        {
            int count = _gzip.Read(_pending.AsSpan(_count));
            _isAtEnd = count == 0;
            _count += count;
        }

        if (_isAtEnd)
        {
            return _pending.AsSpan(0, _count).SequenceEqual(EndText) ? 0 : throw new InvalidDataException("The gzip data breaks off.");
        }

        int given = Math.Min(buffer.Length, _count - EndText.Length);
        _pending.AsSpan(0, given).CopyTo(buffer);
        _pending.AsSpan(given, _count - given).CopyTo(_pending);
        _count -= given;
        return given;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gzip.Dispose();
        }

        base.Dispose(disposing);
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

    /// <summary>One stream after the other.</summary>
    private sealed class ChainedStream(Stream first, Stream second) : ReadOnlyStream
    {
        private bool _isFirstDone;

        public override int Read(Span<byte> buffer)
        {
            if (!_isFirstDone)
            {
                int count = first.Read(buffer);
                if (count != 0)
                {
                    return count;
                }

                _isFirstDone = true;
            }

            return second.Read(buffer);
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                first.Dispose();
                second.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
