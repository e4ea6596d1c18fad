namespace IommuKit.Traces;

/// <summary>One stream after the other.</summary>
internal sealed class ChainedStream(Stream first, Stream second) : ReadOnlyStream
{
    /// <summary>Whether reading has gone on to the second.</summary>
    public bool IsFirstDone { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        if (!IsFirstDone)
        {
            int count = first.Read(buffer);
            if (count != 0)
            {
                return count;
            }

            IsFirstDone = true;
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
