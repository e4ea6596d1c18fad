using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Domains;

/// <summary>
/// An address space for devices: what they reach through it, and nothing else. Operations on disjoint ranges may run in parallel.
/// </summary>
/// <remarks>
/// When a call returns, every device of the domain sees its effect, with two exceptions that the policy makes:
/// under <see cref="SyncPolicy.Deferred"/> a device may go on to use what was unmapped until the queue is drained, and under
/// <see cref="SyncPolicy.Explicit"/> nothing is promised before <see cref="Flush()"/>.
/// </remarks>
public abstract class IommuDomain : IDisposable
{
    /// <summary>Stands for what devices send without a PASID.</summary>
    public const int NoPasid = -1;

    private readonly List<(IommuDevice Device, int Pasid)> _attached = [];

    private protected IommuDomain(IommuDriver driver, DomainOptions options)
    {
        options.Validate();
        Driver = driver;
        Options = options;

        // A driver without a range flush goes on as before.
        bool hasRangeFlush = driver.Traits.Paging?.Flush.HasRangeFlush ?? true;
        Policy = options.Policy == SyncPolicy.RangeFlush && !hasRangeFlush ? SyncPolicy.PerPage : options.Policy;
    }

    /// <summary>The driver of the IOMMU.</summary>
    public IommuDriver Driver { get; }

    /// <summary>What was asked for.</summary>
    public DomainOptions Options { get; }

    /// <summary>The policy in force.</summary>
    public SyncPolicy Policy { get; }

    /// <summary>The page sizes in use: bit n means pages of 2^n bytes.</summary>
    public abstract ulong PageSizes { get; }

    /// <summary>The smallest page size: IOVAs, physical addresses and sizes are multiples of it.</summary>
    public ulong Granule => PageSizes & (~PageSizes + 1);

    /// <summary>The last IOVA of the aperture, which starts at 0.</summary>
    public abstract ulong ApertureEnd { get; }

    /// <summary>IOVAs at which nothing can be mapped, first and last of each: windows of interrupts, and what the host keeps for itself.</summary>
    public virtual IReadOnlyList<(ulong First, ulong Last)> ReservedIovas => [];

    /// <summary>Whether what it maps as physical addresses are addresses of this process, as a domain of a host's kernel does.</summary>
    public virtual bool MapsProcess => false;

    /// <summary>Receives the faults of the domain's devices, on the thread that handles the interrupt.</summary>
    public Action<IommuFault>? FaultHandler { get; set; }

    /// <summary>The devices attached, with a PASID or without.</summary>
    public IReadOnlyList<IommuDevice> Devices
    {
        get
        {
            lock (Driver.AttachLock)
            {
                return [.. _attached.Select(attached => attached.Device).Distinct()];
            }
        }
    }

    /// <summary>Whether it was disposed of.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>Maps an IOVA range to contiguous physical memory.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="physicalAddress">What it is mapped to.</param>
    /// <param name="size">Bytes. All three must be multiples of <see cref="Granule"/>.</param>
    /// <param name="protection">What devices may do.</param>
    /// <exception cref="IommuException">As <see cref="TryMap"/> says; nothing has changed.</exception>
    public void Map(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        var error = TryMap(iova, physicalAddress, size, protection);
        if (error != IommuError.None)
        {
            throw new IommuException(error, $"Cannot map 0x{size:x} bytes at IOVA 0x{iova:x} to 0x{physicalAddress:x}.{Advice(error)}");
        }
    }

    /// <summary>Maps an IOVA range to contiguous physical memory, without an exception on failure.</summary>
    /// <inheritdoc cref="Map" path="/param"/>
    /// <inheritdoc cref="TryMapScatterGather" path="/returns"/>
    public abstract IommuError TryMap(ulong iova, ulong physicalAddress, ulong size, Protection protection);

    /// <summary>Maps an IOVA range to the pieces of a scatter list, one after the other; pieces that follow each other physically are one.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="ranges">The list.</param>
    /// <param name="protection">What devices may do.</param>
    /// <returns>Bytes mapped.</returns>
    /// <exception cref="IommuException">As <see cref="TryMapScatterGather"/> says; nothing has changed.</exception>
    public ulong MapScatterGather(ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection)
    {
        var error = TryMapScatterGather(iova, ranges, protection, out ulong size);
        if (error != IommuError.None)
        {
            throw new IommuException(error, $"Cannot map a list of {ranges.Length} ranges at IOVA 0x{iova:x}.{Advice(error)}");
        }

        return size;
    }

