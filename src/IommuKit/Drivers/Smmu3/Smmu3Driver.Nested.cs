using IommuKit.Domains;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <content>Guests' stage 1 on top of a domain (IHI 0070, sections 3.4 and 4.4).</content>
/// <remarks>
/// A TLB may hold what both stages make of an address as one entry, tagged with VMID and ASID. TLBI_S2_IPA need not drop such entries, as they do not
/// know their IPA: behind it comes TLBI_NH_ALL for the VMID.
/// </remarks>
public sealed partial class Smmu3Driver
{
    // A guest's granule is not known: a command without TG is for the page around an address, whatever its size.
    private static readonly Smmu3RangeRules PageByPage = new(HasRanges: false, GranuleLog2: 12, Smmu3RangeEncoding.Exact);

    /// <summary>Makes a domain in which a guest's own tables translate, on top of a domain that holds its memory.</summary>
    /// <param name="parent">The domain under it, of this driver, of stage 2.</param>
    /// <param name="contexts">The guest's context descriptors.</param>
    /// <returns>The domain. Disposing of <paramref name="parent"/> disposes of it first.</returns>
    /// <exception cref="IommuException">
    /// The SMMU does not have both stages, or the driver is not one of stage 2 (ENODEV); the parent is not a domain of this driver, or there can be no such
    /// descriptors (EINVAL).
    /// </exception>
    /// <example>
    /// <code>
    /// var memory = driver.CreateDomain();
    /// memory.Map(0, guestMemory, 1ul &lt;&lt; 30, Protection.Read | Protection.Write);
    /// var guest = driver.CreateNestedDomain(memory, new Smmu3GuestContexts(s1ContextPtrOfTheGuest));
    /// guest.Attach(device);
    /// guest.Invalidate(asid, 0x5000, 0x1000, changesTables: false);    // as the guest asks
    /// </code>
    /// </example>
    public Smmu3NestedDomain CreateNestedDomain(PagingDomain parent, Smmu3GuestContexts contexts)
    {
        ArgumentNullException.ThrowIfNull(parent);
        if (!_isStage2 || !_unit.HasStage1)
        {
            throw new IommuException(IommuError.ENODEV, $"{Traits.Name} cannot nest: that takes both stages, and a driver of stage 2.");
        }

        if (contexts.WhyImpossible(_unit, parent.ApertureEnd) is { } reason)
        {
            throw new IommuException(IommuError.EINVAL, reason);
        }

        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed || parent.IsDisposed, parent);
            return _spaces.TryGetValue(parent, out var space)
                ? new Smmu3NestedDomain(this, parent, space, contexts)
                : throw new IommuException(IommuError.EINVAL, $"{Traits.Name} has not made this domain.");
        }
    }

    /// <inheritdoc/>
    protected internal override void Leaving(IommuDomain domain)
    {
        foreach (var nested in Domains.OfType<Smmu3NestedDomain>().Where(nested => nested.Parent == domain).ToArray())
        {
            nested.Dispose();
        }
    }

    /// <summary>Drops a range of one of a guest's address spaces, and waits.</summary>
    internal void InvalidateNested(Smmu3NestedDomain domain, ushort asid, in Smmu3Range range)
    {
        if (!TryTagOf(domain, out ushort vmid))
        {
            return;
        }

        var encoder = new Smmu3RangeEncoder(Smmu3CommandCode.DropVa, vmid, asid, range, PageByPage);
        int most = _options.AddressSpaceThreshold == 0 ? Smmu3AddressSpace.MostCommands : _options.AddressSpaceThreshold;
        if (encoder.HasAtLeast(most))
        {
            // By ASID alone, global pages would stay.
            _queue.PushAndWait(Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid));
            return;
        }

        var batch = default(Smmu3Batch);
        while (encoder.TryNext(out var command))
        {
            batch.Add(_queue, command);
        }

        batch.Complete(_queue, devices: [], guest: 0);
    }

    /// <summary>Drops more than a range of what a guest's stage 1 translated, and waits.</summary>
    internal void InvalidateNested(Smmu3NestedDomain domain, Smmu3CommandCode code, ushort asid)
    {
        if (TryTagOf(domain, out ushort vmid))
        {
            _queue.PushAndWait(Smmu3Command.Drop(code, vmid, asid));
        }
    }

    /// <summary>Drops the context descriptors of a domain's devices, and waits.</summary>
    internal void InvalidateContexts(Smmu3NestedDomain domain)
    {
        lock (AttachLock)
        {
            // What the guest stored comes before what the SMMU reads after this.
            Interlocked.MemoryBarrier();
            Smmu3Command[] commands = [.. _devices.Where(device => device.Domain == domain).Select(device => Smmu3Command.DropContexts(device.StreamId))];
            if (commands.Length != 0)
            {
                _queue.PushAndWait(commands);
            }
        }
    }

    /// <summary>The VMID under which something of a guest may be cached.</summary>
    /// <returns>False if nothing can be.</returns>
    private static bool TryTagOf(Smmu3NestedDomain domain, out ushort vmid)
    {
        // What the guest stored comes before what the SMMU reads after this.
        Interlocked.MemoryBarrier();
        vmid = domain.Space.Tag;
        return vmid != 0;
    }

    /// <summary>Has the policies drop what was combined, before anything is.</summary>
    private void JoinAsGuest(Smmu3AddressSpace space)
    {
        bool isFirst = space.Guests == 0;
        space.AddGuest();
        if (isFirst && space.Users != 0)
        {
            // An unmap under way that has not seen the guest has stored already, but perhaps not invalidated: nothing may be combined with what stage 2
            // still holds of it.
            _queue.PushAndWait(space.DropAll(space.Tag));
        }
    }

    /// <summary>A stream is the guest's no more.</summary>
    private void LeaveAsGuest(Smmu3AddressSpace space)
    {
        if (space.Guests == 1)
        {
            // Changes of stage 2 leave from here on what was combined.
            _queue.PushAndWait(Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: space.Tag));
        }

        space.RemoveGuest();
    }
}
