namespace IommuKit.Traces;

/// <summary>A stream that tells how much of it was read.</summary>
internal sealed class CountingStream(Stream inner, Action<long>? onRead) : ReadOnlyStream
{
    private long _count;

    public override int Read(Span<byte> buffer)
    {
        int count = inner.Read(buffer);
        _count += count;
        onRead?.Invoke(_count);
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
