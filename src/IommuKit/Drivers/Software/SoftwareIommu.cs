using System.Numerics;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Drivers.Software;

/// <summary>
/// An IOMMU that is nothing but its page tables: for a program that walks them itself, an emulator or a device in user space. Unless the options say
/// otherwise the walker sees every store at once, and does not remember what is not mapped.
/// </summary>
/// <typeparam name="TFormat">The format of the tables.</typeparam>
public sealed class SoftwareIommu<TFormat> : IommuDriver
    where TFormat : struct, IPageTableFormat
{
    private readonly PageAllocator _allocator;
    private readonly SoftwareIommuOptions _options;

    /// <summary>Makes an IOMMU.</summary>
    /// <param name="allocator">Where tables come from.</param>
    /// <param name="options">Widths, page sizes, and who is told of invalidations.</param>
    /// <exception cref="ArgumentException">The format cannot do what the options ask, or breaks a rule of formats.</exception>
    public SoftwareIommu(PageAllocator allocator, SoftwareIommuOptions options)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentNullException.ThrowIfNull(options);
        _allocator = allocator;
        _options = options;
        PageTable<TFormat>.CheckWidths(options.InputBits, options.OutputBits, out _, out _);
        ulong supported = TFormat.PageSizes & TFormat.PageSizeMask(options.OutputBits);
        if ((options.PageSizes & ~supported) != 0)
        {
            throw new ArgumentException(
                $"Format {TFormat.Name} has page sizes 0x{supported:x}; 0x{options.PageSizes:x} asks for others.", nameof(options));
        }

        Traits = new IommuTraits
        {
            Name = $"software-{TFormat.Name}",
            Format = TFormat.Name,
            InputBits = options.InputBits,
            OutputBits = options.OutputBits,
            PageSizes = options.PageSizes == 0 ? supported : options.PageSizes,
            SupportedPageSizes = supported,
            AddressSpaces = int.MaxValue,
            HasCoherentWalk = options.Cache is null,
            CachesInvalidEntries = options.CachesInvalidEntries,
            TableCacheLine = 0,
            TlbGroup = 1 << BitOperations.TrailingZeroCount(supported),
            TlbLines = 0,
            Release = TableRelease.WhenCovered,
        };
    }

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <summary>Empty: whoever walks the tables is the device.</summary>
    public override IReadOnlyList<IommuDevice> Devices => [];

    /// <inheritdoc/>
    public override IommuDomain CreateDomain(DomainOptions? options = null)
    {
        options ??= new DomainOptions();
        ulong pageSizes = options.PageSizes == 0 ? Traits.PageSizes : options.PageSizes;
        if ((pageSizes & ~Traits.SupportedPageSizes) != 0)
        {
            throw new IommuException(
                IommuError.EINVAL, $"{Traits.Name} has page sizes 0x{Traits.SupportedPageSizes:x}; 0x{pageSizes:x} asks for others.");
        }

        var table = new PageTableOptions
        {
            InputBits = _options.InputBits,
            OutputBits = _options.OutputBits,
            PageSizes = pageSizes,
            Release = options.Release ?? Traits.Release,
        };
        var walker = new WalkerLink(_options);
        var domain = new PagingDomain<TFormat, Hardware>(this, options, _allocator, table, new Hardware(walker));
        walker.Domain = domain;
        return domain;
    }

    /// <summary>Does nothing: there are no interrupts.</summary>
    public override void HandleInterrupt()
    {
    }

    internal override void Attach(IommuDomain domain, IommuDevice device) => throw NoDevices();

    internal override void Detach(IommuDomain domain, IommuDevice device) => throw NoDevices();

    internal override void Forget(IommuDomain domain)
    {
        // Nothing is kept about domains.
    }

    private static NotSupportedException NoDevices() => new("A software IOMMU has no devices.");

    /// <summary>The primitives: there is a listener, and perhaps a cache.</summary>
    internal readonly struct Hardware(WalkerLink walker) : IDomainHardware
    {
        public bool IsLive => walker.IsLive;

        public bool HasFailed => walker.HasFailed;

        public int CacheLine => walker.CacheLine;

        public void Clean(ulong physicalAddress, ulong bytes) => walker.Clean(physicalAddress, bytes);

        public void Barrier() => walker.Barrier();

        // A listener may look whether its walker is at work, and do nothing if not; a walk that begins after that has to see the stores. Nothing is taken:
        // calls of the listener may interleave.
        public void BeginInvalidation() => walker.Fence();

        public void EndInvalidation()
        {
            // Nothing was taken.
        }

        public void InvalidateTableCache(ulong physicalAddress, ulong bytes)
        {
            // There is no table cache.
        }

        public void InvalidateTlb(ulong iova, ulong bytes, int level) => walker.Tell(iova, bytes, level);

        public void InvalidateAll() => walker.TellAll();

        public void Complete()
        {
            // The listener is done when it returns.
        }

        public void ThrowFailure() => walker.ThrowFailure();
    }
}
