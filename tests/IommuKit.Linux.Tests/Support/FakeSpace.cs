using IommuKit.Linux.Vfio;
using Microsoft.Win32.SafeHandles;

namespace IommuKit.Linux.Tests.Support;

/// <summary>An address space of the kernel's that remembers what was asked of it.</summary>
internal sealed class FakeSpace : HostSpace
{
    /// <summary>Maps of addresses, in order.</summary>
    public List<(ulong Iova, ulong Address, ulong Size)> Maps { get; } = [];

    /// <summary>Maps of files, in order.</summary>
    public List<(ulong Iova, SafeFileHandle File, ulong Offset, ulong Size)> Files { get; } = [];

    /// <summary>Unmaps, in order.</summary>
    public List<(ulong Iova, ulong Size)> Unmaps { get; } = [];

    /// <summary>What is mapped.</summary>
    public SortedDictionary<ulong, ulong> Mapped { get; } = [];

    /// <summary>The kernel's number for maps from <see cref="RefusedFrom"/> on.</summary>
    public int Refusal { get; init; }

    public int RefusedFrom { get; init; } = int.MaxValue;

    public override bool CanMap => true;

    public override int Map(ulong iova, ulong address, ulong size, bool reads, bool writes)
    {
        if (Maps.Count >= RefusedFrom)
        {
            return Refusal;
        }

        Maps.Add((iova, address, size));
        Mapped.Add(iova, size);
        return reads && writes ? 0 : Errno.Invalid;
    }

    public override int MapFile(ulong iova, SafeFileHandle file, ulong offset, ulong size, bool reads, bool writes)
    {
        Files.Add((iova, file, offset, size));
        Mapped.Add(iova, size);
        return 0;
    }

    public override int Copy(ulong iova, HostSpace source, ulong sourceIova, ulong size, bool reads, bool writes) => throw new NotSupportedException();

    public override bool UsesLargePages() => throw new NotSupportedException();

    public override void UseLargePages(bool isOn) => throw new NotSupportedException();

    public override int Unmap(ulong iova, ulong size)
    {
        Unmaps.Add((iova, size));
        for (ulong at = iova; at < iova + size;)
        {
            if (!Mapped.Remove(at, out ulong mapped))
            {
                return Errno.NoEntry;
            }

            at += mapped;
        }

        return 0;
    }

    public override void TrackDirtyPages(bool isOn) => throw new NotSupportedException();

    public override void ReadDirtyPages(ulong iova, ulong size, ulong pageSize, ulong[] bitmap) => throw new NotSupportedException();

    public override void Attach(VfioDevice device) => throw new NotSupportedException();

    public override void Detach(VfioDevice device) => throw new NotSupportedException();

    public override HostWindows ReadWindows() => throw new NotSupportedException();

    public override SafeFileHandle OpenDevice(VfioDevice device) => throw new NotSupportedException();

    public override void Dispose()
    {
        // There is nothing.
    }
}
