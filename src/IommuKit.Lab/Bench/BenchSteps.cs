using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Bench;

/// <summary>The steps of the proposal's experiment, for callers that put them together in another way than <see cref="BenchRunner"/>.</summary>
public static class BenchSteps
{
    /// <summary>Where everything is mapped.</summary>
    public const ulong Iova = 0x4000_0000;

    /// <summary>Finds sizes that no run can map.</summary>
    /// <exception cref="InputException">A size is no multiple of a page, or more than a machine can map.</exception>
    public static void CheckSizes(BenchOptions options)
    {
        if (options.Sizes.FirstOrDefault(size => size % SmallPage.Bytes != 0) is > 0 and ulong odd)
        {
            throw new InputException($"size {ByteSize.Format(odd)} is not a multiple of the page size {SmallPage.Bytes}");
        }

        foreach (var kind in options.Machines)
        {
            using var machine = kind.Create(options.Settings);
            ulong most = MaxSizeFor(machine, options.Layout);
            if (options.Sizes.Max() is var size && size > most)
            {
                throw new InputException(
                    $"size {ByteSize.Format(size)} is more than {ByteSize.Format(most)}, the most that a run can map on {machine.Name}"
                    + (most < BenchRunner.MaxSize
                        ? $": its memory has no room for more, laid out as {options.Layout.ToString().ToLowerInvariant()}"
                        : string.Empty));
            }
        }
    }

    /// <summary>The scatter list of a size: one entry for each page.</summary>
    public static PhysicalRange[] ScatterList(Machine machine, ulong size, BenchLayout layout)
    {
        var list = new PhysicalRange[size / SmallPage.Bytes];
        for (int i = 0; i < list.Length; i++)
        {
            // Scattered: downwards and with gaps, so that no entry follows another physically.
            ulong page = layout == BenchLayout.Contiguous ? (ulong)i : 2 * (ulong)(list.Length - 1 - i);
            list[i] = new PhysicalRange(machine.DataStart + (page * SmallPage.Bytes), SmallPage.Bytes);
        }

        return list;
    }

    /// <summary>Maps the list, and has the hardware in step with it.</summary>
    public static void Map(IommuDomain domain, PhysicalRange[] list)
    {
        domain.MapScatterGather(Iova, list, Protection.Read | Protection.Write);
        domain.Flush();
    }

    /// <summary>Takes the list away, and has the hardware in step with that.</summary>
    public static void Unmap(IommuDomain domain, ulong size)
    {
        ulong unmapped = domain.Unmap(Iova, size);
        domain.Flush();
        if (unmapped != size)
        {
            throw new InvalidOperationException($"unmap of 0x{size:x} bytes unmapped 0x{unmapped:x}");
        }
    }

    /// <summary>Writes into each page its own address.</summary>
    public static void Stamp(Machine machine, PhysicalRange[] list)
    {
        var memory = machine.Memory.DeviceView;
        Span<byte> stamp = stackalloc byte[sizeof(ulong)];
        foreach (var range in list)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(stamp, range.Address);
            memory.TryWrite(range.Address, stamp);
        }
    }

    /// <summary>Has the device read every page.</summary>
    /// <returns>What the caches of the model did meanwhile.</returns>
    /// <exception cref="MachineException">A page that is mapped does not hold its address, or one that is not can be read.</exception>
    public static CacheCounts Touch(Machine machine, DmaDevice<DeviceMemory> dma, PhysicalRange[] list, ulong size, bool isMapped)
    {
        var before = machine.Caches;
        Span<byte> stamp = stackalloc byte[sizeof(ulong)];
        for (ulong offset = 0; offset < size; offset += SmallPage.Bytes)
        {
            bool wasRead = dma.Read(Iova + offset, stamp).IsComplete;
            if (wasRead != isMapped
                || (isMapped && BinaryPrimitives.ReadUInt64LittleEndian(stamp) != list[offset / SmallPage.Bytes].Address))
            {
                throw new MachineException(
                    machine.Name, $"{machine.Name}: a device sees IOVA 0x{Iova + offset:x} wrong after {(isMapped ? "map" : "unmap")}.");
            }
        }

        return machine.Caches - before;
    }

    private static ulong MaxSizeFor(Machine machine, BenchLayout layout)
    {
        ulong pages = (machine.Memory.Length - machine.DataStart) / SmallPage.Bytes;

        // A scattered list leaves out every second page, and starts and ends with one that it takes.
        ulong most = layout == BenchLayout.Contiguous ? pages : (pages + 1) / 2;
        return Math.Min(BenchRunner.MaxSize, most * SmallPage.Bytes);
    }
}
