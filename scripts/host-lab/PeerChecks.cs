using EduDma;
using IommuKit.Dma;
using IommuKit.Linux;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.HostLab;

/// <summary>One device reaches the registers of another through the IOMMU, as a file that the kernel makes of them.</summary>
internal static class PeerChecks
{
    private const ulong Iova = 0x800_0000;
    private const ulong Page = 4096;
    private const uint Identification = 0;
    private const uint Liveness = 4;

    public static async Task Reach(string name, HostBackEnd backEnd, string other)
    {
        using var host = VfioHost.Open([name, other], backEnd);
        using var mapper = new DmaMapper(
            host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = new HostPages(), Reserved = [(Iova, Iova + Page - 1)] });
        var domain = (HostDomain)mapper.Domain;
        foreach (string one in (string[])[name, other])
        {
            domain.Attach(host.GetDevice(one));
        }

        using var access = host.GetDevice(name).Open();
        using var peer = host.GetDevice(other).Open();
        access.EnableBusMaster();
        peer.EnableBusMaster();
        using var registers = access.MapRegion(0);
        using var there = peer.MapRegion(0);
        ExportedRegion region;
        try
        {
            region = peer.ExportRegion(0, 0, Page);
        }
        catch (HostException refusal)
        {
            Checks.That(refusal.Problem == HostProblem.Unavailable && refusal.Message.Contains("6.19"), refusal.Message);
            Console.WriteLine("      this kernel exports no regions of devices");
            return;
        }

        try
        {
            domain.MapRegion(Iova, region, 0, Page, Protection.Read | Protection.Write);
        }
        catch (HostException refusal) when (host.BackEnd == HostBackEnd.LegacyOnly)
        {
            Checks.That(refusal.Message.Contains("IommufdOnly") && domain.IovaToPhysical(Iova) is null, refusal.Message);
            return;
        }

        // The registers of the other are read and written in pieces of four bytes.
        using var data = mapper.CreateBuffer(Page);
        var driver = new EduDriver(registers);
        await driver.SendAsync(Iova + Identification, sizeof(uint));
        await driver.ReceiveAsync(data.Iova, sizeof(uint));
        uint read = BitConverter.ToUInt32(data.Span(0, sizeof(uint)));
        Checks.That(read == there.Read32(Identification), $"0x{read:x} was read from the other device, which has 0x{there.Read32(Identification):x}");
        await Write(0x1234_5678);
        Checks.That(there.Read32(Liveness) == ~0x1234_5678u, $"the other device was not written to: 0x{there.Read32(Liveness):x}");

        // What is closed stays mapped, and what is unmapped is not reached.
        region.Dispose();
        await Write(0x1111_1111);
        Checks.That(there.Read32(Liveness) == ~0x1111_1111u, "the mapping went with the file");
        Checks.That(domain.Unmap(Iova, Page) == Page, "the region is not unmapped");
        Provoked.Add(Iova + Liveness, sizeof(uint), isWrite: true, isMapped: false);
        await Write(0x2222_2222);
        Checks.That(there.Read32(Liveness) == ~0x1111_1111u, "the device reached what was unmapped");
        Console.WriteLine($"      one device read 0x{read:x} from the other, and wrote to it, through the IOMMU");

        async Task Write(uint value)
        {
            BitConverter.TryWriteBytes(data.Bytes, value);
            await driver.SendAsync(data.Iova, sizeof(uint));
            await driver.ReceiveAsync(Iova + Liveness, sizeof(uint));
        }
    }
}
