using System.Globalization;
using IommuKit.Dma;
using IommuKit.Linux.Host;
using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Bench;

/// <summary>Measures what this machine's kernel takes to map and unmap memory for a device, which does nothing meanwhile.</summary>
internal static class HostBench
{
    /// <summary>Takes the device, measures, and gives it back.</summary>
    /// <param name="files">The machine.</param>
    /// <param name="device">The device; null for the only one that is with vfio-pci.</param>
    /// <param name="backEnd">The way.</param>
    /// <param name="options">What to measure.</param>
    /// <param name="measured">Told of each size that is done; null if nobody wants to know.</param>
    /// <exception cref="HostException">It cannot be measured here: one sentence that says what to do.</exception>
    /// <exception cref="ArgumentException">A size is not a multiple of the smallest page that the IOMMU maps.</exception>
    public static HostBenchResult Run(
        HostFiles files, string? device, HostBackEnd backEnd, HostBenchOptions options, Action<ulong>? measured = null)
    {
        var info = HostInfo.Read(files);
        string name = device ?? OnlyOne(info);
        using var host = VfioHost.Open(files, [name], backEnd);
        using var mapper = new DmaMapper(host);
        mapper.Domain.Attach(host.GetDevice(name));
        using var ring = IoUring.TryMake();
        var bench = new MapBench(((HostDomain)mapper.Domain).Space, mapper.Domain.Granule, ring);
        var rows = new List<HostBenchRow>();
        var leftOut = new List<string>();
        foreach (ulong size in options.Sizes)
        {
            if (size == 0 || size % mapper.Domain.Granule != 0)
            {
                throw new ArgumentException($"{size} bytes are not a multiple of the smallest page that the IOMMU maps, {mapper.Domain.Granule}.", nameof(options));
            }

            var calls = new List<BenchCalls> { BenchCalls.One };
            ulong most = (ulong)(info.Vfio.MappingLimit ?? long.MaxValue);
            if (host.BackEnd == HostBackEnd.LegacyOnly && size / mapper.Domain.Granule > most)
            {
                leftOut.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{size >> 20} MiB page by page are more than the {most} mappings of a container: raise dma_entry_limit of vfio_iommu_type1"));
            }
            else
            {
                calls.Add(BenchCalls.EachPage);
            }

            rows.AddRange(Measure(bench, mapper, size, calls, options.Time, HugePages.SizeIn(files), leftOut));
            measured?.Invoke(size);
        }

        if (!rows.Exists(row => row.Operation == BenchOperation.Pin))
        {
            leftOut.Add("pinning alone: io_uring, which pins without mapping, is not in this kernel, is switched off (kernel.io_uring_disabled), or may not lock as much");
        }

        return new HostBenchResult(name, host.BackEnd, rows) { LeftOut = leftOut };
    }

    private static IReadOnlyList<HostBenchRow> Measure(
        MapBench bench, DmaMapper mapper, ulong size, List<BenchCalls> calls, TimeSpan time, ulong? huge, List<string> leftOut)
    {
        var memories = new List<BenchMemory>();
        try
        {
            memories.Add(BenchMemory.TryTake(BenchPages.Small, size)
                ?? throw new HostException(HostProblem.Failed, string.Create(CultureInfo.InvariantCulture, $"there is no memory for {size} bytes: take a smaller --size")));
            if (BenchMemory.TryTake(BenchPages.Huge, size) is { } large)
            {
                memories.Add(large);
            }
            else
            {
                leftOut.Add(huge is { } page
                    ? string.Create(
                        CultureInfo.InvariantCulture,
                        $"huge pages: too few are set aside for {size} bytes ({HugePages.HowToSetAside((size + page - 1) / page)})")
                    : "huge pages: this kernel has none (CONFIG_HUGETLBFS)");
            }

            // Aligned to the largest page that the IOMMU could use.
            using var window = mapper.CreateWindow(size);
            return bench.Run(window.Iova, size, memories, calls, time);
        }
        finally
        {
            memories.ForEach(memory => memory.Dispose());
        }
    }

    private static string OnlyOne(HostInfo info)
    {
        string[] ready = [.. info.Groups.SelectMany(group => group.Devices).Where(device => device.IsWithVfio).Select(device => device.Name)];
        return ready.Length switch
        {
            1 => ready[0],
            0 => throw new HostException(
                HostProblem.Unavailable,
                "no device is with vfio-pci: 'iommukit host info' lists devices, and 'iommukit host info DEVICE' has the commands that give one to programs"),
            _ => throw new HostException(HostProblem.Failed, $"name one of the devices that are with vfio-pci: {string.Join(", ", ready)}"),
        };
    }
}
