using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>An address space of the kernel's, by one of its ways. Errors are errno, positive; 0 for none.</summary>
internal abstract class HostSpace : IDisposable
{
    /// <summary>Lets a device work in it.</summary>
    /// <exception cref="HostException">The kernel refuses: with what to do.</exception>
    public abstract void Attach(VfioDevice device);

    /// <summary>Takes a device out of it.</summary>
    public abstract void Detach(VfioDevice device);

    /// <summary>Whether mappings can be made: some ways need a device first.</summary>
    public abstract bool CanMap { get; }

    /// <summary>Maps memory of this process.</summary>
    public abstract int Map(ulong iova, ulong address, ulong size, bool reads, bool writes);

    /// <summary>Maps a part of a file.</summary>
    /// <exception cref="HostException">The kernel maps no files.</exception>
    public abstract int MapFile(ulong iova, SafeFileHandle file, ulong offset, ulong size, bool reads, bool writes);

    /// <summary>Fails where files of devices' regions are not mapped at all.</summary>
    /// <exception cref="HostException">They are not.</exception>
    public virtual void CheckMapsRegions()
    {
        // They are files as others.
    }

    /// <summary>Maps what another space has mapped.</summary>
    /// <exception cref="HostException">The kernel copies no mappings.</exception>
    public abstract int Copy(ulong iova, HostSpace source, ulong sourceIova, ulong size, bool reads, bool writes);

    /// <summary>Whether neighbouring pages become larger ones of the IOMMU.</summary>
    /// <exception cref="HostException">The kernel does not say.</exception>
    public abstract bool UsesLargePages();

    /// <summary>Chooses that.</summary>
    /// <exception cref="HostException">The kernel refuses.</exception>
    public abstract void UseLargePages(bool isOn);

    /// <summary>Unmaps whole mappings.</summary>
    public abstract int Unmap(ulong iova, ulong size);

    /// <summary>Begins or ends to note which pages devices write to.</summary>
    /// <exception cref="HostException">The kernel refuses.</exception>
    public abstract void TrackDirtyPages(bool isOn);

    /// <summary>Which pages devices may have written to since they were asked for last.</summary>
    /// <param name="iova">The first IOVA.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="pageSize">Bytes of a page.</param>
    /// <param name="bitmap">A bit for each page, on the pinned heap, as the kernel is told the address; all 0.</param>
    /// <exception cref="HostException">The kernel refuses.</exception>
    public abstract void ReadDirtyPages(ulong iova, ulong size, ulong pageSize, ulong[] bitmap);

    /// <summary>What can be mapped, with the devices that are in it.</summary>
    public abstract HostWindows ReadWindows();

    /// <summary>Opens a device that is in it.</summary>
    public abstract SafeFileHandle OpenDevice(VfioDevice device);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Throws if the kernel refused a call.</summary>
    /// <param name="result">What it answered: below 0 its errno, negative.</param>
    /// <param name="what">What cannot be done.</param>
    protected static void Check(int result, string what)
    {
        if (result < 0)
        {
            throw Remedies.Failed(what, -result);
        }
    }
}
