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
    private const int SealedAgainstShrinking = 2;

    private readonly SafeFileHandle _file;
    private readonly HostMapping _mapping;
    private readonly DmaMemoryPool _pool;

    private unsafe HostFile(SafeFileHandle file, ulong length, HostException? ifFull)
    {
        void* address = HostMappings.OfFile(file, 0, length, out int errno);
        if (address is null)
        {
            throw ifFull ?? Remedies.Failed($"0x{length:x} bytes of memory in a file cannot be mapped", errno);
        }

        _file = file;
        _mapping = new HostMapping(address, length);
        _pool = new DmaMemoryPool(Memory, Address, length, (ulong)Environment.SystemPageSize, memoryBase: Address);
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
        ulong granule = HostPages.Granule(usesHugePages);
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
            return new HostFile(file, length, usesHugePages ? Remedies.NoHugePages(length / granule) : null);
        }
        catch (IOException failure)
        {
            file.Dispose();
            throw new HostException(HostProblem.Failed, $"there is no file of 0x{length:x} bytes in memory: {failure.Message}; take less, or end other programs", failure);
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
        var own = HostCalls.Duplicate(file, out int errno);
        try
        {
            if (own.IsInvalid)
            {
                throw Remedies.CannotShare("the file", errno);
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
    public DmaMemory Allocate(ulong size) => _pool.Allocate(size);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">It is not from here, or was given back already.</exception>
    public void Free(DmaMemory memory) => _pool.Free(memory);

    /// <summary>Closes the file. What is mapped for devices stays until it is unmapped; views of it throw.</summary>
    public void Dispose()
    {
        _mapping.Dispose();
        _file.Dispose();
    }

    private static void CheckPlatform() => HostPlatform.Require("Files in memory are made by");

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
