using IommuKit.Dma;
using IommuKit.Specs.Memory;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Vfio;

/// <summary>
/// Memory in a file of no folder (memfd), which another process can be handed, such as the memory of a guest. It is mapped into this process too, so
/// that it can be mapped for devices by its addresses on every kernel, and by itself where the kernel can
/// (<see cref="HostDomain.MapFile"/>). <see cref="DmaMapper"/> makes buffers in it where it is <see cref="DmaMapperOptions.Memory"/>.
/// </summary>
/// <remarks>
/// The file is sealed against being made shorter: else who has it could end this process. Who has it can yet write to it, and punch holes, behind which
/// devices go on to use the pages that were there: hand it to those only who may do that.
/// </remarks>
public sealed class HostFile : IDmaMemory, IDisposable
{
    private const ulong HugePage = 2 << 20;
    private const int SealedAgainstShrinking = 2;
    private const int MostCleared = 1 << 30;

    private readonly SafeFileHandle _file;
    private readonly HostMapping _mapping;
    private readonly IovaAllocator _addresses;
    private readonly Dictionary<ulong, IovaRange> _taken = [];

    private unsafe HostFile(SafeFileHandle file, ulong length, HostException? ifFull)
    {
        void* address = HostMappings.OfFile(file, 0, length, out int errno);
        if (address is null)
        {
            throw ifFull ?? Remedies.Failed($"0x{length:x} bytes of memory in a file cannot be mapped", errno);
        }

        _file = file;
        _mapping = new HostMapping(address, length);
        _addresses = new IovaAllocator(new IovaAllocatorOptions
        {
            Granule = (ulong)Environment.SystemPageSize,
            First = Address,
            Last = Address + (length - 1),
            MostCachedGranules = 0,
        });
    }

    /// <summary>The file, to hand to another process. It is closed with this.</summary>
    public SafeFileHandle Handle => _file;

    /// <summary>The address of its first byte in this process: what domains of a host map.</summary>
    public ulong Address => _mapping.Address;

    /// <summary>Bytes, in whole pages.</summary>
    public ulong Length => _mapping.View.Length;

    /// <summary>All of it, as this process sees it.</summary>
    public HostMemory Memory => _mapping.View;

    /// <summary>Makes a file of zeroes.</summary>
    /// <param name="size">Bytes, at least 1; it is rounded up to whole pages.</param>
    /// <param name="name">What /proc calls it, for people.</param>
    /// <param name="usesHugePages">Whether it is made of the machine's huge pages, as in <see cref="HostPages"/>.</param>
    /// <exception cref="HostException">It cannot be made: one sentence that says what to do.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is 0, or more than a file can have.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public static HostFile Create(ulong size, string name = "dma", bool usesHugePages = false)
    {
        CheckPlatform();
        ulong granule = usesHugePages ? HugePage : (ulong)Environment.SystemPageSize;
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, long.MaxValue - granule);
        ulong length = (size + granule - 1) & ~(granule - 1);
        var file = HostCalls.MakeMemoryFile(name, usesHugePages, out int errno);
        try
        {
            if (errno != 0)
            {
                throw Remedies.Failed("no file can be made in memory", errno);
            }

            RandomAccess.SetLength(file, (long)length);
            Seal(file);
            return new HostFile(file, length, usesHugePages ? Remedies.NoHugePages(length / HugePage) : null);
        }
        catch (IOException failure)
        {
            file.Dispose();
            throw new HostException(HostProblem.Failed, $"there is no file of 0x{length:x} bytes in memory: {failure.Message}", failure);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes part in a file that another process made (memfd), all of it.</summary>
    /// <param name="file">The file; it stays the caller's.</param>
    /// <exception cref="HostException">It is none in memory, has no whole pages, or can be made shorter.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine does not run Linux.</exception>
    public static HostFile Open(SafeFileHandle file)
    {
        CheckPlatform();
        ArgumentNullException.ThrowIfNull(file);
        var own = HostCalls.Duplicate(file);
        try
        {
            if (own.IsInvalid)
            {
                throw Remedies.NoMoreFiles();
            }

            Seal(own);
            ulong length = (ulong)RandomAccess.GetLength(own);
            return length != 0 && length % (ulong)Environment.SystemPageSize == 0
                ? new HostFile(own, length, ifFull: null)
                : throw new HostException(HostProblem.Failed, $"the file's 0x{length:x} bytes are not whole pages: who makes it rounds its length up");
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public DmaMemory Allocate(ulong size)
    {
        // By its size if there is such a place: then pages of the IOMMU that are larger can be used.
        if (size == 0 || size > Length
            || !(_addresses.TryAllocate(size, out var range) || _addresses.TryAllocate(size, out range, alignment: _addresses.Granule)))
        {
            throw size == 0
                ? new IommuException(IommuError.EINVAL, "There is no buffer of 0 bytes.")
                : new IommuException(IommuError.ENOMEM, $"The file has no 0x{size:x} bytes together.");
        }

        var memory = new DmaMemory(Memory, range.Iova - Address, range.Iova, range.Size);
        for (ulong at = 0; at < range.Size; at += MostCleared)
        {
            memory.Span(at, (int)Math.Min(MostCleared, range.Size - at)).Clear();
        }

        lock (_taken)
        {
            _taken.Add(range.Iova, range);
        }

        return memory;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">It is not from here, or was given back already.</exception>
    public void Free(DmaMemory memory)
    {
        IovaRange range;
        lock (_taken)
        {
            if (!_taken.Remove(memory.PhysicalAddress, out range))
            {
                throw new ArgumentException("The memory is not from this file, or was given back already.", nameof(memory));
            }
        }

        _addresses.Free(range);
    }

    /// <summary>Closes the file. What is mapped for devices stays until it is unmapped; views of it throw.</summary>
    public void Dispose()
    {
        _mapping.Dispose();
        _file.Dispose();
    }

    private static void CheckPlatform()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Files in memory are made by Linux, which does not run here.");
        }
    }

    private static void Seal(SafeFileHandle file)
    {
        int seals = HostCalls.SealsOf(file);
        if (seals < 0)
        {
            throw new HostException(HostProblem.Failed, "the file is none in memory: make it with memfd_create");
        }

        if ((seals & SealedAgainstShrinking) == 0 && !HostCalls.TrySeal(file, SealedAgainstShrinking))
        {
            throw new HostException(
                HostProblem.Failed,
                "the file can be made shorter by another process, which would end this one: make it with MFD_ALLOW_SEALING, or seal it (F_SEAL_SHRINK)");
        }
    }
}
