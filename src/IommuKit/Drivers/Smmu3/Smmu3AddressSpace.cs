using IommuKit.Specs.Smmu3;
using IommuKit.Sync;

namespace IommuKit.Drivers.Smmu3;

/// <summary>One domain as the SMMU sees it, and the primitives that the policies use.</summary>
internal sealed class Smmu3AddressSpace(Smmu3CommandQueue queue, bool isStage2, bool mixesLeaves, Smmu3RangeRules rules, int threshold)
{
    private const int NoTag = 0;

    // Without commands for ranges, a table of upper levels that goes would be 2^18 of them and more. Half of that takes longer than any refill.
    public const int MostCommands = 1 << 16;

    // Written under the driver's lock; see IsLive.
    private volatile int _tag;
    private volatile Smmu3DeviceTag[] _devices = [];
    private volatile int _guests;

    /// <summary>The page table.</summary>
    public Smmu3TableShape Shape { get; set; }

    /// <summary>Whether it is one of stage 2.</summary>
    public bool IsStage2 => isStage2;

    /// <summary>The ASID or VMID; 0 if no device is attached.</summary>
    public ushort Tag
    {
        get => (ushort)_tag;
        set => _tag = value;
    }

    /// <summary>Attached devices and PASIDs.</summary>
    public int Users { get; set; }

    /// <summary>From here on the policies have a device forget, too, what they invalidate.</summary>
    public void Add(Smmu3DeviceTag device)
    {
        _devices = [.. _devices, device];

        // Operations that do not see it have stored before this fence, and the device asks only after it.
        Interlocked.MemoryBarrier();
    }

    /// <summary>A device holds nothing of this any more.</summary>
    public void Remove(Smmu3DeviceTag device) => _devices = [.. _devices.Where(other => other != device)];

    /// <summary>Devices that a guest's stage 1 translates first.</summary>
    public int Guests => _guests;

    /// <summary>From here on the policies drop, too, what stage 1 of a guest was combined with.</summary>
    public void AddGuest()
    {
        _guests++;

        // Operations that do not see it have stored before this fence, and the guest's device walks only after it.
        Interlocked.MemoryBarrier();
    }

    /// <summary>Nothing is combined for a device any more.</summary>
    public void RemoveGuest() => _guests--;

    /// <summary>The command that drops everything of a tag.</summary>
    public Smmu3Command DropAll(ushort tag) => isStage2
        ? Smmu3Command.Drop(Smmu3CommandCode.DropVmid, vmid: tag)
        : Smmu3Command.Drop(Smmu3CommandCode.DropAsid, asid: tag);

    private void Add(ref Smmu3Batch batch, in TlbRange range)
    {
        int tag = _tag;
        if (tag == NoTag)
        {
            // Detached since IsLive was asked: that dropped everything.
            return;
        }

        var encoder = new Smmu3RangeEncoder(
            isStage2 ? Smmu3CommandCode.DropIpa : Smmu3CommandCode.DropVa,
            isStage2 ? (ushort)tag : (ushort)0,
            isStage2 ? (ushort)0 : (ushort)tag,
            new Smmu3Range(range.Iova, range.Bytes, mixesLeaves ? 0 : range.LeafLog2, !range.ChangesTables),
            rules);
        batch.AddForDevices(new Interval(range.Iova, range.LastIova));
        if (range.IsEverything || encoder.HasAtLeast(threshold == 0 ? MostCommands : threshold))
        {
            batch.Add(queue, DropAll((ushort)tag));
            return;
        }

        while (encoder.TryNext(out var command))
        {
            if (isStage2)
            {
                batch.AddByIpa(queue, command);
            }
            else
            {
                batch.Add(queue, command);
            }
        }
    }

    /// <summary>The primitives.</summary>
    internal readonly struct Hardware(Smmu3AddressSpace space, Smmu3CommandQueue queue) : IDomainHardware<Smmu3Batch>
    {
        // A tag has nothing in any cache when it is given to a domain, which happens before its first device can walk. So either this sees the tag, or
        // every walk comes after the stores.
        public bool IsLive => space._tag != NoTag;

        public void Begin(ref Smmu3Batch batch)
        {
            // Commands gather in the batch; nothing is shared.
        }

        public void InvalidateTableCache(ref Smmu3Batch batch, ulong physicalAddress, ulong bytes)
        {
            // There is none that is not told by address of a translation.
        }

        public void InvalidateTlb(ref Smmu3Batch batch, in TlbRange range) => space.Add(ref batch, range);

        public void InvalidateAll(ref Smmu3Batch batch)
        {
            ushort tag = space.Tag;
            if (tag != NoTag)
            {
                batch.AddForDevices(new Interval(0, ulong.MaxValue));
                batch.Add(queue, space.DropAll(tag));
            }
        }

        public void Submit(ref Smmu3Batch batch)
        {
            // They go to the queue with their CMD_SYNC: nobody counts on them before the wait.
        }

        public void Wait(ref Smmu3Batch batch) => batch.Complete(queue, space._devices, space._guests == 0 ? (ushort)NoTag : space.Tag);
    }
}
