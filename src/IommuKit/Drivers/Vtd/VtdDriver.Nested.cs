using IommuKit.Domains;
using IommuKit.Sync;

namespace IommuKit.Drivers.Vtd;

/// <content>Guests' first-stage tables on top of a domain.</content>
public sealed partial class VtdDriver
{
    /// <summary>Makes a domain in which a guest's own tables translate, on top of a domain that holds its memory.</summary>
    /// <param name="parent">The domain under it, of this driver, on the second stage of scalable mode.</param>
    /// <param name="tables">The guest's tables.</param>
    /// <returns>The domain. Disposing of <paramref name="parent"/> disposes of it first.</returns>
    /// <exception cref="IommuException">
    /// The unit has no nested translation, or is not used in <see cref="VtdMode.SecondStage"/> (ENODEV); the parent is not a domain of this driver, or there
    /// can be no such tables (EINVAL).
    /// </exception>
    /// <example>
    /// <code>
    /// var memory = driver.CreateDomain();
    /// memory.Map(0, guestMemory, 1ul &lt;&lt; 30, Protection.Read | Protection.Write);
    /// var guest = driver.CreateNestedDomain(memory, new VtdGuestTables(rootThatTheGuestSaid));
    /// guest.Attach(device);
    /// guest.Invalidate(0x5000, 0x1000, changesTables: false);    // as the guest asks
    /// </code>
    /// </example>
    public VtdNestedDomain CreateNestedDomain(PagingDomain parent, VtdGuestTables tables)
    {
        ArgumentNullException.ThrowIfNull(parent);
        if (_options.Mode != VtdMode.SecondStage || Unit.ExtendedCapability is not { Nested: true, FirstStage: true })
        {
            throw new IommuException(
                IommuError.ENODEV, $"{Unit.Name} in mode {_options.Mode} cannot nest: that takes {VtdMode.SecondStage}, and ECAP.NEST and FSTS.");
        }

        bool hasLevels = tables.Levels == 4 || (tables.Levels == 5 && Unit.Capability.FirstStage5Levels);
        if (!hasLevels || (tables.Root & 0xfff) != 0 || tables.Root > parent.ApertureEnd)
        {
            throw new IommuException(
                IommuError.EINVAL, $"There are no first-stage tables of {tables.Levels} levels at 0x{tables.Root:x} on {Unit.Name}.");
        }

        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed || parent.IsDisposed, parent);
            return _spaces.TryGetValue(parent, out var space)
                ? new VtdNestedDomain(this, parent, space, tables)
                : throw new IommuException(IommuError.EINVAL, $"{Unit.Name} has not made this domain.");
        }
    }

    /// <summary>Drops a range of a guest's first stage, or all of it, and waits.</summary>
    /// <param name="space">The guest's.</param>
    /// <param name="range">The addresses; null for all.</param>
    /// <param name="changesTables">Whether pointers to tables must go too.</param>
    internal void InvalidateNested(VtdAddressSpace space, Interval? range, bool changesTables)
    {
        // What the guest stored comes before what the unit reads after this.
        Interlocked.MemoryBarrier();
        var where = space.Where;
        if (where.Translations.Length == 0)
        {
            return;
        }

        ulong ticket;
        Queue.Begin();
        try
        {
            if (range is not { } pages)
            {
                Invalidator.InvalidateEverything(where);
            }
            else
            {
                Invalidator.Invalidate(where, pages.First, pages.Last, changesTables);
                if (where.Devices.Length != 0)
                {
                    Invalidator.InvalidateDevices(where.Devices, [pages]);
                }
            }
        }
        finally
        {
            ticket = Queue.Submit();
        }

        Queue.Wait(ticket);
    }

    /// <inheritdoc/>
    protected internal override void Leaving(IommuDomain domain)
    {
        foreach (var nested in Domains.OfType<VtdNestedDomain>().Where(nested => nested.Parent == domain).ToArray())
        {
            nested.Dispose();
        }
    }
}
