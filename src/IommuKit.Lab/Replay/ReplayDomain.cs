using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Replay;

/// <summary>
/// A domain of a replay, on a machine of its own: what one domain puts off, flushes and has counted is apart from the others, and there are as many as a
/// trace takes, whatever devices a machine has.
/// </summary>
internal sealed class ReplayDomain : IDisposable
{
    private OperationCounts _start;
    private OperationCounts _last;
    private (long Pages, long Drains) _putOff;
    private long _drains;

    /// <summary>Makes a domain with the machine's device in it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="domain">The domain.</param>
    /// <param name="exposure">Follows what its unmaps leave reachable.</param>
    public ReplayDomain(Machine machine, IommuDomain domain, ExposureMeter exposure)
    {
        Machine = machine;
        Domain = domain;
        Exposure = exposure;
        domain.Attach(machine.TestDevice);
        Restart();
    }

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>The domain.</summary>
    public IommuDomain Domain { get; }

    /// <summary>Follows what unmaps leave reachable.</summary>
    public ExposureMeter Exposure { get; }

    /// <summary>Takes all that was done so far for the set-up.</summary>
    public void Restart()
    {
        Machine.ReadCounts(out _last);
        _start = _last;
        Machine.Commands?.Clear();
    }

    /// <summary>What was done since the last call.</summary>
    /// <param name="before">What had been done until the last call.</param>
    /// <param name="now">What has been done until now.</param>
    /// <returns>Whether a flush ended the reach of what was put off.</returns>
    public bool Lap(out OperationCounts before, out OperationCounts now)
    {
        before = _last;
        Machine.ReadCounts(out now);
        _last = now;
        long drains = Machine.PutOff.Drains;
        bool hasDrained = drains != _drains;
        _drains = drains;
        return hasDrained;
    }

    /// <summary>All that was done by the last lap, but for the set-up.</summary>
    public OperationCounts Counts => _last - _start;

    /// <summary>An unmap begins.</summary>
    public void BeginUnmap() => _putOff = Machine.PutOff;

    /// <summary>Pages that the unmap has left reachable.</summary>
    public long PagesLeft => Machine.PutOff.Pages - _putOff.Pages;

    /// <summary>Unmaps what is mapped of a range.</summary>
    /// <param name="first">First IOVA.</param>
    /// <param name="last">Last IOVA.</param>
    /// <param name="goesOn">Whether behind IOVAs that are not mapped, too.</param>
    /// <param name="unmapped">Bytes that were unmapped.</param>
    public IommuError Unmap(ulong first, ulong last, bool goesOn, out ulong unmapped)
    {
        unmapped = 0;
        var error = IommuError.None;
        for (ulong next = first; next <= last;)
        {
            error = Domain.TryUnmap(next, last - next + 1, out ulong bytes);
            var after = Machine.PutOff;
            if (after.Drains != _putOff.Drains)
            {
                // What this unmap put off before the flush is not reachable any more.
                _putOff = after with { Pages = after.Pages - (long)(bytes / SmallPage.Bytes) };
            }

            unmapped += bytes;
            next += bytes;
            if (error != IommuError.None || !goesOn || (bytes == 0 && !Domain.TryFindNext(next, last, out next)))
            {
                break;
            }
        }

        return error;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Domain.Dispose();
        Machine.Dispose();
    }
}