    /// <summary>Maps a scatter list, without an exception on failure.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="ranges">The list.</param>
    /// <param name="protection">What devices may do.</param>
    /// <param name="size">Bytes in the list.</param>
    /// <returns>
    /// EINVAL misaligned, empty or without rights; EOVERFLOW if a range wraps around; ERANGE beyond the aperture or the physical address width;
    /// EEXIST if part of the range is mapped; ENOMEM if tables cannot be had. On an error nothing has changed.
    /// </returns>
    public abstract IommuError TryMapScatterGather(
        ulong iova, ReadOnlySpan<PhysicalRange> ranges, Protection protection, out ulong size);

    /// <summary>Unmaps an IOVA range, up to the first hole.</summary>
    /// <remarks>
    /// With <see cref="PageTables.TableRelease.WhenCovered"/> a table that the range covers goes whole, whatever the
    /// policy, and holes in it count as unmapped.
    /// </remarks>
    /// <param name="iova">First IOVA, a multiple of <see cref="Granule"/>.</param>
    /// <param name="size">Bytes, a multiple of <see cref="Granule"/>.</param>
    /// <returns>
    /// Bytes that are no longer mapped, counted from <paramref name="iova"/>: less than <paramref name="size"/> if there is a hole or
    /// the range starts inside a larger page, more if it ends inside one, which goes whole; 0 if the range is invalid in itself,
    /// which <see cref="TryUnmap(ulong, ulong, out ulong)"/> tells apart.
    /// </returns>
    public ulong Unmap(ulong iova, ulong size)
    {
        TryUnmap(iova, size, out ulong unmapped);
        return unmapped;
    }

    /// <summary>As <see cref="Unmap"/>, and says why nothing, or less, was unmapped.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="unmapped">Bytes that are no longer mapped, counted from <paramref name="iova"/>.</param>
    /// <returns>
    /// EINVAL misaligned or empty; EOVERFLOW if the range wraps around; ERANGE beyond the aperture; ENOMEM if a page had to be split and there was no
    /// table for the rest of it. A hole is not an error.
    /// </returns>
    public abstract IommuError TryUnmap(ulong iova, ulong size, out ulong unmapped);

    /// <summary>
    /// As <see cref="TryUnmap(ulong, ulong, out ulong)"/>, for the listener of the queue (<see cref="DomainOptions.UnmapListener"/>).
    /// </summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="tag">What the listener is to know the unmap by, if it is put off.</param>
    /// <param name="unmapped">Bytes that are no longer mapped; where they are 0, the listener is not told.</param>
    internal virtual IommuError TryUnmap(ulong iova, ulong size, ulong tag, out ulong unmapped) => TryUnmap(iova, size, out unmapped);

    /// <summary>The physical address that an IOVA is mapped to, or null.</summary>
    public ulong? IovaToPhysical(ulong iova) => TryTranslate(iova, out ulong physicalAddress) ? physicalAddress : null;

    /// <summary>Looks up the physical address that an IOVA is mapped to.</summary>
    /// <returns>False if nothing is mapped there.</returns>
    public abstract bool TryTranslate(ulong iova, out ulong physicalAddress);

    /// <summary>Looks up the page around an IOVA.</summary>
    /// <returns>False if nothing is mapped there.</returns>
    public abstract bool TryFind(ulong iova, out PageMapping mapping);

    /// <summary>Finds the next mapped IOVA.</summary>
    /// <param name="iova">Where to start.</param>
    /// <param name="last">Where to stop; it is looked at too.</param>
    /// <param name="mapped">The first mapped IOVA from <paramref name="iova"/> on: that itself, or the start of a page.</param>
    /// <returns>False if nothing is mapped there.</returns>
    public abstract bool TryFindNext(ulong iova, ulong last, out ulong mapped);

    /// <summary>
    /// Brings the hardware into step with every call that returned before. Needed under <see cref="SyncPolicy.Explicit"/> and
    /// <see cref="SyncPolicy.Deferred"/>; nothing to do otherwise.
    /// </summary>
    public abstract void Flush();

    /// <summary>Brings the hardware into step with what calls that returned before did to a range, and perhaps with more.</summary>
    /// <param name="iova">First IOVA.</param>
    /// <param name="size">Bytes.</param>
    public abstract void Flush(ulong iova, ulong size);

    /// <summary>Lets a device work in this domain.</summary>
    /// <param name="device">The device.</param>
    /// <param name="pasid">With which PASID, from 0 on; <see cref="NoPasid"/> for what it sends without one.</param>
    /// <exception cref="IommuException">
    /// The device belongs to another IOMMU or has no such PASID (EINVAL), is in a domain already (EBUSY), or the hardware has no address space left
    /// (ENOSPC), or cannot do what this domain stands for (ENODEV).
    /// </exception>
    public void Attach(IommuDevice device, int pasid = NoPasid) => ChangeDomain(device, pasid, AttachLocked);

