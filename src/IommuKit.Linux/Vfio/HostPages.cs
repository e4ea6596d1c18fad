using IommuKit.Dma;

namespace IommuKit.Linux.Vfio;

/// <summary>Memory of this process for devices: outside the managed heap, not copied for children, and in huge pages if asked for.</summary>
/// <param name="usesHugePages">
/// Whether buffers are made of the machine's huge pages, which need to be set aside (as root: echo 64 &gt; /proc/sys/vm/nr_hugepages). Sizes are rounded
/// up to such a page then: 2 MiB mostly, and 512 MiB where the small ones have 64 KiB.
/// </param>
public sealed class HostPages(bool usesHugePages = false) : IDmaMemory
{
    private readonly HostFiles? _files;
    private readonly Dictionary<ulong, HostMapping> _mappings = [];

    /// <summary>Huge pages of a machine that is in a folder, as far as their size goes.</summary>
    internal HostPages(HostFiles files)
        : this(usesHugePages: true)
    {
        _files = files;
    }

    /// <inheritdoc/>
    /// <exception cref="HostException">The kernel has no huge pages, and they were asked for.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public unsafe DmaMemory Allocate(ulong size)
    {
        HostPlatform.Require("Memory for devices is taken from");
        ulong granule = Granule(usesHugePages, _files);
        if (size == 0 || size > long.MaxValue)
        {
            throw new IommuException(IommuError.EINVAL, $"There is no buffer of 0x{size:x} bytes.");
        }

        ulong length = (size + granule - 1) & ~(granule - 1);
        void* address = HostMappings.OfMemory(length, usesHugePages, out _);
        if (address is null)
        {
            throw new IommuException(
                IommuError.ENOMEM,
                usesHugePages
                    ? $"There are no huge pages for 0x{length:x} bytes: set some aside ({HugePages.HowToSetAside(length / granule)})."
                    : $"There is no memory for 0x{length:x} bytes: end other programs, or take less.");
        }

        var mapping = new HostMapping(address, length);
        lock (_mappings)
        {
            _mappings.Add(mapping.Address, mapping);
        }

        return new DmaMemory(mapping.View, 0, mapping.Address, length);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">It is not from here, or was given back already.</exception>
    public void Free(DmaMemory memory)
    {
        HostMapping? mapping;
        lock (_mappings)
        {
            if (!_mappings.Remove(memory.PhysicalAddress, out mapping))
            {
                throw new ArgumentException("The memory is not from here, or was given back already.", nameof(memory));
            }
        }

        mapping.Dispose();
    }

    /// <summary>Bytes of a page that memory is made of.</summary>
    /// <param name="isHuge">Whether it is made of huge pages.</param>
    /// <param name="files">The machine's; null for this one.</param>
    /// <exception cref="HostException">The kernel has no huge pages.</exception>
    internal static ulong Granule(bool isHuge, HostFiles? files = null) =>
        !isHuge ? (ulong)Environment.SystemPageSize : HugePages.SizeIn(files ?? HostFiles.OfThisMachine()) ?? throw Remedies.NoHugePagesInKernel();
}
