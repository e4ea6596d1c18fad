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
            InputBits = options.InputBits,
            OutputBits = options.OutputBits,
            PageSizes = options.PageSizes == 0 ? supported : options.PageSizes,
            SupportedPageSizes = supported,
            AddressSpaces = int.MaxValue,
            Paging = new PagingTraits
            {
                Format = TFormat.Name,
                Release = TableRelease.WhenCovered,
                Flush = new FlushTraits
                {
                    HasCoherentWalk = options.Cache is null,
                    HasTlb = options.Invalidated is not null,
                    CachesInvalidEntries = options.CachesInvalidEntries && options.Invalidated is not null,
                    TlbGroup = 1 << BitOperations.TrailingZeroCount(supported),
                },
            },
        };
    }

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <summary>Empty: the program that walks the tables is the device.</summary>
    public override IReadOnlyList<IommuDevice> Devices => [];

    /// <inheritdoc/>
    public override PagingDomain CreateDomain(DomainOptions? options = null)
    {
        var link = new WalkerLink(_options.Invalidated);
        var domain = new PagingDomain<TFormat, WalkerLink.Hardware, NoBatch>(
            this,
            options ?? new DomainOptions(),
            _allocator,
            new WalkerLink.Hardware(link),
            _options.Fence is { } fence ? new FencedCache(_options.Cache, fence) : _options.Cache);
        link.Domain = domain;
        return domain;
    }

    /// <summary>Does nothing: there are no interrupts.</summary>
    public override void HandleInterrupt()
    {
    }

    /// <inheritdoc/>
    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain) =>
        throw new NotSupportedException("A software IOMMU has no devices.");
}
