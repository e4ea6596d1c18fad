using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <summary>One domain as the unit sees it, and the primitives that the policies use.</summary>
internal sealed class VtdAddressSpace
{
    private readonly List<VtdTag> _tags = [];
    private readonly List<VtdDeviceTag> _devices = [];

    // Written by attach and detach, which hold a lock; see IsLive.
    private volatile VtdTags _where = VtdTags.None;

    /// <summary>The domain id, while <see cref="Users"/> is not 0.</summary>
    public ushort DomainId { get; set; }

    /// <summary>The space of the domain under this one, which is a guest's; null if it is none.</summary>
    public VtdAddressSpace? Parent { get; init; }

    /// <summary>Where translations may be cached now.</summary>
    public VtdTags Where => _where;

    /// <summary>Attached devices and PASIDs.</summary>
    public int Users { get; set; }

    /// <summary>From here on the policies invalidate there too. One may be added several times.</summary>
    public void Add(VtdTag tag)
    {
        _tags.Add(tag);
        Publish();
    }

    /// <summary>As <see cref="Add(VtdTag)"/>.</summary>
    public void Add(VtdDeviceTag device)
    {
        _devices.Add(device);
        Publish();
    }

    /// <summary>Takes it back as often as it was added: nothing is cached there any more.</summary>
    public void Remove(VtdTag tag)
    {
        _tags.Remove(tag);
        Publish();
    }

    /// <summary>As <see cref="Remove(VtdTag)"/>.</summary>
    public void Remove(VtdDeviceTag device)
    {
        _devices.Remove(device);
        Publish();
    }

    private void Publish()
    {
        _where = _tags.Count + _devices.Count == 0 ? VtdTags.None : new VtdTags([.. _tags.Distinct()], [.. _devices]);

        // Operations that do not see it have stored before this fence, and hardware walks only after it.
        Interlocked.MemoryBarrier();
    }

    /// <summary>The primitives.</summary>
    internal readonly struct Hardware(VtdAddressSpace space, VtdInvalidator invalidator, VtdQueue queue, bool mergesRanges)
        : IDomainHardware<VtdBatch>
    {
        // Without a device nothing can be cached of the domain: a device is given the domain only after its tag is set, and when the last one
        // goes everything is dropped.
        public bool IsLive => space._where.Translations.Length != 0;

        public void Begin(ref VtdBatch batch) => queue.Begin();

        public void InvalidateTableCache(ref VtdBatch batch, ulong physicalAddress, ulong bytes)
        {
            // There is no such cache, and the traits say so.
        }

        public void InvalidateTlb(ref VtdBatch batch, in TlbRange range)
        {
            if (mergesRanges)
            {
                batch.Add(new Interval(range.Iova, range.LastIova), most: 1);
                batch.DropsWay |= DropsWay(range);
                batch.IsMap = range.FollowsMap;
                return;
            }

            var where = space._where;
            bool hasDevices = where.Devices.Length != 0 && !range.FollowsMap;
            if (hasDevices && batch.Count == VtdRanges.Capacity)
            {
                InvalidateDevices(ref batch, where);
            }

            invalidator.Invalidate(where, range.Iova, range.LastIova, DropsWay(range));
            if (hasDevices)
            {
                batch.Add(new Interval(range.Iova, range.LastIova), VtdRanges.Capacity);
            }
        }

        public void InvalidateAll(ref VtdBatch batch) => invalidator.InvalidateEverything(space._where);

        public void Submit(ref VtdBatch batch)
        {
            try
            {
                if (batch.Count != 0)
                {
                    var where = space._where;
                    if (mergesRanges)
                    {
                        invalidator.Invalidate(where, batch.Ranges[0].First, batch.Ranges[0].Last, batch.DropsWay);
                    }

                    if (!batch.IsMap)
                    {
                        InvalidateDevices(ref batch, where);
                    }
                }
            }
            finally
            {
                batch.Count = 0;
                batch.DropsWay = false;
                batch.IsMap = false;
                batch.Ticket = queue.Submit();
            }
        }

        public void Wait(ref VtdBatch batch) => queue.Wait(batch.Ticket);

        // In caching mode, the only one in which maps invalidate, what was not present may be remembered of every level.
        private static bool DropsWay(in TlbRange range) => range.ChangesTables || range.FollowsMap;

        private void InvalidateDevices(ref VtdBatch batch, VtdTags where)
        {
            if (where.Devices.Length != 0)
            {
                invalidator.InvalidateDevices(where.Devices, batch.Ranges[..batch.Count]);
            }

            batch.Count = 0;
        }
    }
}
