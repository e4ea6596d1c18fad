using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.Specs.PageTables;

namespace IommuKit.Models.Tests.Software;

/// <summary>Page tables that were written by hand, descriptor by descriptor, as a guest may write them. The root is at <see cref="Root"/>.</summary>
internal sealed class GuestTables<TFormat> : IDisposable
    where TFormat : struct, IPageTableFormat
{
    public const ulong Root = 0x10000;

    private readonly PhysicalMemory _memory = new(1 << 20, isCoherent: true);

    public GuestTables(int inputBits, int outputBits) => Walker = new(_memory.DeviceView, Root, inputBits, outputBits);

    public SoftwareWalker<TFormat, DeviceMemory> Walker { get; }

    /// <summary>Stores an entry and lets the walker forget what it knew.</summary>
    public GuestTables<TFormat> Put(ulong table, int index, ulong entry)
    {
        int bytes = 1 << TFormat.EntrySizeLog2;
        var place = _memory.CpuView.Span(table + (ulong)(index * bytes), bytes);
        if (bytes == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(place, (uint)entry);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(place, entry);
        }

        Walker.Evict();
        return this;
    }

    /// <summary>Where a read comes out, or null if it is refused.</summary>
    public ulong? Read(ulong iova, bool isPrivileged = false) => Access(iova, isWrite: false, isPrivileged);

    /// <summary>Where a write comes out, or null if it is refused.</summary>
    public ulong? Write(ulong iova, bool isPrivileged = false) => Access(iova, isWrite: true, isPrivileged);

    public void Dispose() => _memory.Dispose();

    private ulong? Access(ulong iova, bool isWrite, bool isPrivileged)
    {
        // Twice, so that what the walker remembers is asked too, with the rights of the whole way.
        var request = new DmaRequest(1, iova, isWrite, IsPrivileged: isPrivileged);
        var first = Walker.Translate(request);
        var second = Walker.Translate(request);
        second.ShouldBe(first);
        return first.IsAllowed ? first.PhysicalOf(iova) : null;
    }
}
