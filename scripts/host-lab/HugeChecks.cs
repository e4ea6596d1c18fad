using EduDma;
using IommuKit.Dma;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>Buffers in huge pages, of which root has set some aside.</summary>
internal static class HugeChecks
{
    private const int Bytes = 1000;

    public static async Task BothWays(string name, HostBackEnd backEnd)
    {
        var pages = new HostPages(usesHugePages: true);
        long free = Free();
        using var host = VfioHost.Open([name], backEnd);
        using var mapper = new DmaMapper(host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = pages });
        mapper.Domain.Attach(host.GetDevice(name));
        using var access = host.GetDevice(name).Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        var driver = new EduDriver(registers);
        using (var data = mapper.CreateBuffer(3 << 20))
        {
            Checks.That(data.PhysicalAddress % (2 << 20) == 0, "the buffer does not begin with a huge page");
            Checks.That(Free() == free - 2, $"{free - Free()} huge pages are taken, not 2");

            // Across the end of the first.
            data.Span((2 << 20) - 500, Bytes).Fill(5);
            await driver.SendAsync(data.Iova + (2 << 20) - 500, Bytes);
            await driver.ReceiveAsync(data.Iova, Bytes);
            Checks.That(!data.Span(0, Bytes).ContainsAnyExcept((byte)5), "the data differ");
        }

        HostFile.Create(1, "huge", usesHugePages: true).Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Checks.That(Free() == free, $"{free - Free()} huge pages are not given back");

        static long Free() => long.Parse(
            File.ReadLines("/proc/meminfo").First(line => line.StartsWith("HugePages_Free:", StringComparison.Ordinal)).Split(' ')[^1]);
    }
}
