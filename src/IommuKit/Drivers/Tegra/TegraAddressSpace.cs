using IommuKit.Specs.Tegra;
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

    /// <summary>Whether a device is attached. If not, the attach of the next one makes up for the maintenance that is left out now.</summary>
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
    internal readonly struct Hardware(TegraAddressSpace space, TegraSmmuDriver driver) : IDomainHardware<NoBatch>
    {
        // Attaching sets the id first and flushes then, so either this sees the id, or that flush comes after the stores and knows of them.
        public bool IsLive => space.IsLiveOrMisses();

        public void Begin(ref NoBatch batch) => driver.RegisterLock.Enter();

        public void InvalidateTableCache(ref NoBatch batch, ulong physicalAddress, ulong bytes) => driver.FlushPtcLines(physicalAddress, bytes);

        public void InvalidateTlb(ref NoBatch batch, in TlbRange range)
        {
            int asid = space.Asid;
            if (asid == NoAsid)
            {
                // Detached since IsLive was asked: that flushed everything.
                return;
            }

            if (range.ChangesTables || range.LeafLog2 >= TegraEntry.SectionShift)
            {
                driver.FlushTlbSections(asid, range.Iova, range.Bytes);
            }
            else
            {
                driver.FlushTlbPages(asid, range.Iova, range.Bytes);
            }
        }

        public void InvalidateAll(ref NoBatch batch)
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

        public void Submit(ref NoBatch batch) => driver.RegisterLock.Exit();

        // A read of any register is answered after all writes before it took effect, also those that were made under the lock.
        public void Wait(ref NoBatch batch) => driver.ReadBack();
    }
}
