using IommuKit.Sync;

namespace IommuKit.Drivers.Tegra;

/// <summary>One domain as the SMMU sees it, and the primitives that the policies use.</summary>
internal sealed class TegraAddressSpace
{
    private const int NoAsid = -1;

    // Written under the driver's lock, before the flush that goes with a change; see IsLive.
    private volatile int _asid = NoAsid;

    private int _hasMissed;

    /// <summary>The address space id, while a device is attached.</summary>
    public int Asid
    {
        get => _asid;
        set => _asid = value;
    }

    /// <summary>Attached swgroups.</summary>
    public int Users { get; set; }

    /// <summary>Takes the id away.</summary>
    public void Drop() => _asid = NoAsid;

    /// <summary>Whether entries were stored since the last call whose maintenance was left out because no device was attached.</summary>
    public bool TakeMissed() => Interlocked.Exchange(ref _hasMissed, 0) != 0;

    /// <summary>Whether a device is attached. If not, whoever attaches the next one makes up for the maintenance that is left out now.</summary>
    private bool IsLiveOrMisses()
    {
        if (_asid != NoAsid)
        {
            return true;
        }

        // Attaching sets the id and then looks at this; so one of the two sees the other.
        NoteMissed();
        return _asid != NoAsid;
    }

    private void NoteMissed() => Interlocked.Exchange(ref _hasMissed, 1);

    /// <summary>The primitives.</summary>
    internal readonly struct Hardware(TegraAddressSpace space, TegraSmmuDriver driver) : IDomainHardware
    {
        // Asked after the entries were stored and cleaned. Attaching sets the id first and flushes then, so either this sees
        // the id, or that flush comes after the stores and knows of them.
        public bool IsLive => space.IsLiveOrMisses();

        public int CacheLine => driver.Cache.LineSize;

        public void Clean(ulong physicalAddress, ulong bytes) => driver.Cache.Clean(physicalAddress, bytes);

        public void Barrier() => driver.Cache.Barrier();

        public void BeginInvalidation() => driver.RegisterLock.Enter();

        public void EndInvalidation() => driver.RegisterLock.Exit();

        public void InvalidateTableCache(ulong physicalAddress, ulong bytes) => driver.FlushPtcLines(physicalAddress, bytes);

        public void InvalidateTlb(ulong iova, ulong bytes, int level)
        {
            int asid = space.Asid;
            if (asid == NoAsid)
            {
                // Detached since IsLive was asked: that flushed everything.
                return;
            }

            if (level == 0)
            {
                driver.FlushTlbPages(asid, iova, bytes);
            }
            else
            {
                driver.FlushTlbSections(asid, iova, bytes);
            }
        }

        public void InvalidateAll()
        {
            // Without a device now there was one when IsLive was asked, and what came since the flush of the detach has to be made up for.
            int asid = space.Asid;
            if (asid != NoAsid)
            {
                driver.FlushPtc();
                driver.FlushTlb(asid);
            }
            else
            {
                space.NoteMissed();
            }
        }

        public void Complete() => driver.ReadBack();

        public bool HasFailed => false;

        public void ThrowFailure()
        {
            // Nothing fails.
        }
    }
}
