namespace IommuKit.Traces;

/// <summary>
/// A stream of which the start is known before it is read. Where even the start cannot be read, the failure comes out when it is its turn, so that the
/// reader meets all failures in one place.
/// </summary>
internal sealed class ProbedStream : ReadOnlyStream
{
    private readonly Stream _inner;
    private readonly byte[] _start;
    private readonly int _length;
    private InvalidDataException? _failure;
    private int _given;

    public ProbedStream(Stream inner, int bytes)
    {
        _inner = inner;
        _start = new byte[bytes];
        try
        {
            int count;
            do
            {
                count = inner.Read(_start.AsSpan(_length));
                _length += count;
            }
            while (count != 0);
        }
        catch (InvalidDataException e)
        {
            _failure = e;
        }
    }

    /// <summary>The first bytes; fewer than were asked for if there are no more, or if reading failed.</summary>
    public ReadOnlySpan<byte> Start => _start.AsSpan(0, _length);

    /// <summary>Whether reading the start failed.</summary>
    public bool HasFailed => _failure is not null;

    public override int Read(Span<byte> buffer)
    {
        if (_given < _length)
        {
            int count = Math.Min(buffer.Length, _length - _given);
            _start.AsSpan(_given, count).CopyTo(buffer);
            _given += count;
            return count;
        }

        if (_failure is { } failure)
        {
            _failure = null;
            throw failure;
        }

        return _inner.Read(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
