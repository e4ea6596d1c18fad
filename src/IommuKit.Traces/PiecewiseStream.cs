namespace IommuKit.Traces;

/// <summary>
/// Hands out compressed data in small pieces, the last eight bytes apart. A decompressor that finds damage keeps back what it made of the same
/// piece, so pieces are small; and a wrong checksum, which is in the last eight bytes, costs no text at all.
/// </summary>
internal sealed class PiecewiseStream(Stream inner) : ReadOnlyStream
{
    private const int Piece = 512;
    private const int Trailer = 8;

    private readonly byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _isDone;

    public override int Read(Span<byte> buffer)
    {
        while (!_isDone && _end - _start <= Trailer)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
            int read = inner.Read(_buffer.AsSpan(_end));
            _end += read;
            _isDone = read == 0;
        }

        int available = _end - _start;
        int count = Math.Min(buffer.Length, available > Trailer ? Math.Min(available - Trailer, Piece) : available);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
