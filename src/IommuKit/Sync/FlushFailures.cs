using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace IommuKit.Sync;

/// <summary>
/// What the primitives of a domain threw. An operation goes on to its end first, so that the page table is whole; from then on nothing counts as
/// dropped until all that failed was done again, and everything was dropped.
/// </summary>
internal sealed class FlushFailures
{
    private readonly Lock _gate = new();
    private ExceptionDispatchInfo? _last;
    private long _count;
    private long _recovered;

    // Around all lines that could not be written back; empty if the end is 0.
    private (ulong Start, ulong End) _dirty;

    /// <summary>Whether something failed and was not made up for.</summary>
    public bool ArePending
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _count) != Volatile.Read(ref _recovered);
    }

    /// <summary>How often something failed so far.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Keeps what was thrown.</summary>
    public void Add(Exception exception)
    {
        Volatile.Write(ref _last, ExceptionDispatchInfo.Capture(exception));
        Interlocked.Increment(ref _count);
    }

    /// <summary>Keeps what was thrown, and the lines that are perhaps not in memory.</summary>
    public void AddDirty(Exception exception, ulong start, ulong bytes)
    {
        lock (_gate)
        {
            _dirty = (_dirty.End == 0 ? start : Math.Min(_dirty.Start, start), Math.Max(_dirty.End, start + bytes));
        }

        Add(exception);
    }

    /// <summary>Takes the lines that are perhaps not in memory; no bytes if there are none.</summary>
    public Lines TakeDirty()
    {
        lock (_gate)
        {
            var lines = new Lines(_dirty.Start, _dirty.End - _dirty.Start);
            _dirty = default;
            return lines;
        }
    }

    /// <summary>
    /// Everything was done again that had failed by then. A failure that came later is of stores that may have been made after that.
    /// </summary>
    /// <param name="count">What <see cref="Count"/> was before it was done again.</param>
    public void Recovered(long count)
    {
        if (Count == count)
        {
            Volatile.Write(ref _recovered, count);
        }
    }

    /// <summary>At the end of an operation: throws what was thrown last, if that was not made up for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfPending()
    {
        if (ArePending)
        {
            Volatile.Read(ref _last)?.Throw();
        }
    }
}
