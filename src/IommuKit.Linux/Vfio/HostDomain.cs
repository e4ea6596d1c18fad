using System.Numerics;
using IommuKit.Domains;
using IommuKit.Specs.PageTables;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>
/// A domain whose page table the kernel has. What devices reach is memory of this process: where other domains map physical addresses, this one maps
/// addresses of the process.
/// </summary>
/// <remarks>What is mapped while no device is in it is mapped when the first one comes.</remarks>
public sealed class HostDomain : RequestDomain
{
    private readonly HostWindows _windows;

    // While a file is mapped: that file, and the address that stands for its first byte.
    private (SafeFileHandle Handle, ulong Address)? _file;

    // While a mapping is copied: where from.
    private (HostSpace Space, ulong Iova)? _source;

    internal HostDomain(IommuDriver host, HostWindows windows, DomainOptions options, HostSpace space)
        : base(host, options)
    {
        _windows = windows;
        Space = space;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(ulong First, ulong Last)> ReservedIovas => _windows.Gaps();

    /// <inheritdoc/>
    public override bool MapsProcess => true;

    internal HostSpace Space { get; }

    /// <summary>
    /// Maps a part of a file by itself: the kernel pins the file's pages, whatever becomes of the addresses where this process sees them. To map those
    /// addresses does the same on kernels that cannot (iommufd older than 6.13, VFIO type 1) while the file is open here.
    /// </summary>
    /// <remarks>
    /// <see cref="IommuDomain.IovaToPhysical"/> says of it where this process sees the part in <paramref name="file"/>, of two who have the file each its
    /// own; once that is closed, where it was seen.
    /// </remarks>
    /// <param name="iova">The first IOVA.</param>
    /// <param name="file">The file.</param>
    /// <param name="offset">Where in the file.</param>
    /// <param name="size">Bytes. All three are multiples of <see cref="PageSize"/>.</param>
    /// <param name="protection">What devices may do.</param>
    /// <exception cref="HostException">The kernel maps no files: with what to do instead.</exception>
    /// <exception cref="IommuException">As <see cref="IommuDomain.Map(ulong, ulong, ulong, Protection)"/> says.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The part is not in the file.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void MapFile(ulong iova, HostFile file, ulong offset, ulong size, Protection protection)
    {
        ArgumentNullException.ThrowIfNull(file);
        ObjectDisposedException.ThrowIf(file.Handle.IsClosed, file);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, file.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, file.Length - offset);
        MapPart(iova, file.Handle, file.Address, offset, size, protection);
    }

