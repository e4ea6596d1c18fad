using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>One domain as the unit sees it, and the primitives that the policies use.</summary>
internal sealed class VtdAddressSpace
{
    private const int NoId = -1;

    // Written by attach and detach, which hold a lock; see IsLive.
    private volatile int _domainId = NoId;

    /// <summary>The domain id while a device is attached; negative if none is.</summary>
    public int DomainId => _domainId;

    /// <summary>Attached devices.</summary>
    public int Users { get; set; }

    /// <summary>From here on the policies invalidate.</summary>
    public void Enter(ushort domainId)
    {
        _domainId = domainId;
        Interlocked.MemoryBarrier();
    }

    /// <summary>Takes the id away.</summary>
    public void Leave() => _domainId = NoId;

    /// <summary>The primitives.</summary>
    internal readonly struct Hardware(VtdAddressSpace space, VtdDriver driver) : IDomainHardware<VtdBatch>
    {
        // Without a device nothing can be cached under the domain's id: a device is given the domain only after the id is set, and
        // when the last one goes everything is dropped.
        public bool IsLive => space._domainId != NoId;

        public void Begin(ref VtdBatch batch) => driver.Queue.Begin();

        public void InvalidateTableCache(ref VtdBatch batch, ulong physicalAddress, ulong bytes)
        {
            // There is no such cache, and the traits say so.
        }

        public void InvalidateTlb(ref VtdBatch batch, in TlbRange range)
        {
            if (driver.MergesRanges)
            {
                var interval = new Interval(range.Iova, range.LastIova);
                batch.Range = batch.HasRange ? batch.Range.Around(interval) : interval;
                batch.ChangesTables |= range.ChangesTables;
                batch.HasRange = true;
            }
            else if (space._domainId is >= 0 and var id)
            {
                driver.Invalidate((ushort)id, range.Iova, range.LastIova, range.ChangesTables);
            }
        }

        public void InvalidateAll(ref VtdBatch batch)
        {
            if (space._domainId is >= 0 and var id)
            {
                driver.InvalidateDomain((ushort)id);
            }
        }

        public void Submit(ref VtdBatch batch)
        {
            try
            {
                if (batch.HasRange && space._domainId is >= 0 and var id)
                {
                    driver.Invalidate((ushort)id, batch.Range.First, batch.Range.Last, batch.ChangesTables);
                }
            }
            finally
            {
                batch.HasRange = false;
                batch.ChangesTables = false;
                batch.Ticket = driver.Queue.Submit();
            }
        }

        public void Wait(ref VtdBatch batch) => driver.Queue.Wait(batch.Ticket);
    }
}
