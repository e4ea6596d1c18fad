using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Seed;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Lab.Bench;

/// <summary>
/// The proposal's experiment on a modelled machine: map a scatter list, unmap it again, and count. In between a device reads every page through
/// the model, so that no figure comes from a mapping that does not work.
/// </summary>
/// <remarks>
/// An operation ends when the hardware is in step with it: under <see cref="SyncPolicy.Explicit"/> and <see cref="SyncPolicy.Deferred"/> the flush
/// that follows is part of it. Under Deferred many unmaps share a flush in real use.
/// </remarks>
public static class BenchRunner
{
    private const ulong Iova = 0x4000_0000;

    /// <summary>The largest size that any machine maps: half of what 32 bits of IOVA can name. One with little memory maps less.</summary>
    public const ulong MaxSize = 1ul << 31;

    /// <summary>Runs everything, one row after the other.</summary>
    public static IEnumerable<BenchRow> Run(BenchOptions options)
    {
        CheckSizes(options);
        return
            from machine in options.Machines
            from policy in options.Policies
            from size in options.Sizes
            from row in RunOne(options, machine, policy, size)
            select row;
    }

    /// <summary>Finds sizes that no run can map.</summary>
    internal static void CheckSizes(BenchOptions options)
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
                    + (most < MaxSize
                        ? $": its memory has no room for more, laid out as {options.Layout.ToString().ToLowerInvariant()}"
                        : string.Empty));
            }
        }
    }

    /// <summary>The scatter list of a size: one entry for each page.</summary>
    internal static PhysicalRange[] ScatterList(Machine machine, ulong size, BenchLayout layout)
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

    private static ulong MaxSizeFor(Machine machine, BenchLayout layout)
    {
        ulong pages = (machine.Memory.Length - machine.DataStart) / SmallPage.Bytes;

        // A scattered list leaves out every second page, and starts and ends with one that it takes.
        ulong most = layout == BenchLayout.Contiguous ? pages : (pages + 1) / 2;
        return Math.Min(MaxSize, most * SmallPage.Bytes);
    }

    private static IEnumerable<BenchRow> RunOne(BenchOptions options, MachineKind kind, SyncPolicy policy, ulong size)
    {
        using var machine = kind.Create(options.Settings);
        bool keepsTables = options.Tables == BenchTables.Existing;
        using var domain = machine.CreateDomain(new DomainOptions
        {
            Policy = policy,
            Release = keepsTables ? TableRelease.Never : null,
            FlushAllPages = options.FlushAllPages,

            // Operations follow each other at once: only the length of the queue may count, and not how fast this computer is.
            DeferredAge = Timeout.InfiniteTimeSpan,
        });
        var device = machine.TestDevice;
        domain.Attach(device);
        var dma = machine.CreateDma(device);
        var list = ScatterList(machine, size, options.Layout);
        Stamp(machine, list);
        if (keepsTables)
        {
            Map(domain, list);
            Unmap(domain, size);
        }

        var before = machine.Counts;
        Map(domain, list);
        var mapped = machine.Counts - before;
        var mapCaches = Touch(machine, dma, list, size, isMapped: true);

        before = machine.Counts;
        long putOff = machine.PutOff.Pages;
        Unmap(domain, size);
        var unmapped = machine.Counts - before;
        long reachable = machine.PutOff.Pages - putOff;
        var unmapCaches = Touch(machine, dma, list, size, isMapped: false);

        yield return Row(MappingOperation.Map, mapped, mapCaches);
        yield return Row(MappingOperation.Unmap, unmapped, unmapCaches);

        BenchRow Row(MappingOperation operation, in OperationCounts counts, CacheCounts caches)
        {
            bool isSeed = machine.Name == SeedTable.Machine;
            bool isMap = operation == MappingOperation.Map;
            var change = keepsTables ? TableChange.None : isMap ? TableChange.Created : TableChange.Released;
            return new BenchRow(
                machine.Name,
                policy,
                operation,
                size,
                isSeed ? SeedTable.Find(operation, size, isBefore: true) : null,
                isSeed ? SeedTable.Find(operation, size, isBefore: false) : null,
                options.Costs.Microseconds(counts, maps: isMap ? 1 : 0, unmaps: isMap ? 0 : 1),
                counts,
                machine.LeastFor(new Footprint(Iova, size, UsesSections(options), change)),
                caches)
            {
                ReachablePages = isMap ? 0 : reachable,
            };
        }
    }

    private static bool UsesSections(BenchOptions options) => options.Settings.UsesSections && options.Layout == BenchLayout.Contiguous;

    internal static void Map(IommuDomain domain, PhysicalRange[] list)
    {
        domain.MapScatterGather(Iova, list, Protection.Read | Protection.Write);
        domain.Flush();
    }

    internal static void Unmap(IommuDomain domain, ulong size)
    {
        ulong unmapped = domain.Unmap(Iova, size);
        domain.Flush();
        if (unmapped != size)
        {
            throw new InvalidOperationException($"unmap of 0x{size:x} bytes unmapped 0x{unmapped:x}");
        }
    }

    /// <summary>Writes into each page its own address.</summary>
    internal static void Stamp(Machine machine, PhysicalRange[] list)
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
    internal static CacheCounts Touch(Machine machine, DmaDevice<DeviceMemory> dma, PhysicalRange[] list, ulong size, bool isMapped)
    {
        var before = machine.Caches;
        Span<byte> stamp = stackalloc byte[sizeof(ulong)];
        for (ulong offset = 0; offset < size; offset += SmallPage.Bytes)
        {
            bool wasRead = dma.Read(Iova + offset, stamp).IsComplete;
            if (wasRead != isMapped
                || (isMapped && BinaryPrimitives.ReadUInt64LittleEndian(stamp) != list[offset / SmallPage.Bytes].Address))
            {
                throw new InvalidOperationException(
                    $"{machine.Name}: a device sees IOVA 0x{Iova + offset:x} wrong after {(isMapped ? "map" : "unmap")}.");
            }
        }

        return machine.Caches - before;
    }
}
