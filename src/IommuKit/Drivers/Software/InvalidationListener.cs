using System.Runtime.ExceptionServices;
using IommuKit.Domains;

namespace IommuKit.Drivers.Software;

/// <summary>
/// Tells the walker of one domain. What the walker throws is kept: the operation goes on to its end first, and from then on nothing counts as
/// forgotten until the walker has been told to forget everything.
/// </summary>
internal sealed class InvalidationListener(Action<TlbInvalidation> told)
{
    private ExceptionDispatchInfo? _failure;
    private long _failures;
    private long _recovered;

    /// <summary>The domain; set before its first operation.</summary>
    public IommuDomain? Domain { get; set; }

    public bool HasFailed => Volatile.Read(ref _failures) != Volatile.Read(ref _recovered);

    public void Tell(ulong iova, ulong bytes, int level)
    {
        try
        {
            told(new TlbInvalidation(Domain!, iova, bytes, level));
        }
        catch (Exception exception)
        {
            Volatile.Write(ref _failure, ExceptionDispatchInfo.Capture(exception));
            Interlocked.Increment(ref _failures);
        }
    }

    public void TellAll()
    {
        long before = Volatile.Read(ref _failures);
        Tell(0, ulong.MaxValue, int.MaxValue);
        if (Volatile.Read(ref _failures) == before)
        {
            // A failure that comes now is of entries that may have changed after the walker forgot.
            Volatile.Write(ref _recovered, before);
        }
    }

    public void ThrowFailure() => Volatile.Read(ref _failure)?.Throw();
}