    /// <summary>
    /// Maps a part of another device, so that devices of this domain reach it without going through memory (iommufd, Linux 6.19 or newer). While the
    /// other device is in reset, asleep or closed, nothing is reached.
    /// </summary>
    /// <remarks>
    /// <see cref="IommuDomain.IovaToPhysical"/> says of it addresses that stand for it: there are zeros, and once <paramref name="region"/> is closed there
    /// may be anything.
    /// </remarks>
    /// <param name="iova">The first IOVA.</param>
    /// <param name="region">What of the other device; <see cref="VfioAccess.ExportRegion"/> makes it.</param>
    /// <param name="offset">Where in it.</param>
    /// <param name="size">Bytes. All three are multiples of <see cref="PageSize"/>.</param>
    /// <param name="protection">What devices may do.</param>
    /// <exception cref="HostException">The kernel maps no regions: with what to do instead.</exception>
    /// <exception cref="IommuException">As <see cref="IommuDomain.Map(ulong, ulong, ulong, Protection)"/> says.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The part is not in the region.</exception>
    /// <exception cref="ObjectDisposedException">The region, or its device, was closed.</exception>
    public void MapRegion(ulong iova, ExportedRegion region, ulong offset, ulong size, Protection protection)
    {
        ArgumentNullException.ThrowIfNull(region);
        ObjectDisposedException.ThrowIf(region.Handle.IsClosed, region);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, region.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, region.Length - offset);
        Space.CheckMapsRegions();
        MapPart(iova, region.Handle, region.Address, offset, size, protection);
    }

    /// <summary>
    /// Maps what another domain of this host has mapped, without pinning it once more (<c>IOMMU_IOAS_COPY</c>, iommufd): the memory counts against the
    /// limit once, and stays pinned until both have unmapped it.
    /// </summary>
    /// <param name="iova">The first IOVA here.</param>
    /// <param name="source">The other domain, or this one.</param>
    /// <param name="sourceIova">Where a mapping begins there.</param>
    /// <param name="size">Bytes of that mapping.</param>
    /// <param name="protection">What devices may do here; no more than there.</param>
    /// <exception cref="HostException">VFIO type 1 copies none.</exception>
    /// <exception cref="ArgumentException">The other domain is of another host.</exception>
    /// <exception cref="IommuException">
    /// ENOENT nothing is mapped there, or not exactly that; EIO devices may do less there; and as
    /// <see cref="IommuDomain.Map(ulong, ulong, ulong, Protection)"/> says.
    /// </exception>
    public void MapCopy(ulong iova, HostDomain source, ulong sourceIova, ulong size, Protection protection)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Driver != Driver)
        {
            throw new ArgumentException("Mappings are copied between domains of one host.", nameof(source));
        }

        if (!source.TryTranslate(sourceIova, out ulong address))
        {
            throw new IommuException(IommuError.ENOENT, $"Nothing is mapped at IOVA 0x{sourceIova:x} of the other domain.");
        }

        BetweenRequests(() =>
        {
            _source = (source.Space, sourceIova);
            try
            {
                Map(iova, address, size, protection);
            }
            finally
            {
                _source = null;
            }
        });
    }

    /// <summary>Whether neighbouring pages become larger ones of the IOMMU: they do unless <see cref="UseLargePages"/> says otherwise.</summary>
    /// <exception cref="HostException">VFIO type 1 does not say, or the domain was disposed of.</exception>
    public bool UsesLargePages()
    {
        bool uses = false;
        BetweenRequests(() => uses = Space.UsesLargePages());
        return uses;
    }

    /// <summary>Chooses whether neighbouring pages become larger ones of the IOMMU (iommufd), for what is mapped from then on: to measure what they gain.</summary>
    /// <param name="isOn">Whether they do.</param>
    /// <exception cref="HostException">VFIO type 1 has no such choice, or the domain was disposed of.</exception>
    public void UseLargePages(bool isOn) => BetweenRequests(() => Space.UseLargePages(isOn));

    /// <summary>
    /// Begins or ends to note which pages devices write to, as a migration needs it. VFIO's type 1 takes every page that is mapped for written; iommufd
    /// has the hardware note it, in a domain that <see cref="VfioHost.CreateDomain(DomainOptions?, bool)"/> made for that, while a device is in it.
    /// </summary>
    /// <param name="isOn">Whether to begin.</param>
    /// <exception cref="HostException">The kernel or the hardware cannot.</exception>
    /// <example>
    /// <code>
    /// var domain = host.CreateDomain(null, tracksDirtyPages: true);
    /// domain.Attach(device);
    /// domain.TrackDirtyPages(true);
    /// ulong[] dirty = new ulong[domain.DirtyWords(size)];
    /// domain.ReadDirtyPages(iova, size, dirty);
    /// </code>
    /// </example>
    public void TrackDirtyPages(bool isOn) => BetweenRequests(() => Space.TrackDirtyPages(isOn));

    /// <summary>Which pages of a range devices may have written to since they were asked for last, or since noting began.</summary>
    /// <param name="iova">The first IOVA: that of a mapping.</param>
    /// <param name="size">Bytes, to the end of a mapping.</param>
    /// <param name="dirty">A bit for each page of <see cref="PageSize"/>, the lowest first; what was in it is overwritten.</param>
    /// <exception cref="HostException">Nothing is noted, or the range begins or ends within a mapping.</exception>
    /// <exception cref="ArgumentException">The range is not made of pages, or has more than there are bits.</exception>
    public void ReadDirtyPages(ulong iova, ulong size, Span<ulong> dirty)
    {
        if ((iova | size) % PageSize != 0 || size == 0)
        {
            throw new ArgumentException("The range is not made of pages.", nameof(size));
        }

        if ((ulong)dirty.Length < Words(size))
        {
            throw new ArgumentException($"The range takes {Words(size)} words.", nameof(dirty));
        }

        int words = DirtyWords(size);

        ulong[] bitmap = GC.AllocateArray<ulong>(words, pinned: true);
        BetweenRequests(() => Space.ReadDirtyPages(iova, size, PageSize, bitmap));
        bitmap.CopyTo(dirty);
        dirty[words..].Clear();
    }

    /// <summary>Bytes of the smallest page.</summary>
    public ulong PageSize => 1ul << BitOperations.TrailingZeroCount(_windows.PageSizes);

    /// <summary>How many words <see cref="ReadDirtyPages"/> takes for a range.</summary>
    /// <param name="size">Bytes of the range.</param>
    /// <exception cref="OverflowException">More than an array can have.</exception>
    public int DirtyWords(ulong size) => checked((int)Words(size));

    private ulong Words(ulong size)
    {
        ulong pages = size / PageSize;
        return (pages / 64) + (pages % 64 != 0 ? 1ul : 0);
    }

    private void MapPart(ulong iova, SafeFileHandle file, ulong address, ulong offset, ulong size, Protection protection) => BetweenRequests(() =>
    {
        _file = (file, address);
        try
        {
            Map(iova, address + offset, size, protection);
        }
        finally
        {
            _file = null;
        }
    });

    /// <summary>A device comes. Where mappings need a device, all are made with the first.</summary>
    internal void Enter(VfioDevice device) => BetweenRequests(() =>
    {
        bool couldMap = Space.CanMap;
        Space.Attach(device);
        if (couldMap)
        {
            return;
        }

        var error = Replay();
        if (error != IommuError.None)
        {
            Space.Detach(device);
            throw new IommuException(error, $"{device.Name} cannot be attached, as what is mapped in the domain is refused. {Remedies.OfMap(error)}");
        }
    });

    /// <summary>A device goes.</summary>
    internal void Leave(VfioDevice device)
    {
        device.CloseAll();
        BetweenRequests(() => Space.Detach(device));
    }

    /// <inheritdoc/>
    protected override IommuError RequestMap(ulong iova, ulong physicalAddress, ulong size, Protection protection)
    {
        bool reads = (protection & Protection.Read) != 0;
        bool writes = (protection & Protection.Write) != 0;
        return _file is { } file ? Errno.ToIommu(Space.MapFile(iova, file.Handle, physicalAddress - file.Address, size, reads, writes))
            : _source is { } source ? Errno.ToIommu(Space.Copy(iova, source.Space, source.Iova, size, reads, writes))
            : Space.CanMap ? Errno.ToIommu(Space.Map(iova, physicalAddress, size, reads, writes))
            : _windows.Contains(iova, iova + (size - 1)) ? IommuError.None
            : IommuError.EINVAL;
    }

    /// <inheritdoc/>
    protected override IommuError RequestUnmap(ulong iova, ulong size) => Space.CanMap ? Errno.ToIommu(Space.Unmap(iova, size)) : IommuError.None;

    /// <inheritdoc/>
    protected override string? RemedyFor(IommuError reason) => Remedies.OfMap(reason);
}
