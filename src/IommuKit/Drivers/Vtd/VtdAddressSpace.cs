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
    internal readonly struct Hardware(VtdAddressSpace space, VtdInvalidator invalidator, VtdQueue queue, VtdMerging merging)
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
            if (merging.IsOn)
            {
                Merge(ref batch, range);
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
                    if (merging.IsOn)
                    {
                        InvalidateMerged(ref batch);
                    }
                    else
                    {
                        InvalidateDevices(ref batch, space._where);
                    }
                }
            }
            finally
            {
                batch.Count = 0;
                batch.Ticket = queue.Submit();
            }
        }

        public void Wait(ref VtdBatch batch) => queue.Wait(batch.Ticket);

        // In caching mode, the only one in which maps invalidate, what was not present may be remembered of every level.
        private static bool DropsWay(in TlbRange range) => range.ChangesTables || range.FollowsMap;

        private void Merge(ref VtdBatch batch, in TlbRange range)
        {
            var added = new Interval(range.Iova, range.LastIova);
            if (batch.Count != 0 && !merging.MayJoin(batch, added, range.FollowsMap))
            {
                InvalidateMerged(ref batch);
                queue.HandOver();
            }

            bool isFirst = batch.Count == 0;
            batch.IsMap = range.FollowsMap && (isFirst || batch.IsMap);
            batch.Way = (isFirst ? Interval.Empty : batch.Way).Around(DropsWay(range) ? added : Interval.Empty);
            batch.Add(added, most: 1);
        }

        private void InvalidateMerged(ref VtdBatch batch)
        {
            var where = space._where;
            var rest = batch.Ranges[0];
            while (merging.TryTake(ref rest, batch.IsMap, out var part))
            {
                invalidator.Invalidate(where, part.First, part.Last, changesTables: part.Overlaps(batch.Way));
                if (where.Devices.Length != 0 && !batch.IsMap)
                {
                    invalidator.InvalidateDevices(where.Devices, [part]);
                }

                if (!rest.IsEmpty)
                {
                    queue.HandOver();
                }
            }

            batch.Count = 0;
        }

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
