using System.Runtime.ExceptionServices;
using IommuKit.Domains;
using IommuKit.Specs.Memory;

namespace IommuKit.Drivers.Software;

/// <summary>
/// What keeps the walker of one domain in step: the cache, the fence and the listener of the options. What these throw is kept: the operation goes on to its
/// end first, and from then on nothing counts as forgotten until all that failed was done again and the walker was told to forget everything.
/// </summary>
internal sealed class WalkerLink(SoftwareIommuOptions options)
{
    private readonly Action<TlbInvalidation>? _told = options.Invalidated;
    private readonly Action? _fence = options.Fence;
    private readonly ICpuCache? _cache = options.Cache;
    private readonly Lock _gate = new();
    private ExceptionDispatchInfo? _failure;
    private long _failures;
    private long _recovered;

    // Around all lines that could not be written back; empty if the end is 0.
    private (ulong Start, ulong End) _dirty;

    /// <summary>The domain; set before its first operation.</summary>
    public IommuDomain? Domain { get; set; }

    /// <summary>Whether there is anybody to tell, or something to do again.</summary>
    public bool IsLive => _told is not null || HasFailed;

    public bool HasFailed => Volatile.Read(ref _failures) != Volatile.Read(ref _recovered);

    public int CacheLine => _cache?.LineSize ?? 64;

    public void Clean(ulong physicalAddress, ulong bytes)
    {
        if (_cache is null)
        {
            return;
        }

        try
        {
            _cache.Clean(physicalAddress, bytes);
        }
        catch (Exception exception)
        {
            lock (_gate)
            {
                ulong start = _dirty.End == 0 ? physicalAddress : Math.Min(_dirty.Start, physicalAddress);
                _dirty = (start, Math.Max(_dirty.End, physicalAddress + bytes));
            }

            Fail(exception);
        }
    }

    public void Barrier()
    {
        try
        {
            _cache?.Barrier();
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    /// <summary>Before the walker is told: what it reads from then on is read after the stores.</summary>
    public void Fence()
    {
        if (_fence is null)
        {
            Interlocked.MemoryBarrier();
            return;
        }

        try
        {
            _fence();
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    public void Tell(ulong iova, ulong bytes, int level)
    {
        try
        {
            _told?.Invoke(new TlbInvalidation(Domain!, iova, bytes, level));
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    /// <summary>Does again what failed, and tells the walker to forget everything.</summary>
    public void TellAll()
    {
        long before = Volatile.Read(ref _failures);
        if (before != Volatile.Read(ref _recovered))
        {
            ulong start, end;
            lock (_gate)
            {
                (start, end) = _dirty;
                _dirty = default;
            }

            if (end != 0)
            {
                Clean(start, end - start);
            }

            Barrier();
            Fence();
        }

        Tell(0, ulong.MaxValue, int.MaxValue);
        if (Volatile.Read(ref _failures) == before)
        {
            // A failure that comes now is of entries that may have changed after the walker forgot.
            Volatile.Write(ref _recovered, before);
        }
    }

    public void ThrowFailure() => Volatile.Read(ref _failure)?.Throw();

    private void Fail(Exception exception)
    {
        Volatile.Write(ref _failure, ExceptionDispatchInfo.Capture(exception));
        Interlocked.Increment(ref _failures);
    }
}