    /// <summary>
    /// Lets a device work in this domain instead of the one that it is in, if any: each of its accesses goes through one or the other.
    /// </summary>
    /// <inheritdoc cref="Attach" path="/param"/>
    /// <exception cref="IommuException">As with <see cref="Attach"/>; then it stays where it was.</exception>
    public void Replace(IommuDevice device, int pasid = NoPasid) => ChangeDomain(device, pasid, ReplaceLocked);

    /// <summary>Takes a device out of this domain.</summary>
    /// <inheritdoc cref="Attach" path="/param"/>
    /// <exception cref="IommuException">The device is not in it (EINVAL).</exception>
    public void Detach(IommuDevice device, int pasid = NoPasid) => ChangeDomain(device, pasid, DetachLocked);

    /// <summary>
    /// Detaches every device, waits for operations under way, and gives all tables back. Operations that begin later, or during that, throw
    /// <see cref="ObjectDisposedException"/>; look-ups that are under way may do so too, or find anything. If an invalidation fails (see
    /// <see cref="Drivers.Software.SoftwareIommuOptions.Invalidated"/>), nothing is given back, and it may be called again.
    /// </summary>
    /// <exception cref="InvalidOperationException">It was called in the middle of an operation of the same domain.</exception>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        OperationGate.BeginWork();
        try
        {
            lock (Driver.AttachLock)
            {
                DisposeLocked();
            }
        }
        finally
        {
            OperationGate.EndWork();
        }
    }

    /// <summary>The page sizes that a domain with these options has.</summary>
    /// <exception cref="IommuException">The hardware has not all of them (EINVAL).</exception>
    internal static ulong ChoosePageSizes(IommuTraits traits, DomainOptions options)
    {
        ulong pageSizes = options.PageSizes == 0 ? traits.PageSizes : options.PageSizes;
        return pageSizes != 0 && (pageSizes & ~traits.SupportedPageSizes) == 0
            ? pageSizes
            : throw new IommuException(
                IommuError.EINVAL, $"{traits.Name} has page sizes 0x{traits.SupportedPageSizes:x}; 0x{pageSizes:x} asks for others.");
    }

    /// <summary>What to do about a map that failed, where that is known, behind a space; else nothing.</summary>
    internal string Advice(IommuError error) => RemedyFor(error) is { } remedy ? $" {remedy}" : string.Empty;

    /// <summary>What to do about a map that failed: a sentence; null if there is nothing to say.</summary>
    protected virtual string? RemedyFor(IommuError reason) => null;

    /// <summary>Waits for operations under way, flushes, and gives all tables back.</summary>
    private protected abstract void FreeTables();

    private void ChangeDomain(IommuDevice device, int pasid, Action<IommuDevice, int> change)
    {
        ArgumentNullException.ThrowIfNull(device);
        OperationGate.BeginWork();
        try
        {
            lock (Driver.AttachLock)
            {
                change(device, pasid);
            }
        }
        finally
        {
            OperationGate.EndWork();
        }
    }

    private void AttachLocked(IommuDevice device, int pasid)
    {
        if (device.DomainOf(pasid) is not null)
        {
            CheckDevice(device, pasid);
            throw new IommuException(IommuError.EBUSY, $"Device {device.Name} is in a domain{With(pasid)}.");
        }

        ReplaceLocked(device, pasid);
    }

    private void ReplaceLocked(IommuDevice device, int pasid)
    {
        CheckDevice(device, pasid);
        var from = device.DomainOf(pasid);
        if (from == this)
        {
            return;
        }

        from?.Flush();
        Driver.Switch(device, pasid, from, this);
        from?._attached.Remove((device, pasid));
        _attached.Add((device, pasid));
        device.SetDomain(pasid, this);
    }

    private void DetachLocked(IommuDevice device, int pasid)
    {
        if (device.DomainOf(pasid) != this)
        {
            throw new IommuException(IommuError.EINVAL, $"Device {device.Name} is not in this domain{With(pasid)}.");
        }

        Flush();
        Driver.Switch(device, pasid, this, null);
        _attached.Remove((device, pasid));
        device.SetDomain(pasid, null);
    }

    private void CheckDevice(IommuDevice device, int pasid)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (device.Driver != Driver)
        {
            throw new IommuException(IommuError.EINVAL, $"Device {device.Name} is not behind the IOMMU of this domain.");
        }

        if (pasid != NoPasid && (pasid < 0 || pasid >= device.Pasids))
        {
            throw new IommuException(IommuError.EINVAL, $"Device {device.Name} has {device.Pasids} PASIDs, and not {pasid}.");
        }
    }

    private static string With(int pasid) => pasid == NoPasid ? string.Empty : $" with PASID {pasid}";

    private void DisposeLocked()
    {
        if (IsDisposed)
        {
            return;
        }

        foreach (var (device, pasid) in _attached.ToArray())
        {
            DetachLocked(device, pasid);
        }

        Driver.Leaving(this);
        FreeTables();
        Driver.Remove(this);
        IsDisposed = true;
    }
}
