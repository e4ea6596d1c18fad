using IommuKit.Domains;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <content>Devices and PASIDs change domains. Callers hold the attach lock.</content>
/// <remarks>
/// At stage 1 a device without PASIDs goes from one domain to another without a gap. One with PASIDs has all its context descriptors in one table, and at
/// stage 2 an address space is in two quadwords of the stream's entry: when such a one is replaced by another, accesses are aborted in between.
/// </remarks>
public sealed partial class Smmu3Driver
{
    /// <inheritdoc/>
    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (newDomain is not null)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
        }

        var stream = (Smmu3StreamDevice)device;
        var next = SpaceOf(newDomain);
        var last = SpaceOf(oldDomain);
        if (pasid != IommuDomain.NoPasid)
        {
            CheckPasid(stream, pasid, newDomain);
        }

        if (next is { Users: 0 })
        {
            Load(next);
        }

        var tag = stream.Tag(pasid == IommuDomain.NoPasid ? null : (uint)pasid);
        bool isGuest = newDomain is Smmu3NestedDomain;
        try
        {
            if (isGuest)
            {
                JoinAsGuest(next!);
            }
            else if (next is not null && stream.HasDeviceTlb)
            {
                Join(next, tag);
            }

            if (pasid == IommuDomain.NoPasid)
            {
                SwitchStream(stream, newDomain, next, last);
            }
            else
            {
                SwitchSubstream(stream, pasid, oldDomain, newDomain, next);
            }
        }
        catch
        {
            next?.Remove(tag);
            if (isGuest)
            {
                LeaveAsGuest(next!);
            }

            if (next is { Users: 0 })
            {
                Unload(next);
            }

            throw;
        }

        if (next is not null)
        {
            next.Users++;
        }

        last?.Remove(tag);
        if (oldDomain is Smmu3NestedDomain)
        {
            LeaveAsGuest(last!);
        }

        if (last is not null && --last.Users == 0)
        {
            Unload(last);
        }
    }

    /// <inheritdoc/>
    protected internal override void Forget(IommuDomain domain) => _spaces.Remove(domain);

    private Smmu3AddressSpace? SpaceOf(IommuDomain? domain) => domain switch
    {
        null or FixedDomain => null,
        Smmu3NestedDomain nested when nested.Driver == this => nested.Space,
        _ when _spaces.TryGetValue(domain, out var space) => space,
        _ => throw new IommuException(IommuError.EINVAL, $"{Traits.Name} has not made this domain."),
    };

    private static void CheckPasid(Smmu3StreamDevice stream, int pasid, IommuDomain? domain)
    {
        if (pasid == 0)
        {
            throw new IommuException(IommuError.ENODEV, $"PASID 0 of {stream.Name} stands for what comes without a PASID.");
        }

        if (domain is FixedDomain { IsIdentity: true })
        {
            throw new IommuException(IommuError.ENODEV, $"A PASID of {stream.Name} cannot use physical addresses.");
        }
    }

    private void SwitchStream(Smmu3StreamDevice stream, IommuDomain? domain, Smmu3AddressSpace? next, Smmu3AddressSpace? last)
    {
        // A table that the stream is about to look at has its descriptor first; one that it looks at no more loses it last.
        if (next is { IsStage2: false })
        {
            ulong used = _streams.Find(stream.StreamId) is { } address
                ? new Smmu3StreamEntry(_blocks.Load(address), 0, 0, 0).ContextTable
                : 0;
            stream.Contexts!.SetFirst(Smmu3Entries.Context(_unit, next.Shape, next.Tag), used);
        }

        bool mayHold = stream.MayHoldTranslations;
        SetStream(stream, domain, next);
        if (mayHold)
        {
            DropDevice(stream.Tag(null));
        }

        if (next is null && last is { IsStage2: false })
        {
            stream.Contexts!.ClearFirst();
        }
    }

    private void SwitchSubstream(
        Smmu3StreamDevice stream, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain, Smmu3AddressSpace? next)
    {
        stream.Contexts!.Set(pasid, next is null ? default : Smmu3Entries.Context(_unit, next.Shape, next.Tag));
        int before = stream.AttachedPasids;
        stream.AttachedPasids += (newDomain is null ? 0 : 1) - (oldDomain is null ? 0 : 1);
        if ((before == 0) != (stream.AttachedPasids == 0))
        {
            // Without PASIDs in use, a stream that passes or aborts everything needs no table.
            SetStream(stream, stream.Domain, SpaceOf(stream.Domain));
        }

        if (stream.HasDeviceTlb && oldDomain is not null)
        {
            DropDevice(stream.Tag((uint)pasid));
        }
    }

    private void SetStream(Smmu3StreamDevice stream, IommuDomain? domain, Smmu3AddressSpace? space)
    {
        bool isIdentity = domain is FixedDomain { IsIdentity: true };
        bool hasAts = stream.HasDeviceTlb && domain is not Smmu3NestedDomain && (space is not null || stream.AttachedPasids != 0);
        var wanted = domain is Smmu3NestedDomain nested ? Smmu3Entries.Nested(_unit, nested.Contexts, nested.Space.Shape, nested.Space.Tag)
            : space is { IsStage2: true } ? Smmu3Entries.Stage2(_unit, space.Shape, space.Tag, hasAts)
            : space is not null ? Smmu3Entries.Stage1(_unit, stream.Contexts!.Pointer, Smmu3Entries.UseFirst, hasAts)
            : stream.AttachedPasids != 0
                ? Smmu3Entries.Stage1(_unit, stream.Contexts!.Pointer, isIdentity ? Smmu3Entries.PassBy : Smmu3Entries.Terminate, hasAts)
            : isIdentity ? Smmu3Entries.Pass
            : Smmu3Entries.Abort;
        stream.MayHoldTranslations |= hasAts;
        if (_streams.Find(stream.StreamId) is { } address)
        {
            var entry = new Smmu3EntryAt(_blocks, _queue, address, Smmu3Command.DropStream(stream.StreamId));
            Smmu3EntryUpdate.Apply(ref entry, Smmu3EntryKind.Stream, [wanted.W0, wanted.W1, wanted.W2, wanted.W3]);
        }
        else if (wanted != Smmu3Entries.Abort)
        {
            // That there was no table may be remembered.
            _streams.AddTable(stream.StreamId, wanted);
            _queue.PushAndWait(Smmu3Command.DropStream(stream.StreamId, leaf: false));
        }

        stream.MayHoldTranslations = hasAts;
    }

    /// <summary>Has the policies tell a device what it has to forget of a domain, before it can ask for anything of it.</summary>
    private void Join(Smmu3AddressSpace space, Smmu3DeviceTag device)
    {
        space.Add(device);
        if (space.Users != 0)
        {
            // An unmap under way that has not seen the device has stored already, but perhaps not invalidated: the device must not be given what that
            // is about to drop.
            _queue.PushAndWait(space.DropAll(space.Tag));
        }
    }

    /// <summary>A device forgets all that it may have asked for while it was in another domain.</summary>
    private void DropDevice(Smmu3DeviceTag device) => _queue.PushAndWait(Smmu3DeviceEncoder.Everything(device));

    /// <summary>Gives a domain an ASID or VMID, before hardware can walk its table.</summary>
    private void Load(Smmu3AddressSpace space)
    {
        if (!_tags.TryTake(out ushort tag))
        {
            throw new IommuException(IommuError.ENOSPC, $"All {_tags.Count} address spaces of {Traits.Name} are in use.");
        }

        // The root is zeros until the first map.
        _blocks.Publish(space.Shape.Root, space.Shape.RootBytes);
        space.Tag = tag;

        // Operations that do not see the tag have stored before this fence, and hardware walks only after it.
        Interlocked.MemoryBarrier();
    }

    /// <summary>Takes it back: nothing of it remains in any cache.</summary>
    private void Unload(Smmu3AddressSpace space)
    {
        ushort tag = space.Tag;
        _queue.PushAndWait(space.DropAll(tag));
        space.Tag = 0;
        _tags.Release(tag);
    }
}
