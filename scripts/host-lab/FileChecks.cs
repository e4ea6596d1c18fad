using EduDma;
using IommuKit.Dma;
using IommuKit.Linux;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.HostLab;

/// <summary>Memory in files, as the device sees it.</summary>
internal static class FileChecks
{
    private const int Bytes = 1000;
    private const ulong Page = 4096;

    // The first kernel whose iommufd maps files.
    private static readonly Version s_first = new(6, 13);

    public static async Task BothWays(string name, HostBackEnd backEnd)
    {
        using var file = HostFile.Create(16 * Page, "lab");
        using var other = HostFile.Open(file.Handle);
        using var host = VfioHost.Open([name], backEnd);
        using var mapper = new DmaMapper(host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = file });
        var device = host.GetDevice(name);
        mapper.Domain.Attach(device);
        using var access = device.Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        var driver = new EduDriver(registers);
        using (var there = mapper.CreateBuffer(2 * Page, DmaDirection.ToDevice))
        using (var back = mapper.CreateBuffer(2 * Page, DmaDirection.FromDevice))
        {
            new Random(4).NextBytes(there.Bytes);
            await driver.SendAsync(there.Iova + 3500, Bytes);
            await driver.ReceiveAsync(back.Iova + 3500, Bytes);

            // As another process would see it.
            var seen = other.Memory.Span(back.PhysicalAddress - file.Address + 3500, Bytes);
            Checks.That(seen.SequenceEqual(there.Span(3500, Bytes)), "the data differ");
        }

        using var domain = host.CreateDomain();
        domain.Replace(device);
        await ByItself(host, domain, file, other);
    }

    /// <summary>The file is mapped without its addresses, whose mapping here may go; it takes part in overlaps and unmaps as others do.</summary>
    private static async Task ByItself(VfioHost host, HostDomain domain, HostFile file, HostFile other)
    {
        const ulong iova = 0x20_0000;
        try
        {
            domain.MapFile(iova, file, 4 * Page, 2 * Page, Protection.Read | Protection.Write);
        }
        catch (HostException refusal) when (host.BackEnd == HostBackEnd.LegacyOnly || Environment.OSVersion.Version < s_first)
        {
            Checks.That(refusal.Message.Contains(host.BackEnd == HostBackEnd.LegacyOnly ? "iommufd" : "6.13"), refusal.Message);
            Checks.That(domain.IovaToPhysical(iova) is null, "what was refused counts as mapped");
            return;
        }

        Checks.That(host.BackEnd == HostBackEnd.IommufdOnly, "VFIO type 1 maps a file");
        domain.MapFile(2 * iova, file, 4 * Page, Page, Protection.Read);
        Checks.That(domain.Unmap(2 * iova, Page) == Page, "of two mappings of one part the second is not unmapped");
        Checks.That(domain.TryMap(iova + Page, file.Address, Page, Protection.Read) == IommuError.EEXIST, "an overlap is not refused");
        file.Dispose();
        using var access = ((VfioDevice)host.Devices[0]).Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        var driver = new EduDriver(registers);
        other.Memory.Span(4 * Page, Bytes).Fill(5);
        await driver.SendAsync(iova, Bytes);
        await driver.ReceiveAsync(iova + Page, Bytes);
        Checks.That(!other.Memory.Span(5 * Page, Bytes).ContainsAnyExcept((byte)5), "the data differ");
        Checks.That(domain.Unmap(iova, 2 * Page) == 2 * Page, "the file is not unmapped");
        other.Memory.Span(4 * Page, Bytes).Fill(6);
        Provoked.Add(iova, Bytes, isWrite: true, isMapped: false);
        await driver.ReceiveAsync(iova, Bytes);
        Checks.That(!other.Memory.Span(4 * Page, Bytes).ContainsAnyExcept((byte)6), "the device reached what was unmapped");
        Console.WriteLine("      the kernel mapped the file by itself");
    }
}
