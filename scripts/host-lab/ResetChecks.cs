using EduDma;
using IommuKit.Dma;
using IommuKit.Linux;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>Resets: of a device that has none of its own, and of one that is alone on its bus.</summary>
internal static class ResetChecks
{
    private const uint CommandRegister = 4;
    private const byte BusMaster = 4;
    private const int Bytes = 1000;

    // The guest whose IOMMU (QEMU 7.2's AMD-Vi) takes devices behind bridges for others: what they transfer goes to addresses that are not translated.
    private const string NotTranslated = "amd";

    public static async Task Reset(string name, HostBackEnd backEnd, string other)
    {
        using (var host = VfioHost.Open([name], backEnd))
        using (var domain = host.CreateDomain())
        {
            domain.Attach(host.GetDevice(name));
            using var access = host.GetDevice(name).Open();
            HostException? refusal = null;
            try
            {
                access.Reset();
            }
            catch (HostException e)
            {
                refusal = e;
            }

            Checks.That(
                refusal is { Problem: HostProblem.Unavailable } && refusal.Message.Contains("leaves its neighbours alone"), refusal?.Message ?? "it was reset");
        }

        await Alone(other, backEnd);
    }

    private static async Task Alone(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var mapper = new DmaMapper(host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = new HostPages() });
        var device = host.GetDevice(name);
        mapper.Domain.Attach(device);
        using var access = device.Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        using var data = mapper.CreateBuffer(4096);
        data.Bytes.Fill(5);
        var driver = new EduDriver(registers);
        bool isTranslated = File.ReadAllText("/lab/guest").Trim() != NotTranslated;
        if (isTranslated)
        {
            await driver.SendAsync(data.Iova, Bytes);
        }

        access.Reset();
        byte[] command = new byte[2];
        access.ReadConfiguration(CommandRegister, command);

        // Mappings are the domain's, not the device's: they are there yet.
        access.EnableBusMaster();
        Checks.That(driver.IsThere, "the device does not come back");
        if (!isTranslated)
        {
            Console.WriteLine("      a device alone on its bus was reset; it transfers nothing here");
            return;
        }

        await driver.SendAsync(data.Iova, Bytes);
        data.Bytes.Fill(6);
        await driver.ReceiveAsync(data.Iova, Bytes);
        Checks.That(!data.Span(0, Bytes).ContainsAnyExcept((byte)5), "the data differ after the reset");
        using var interrupts = access.EnableInterrupts(VfioInterruptKind.Msi);
        await new EduDriver(registers, () => interrupts.WaitAsync()).SendAsync(data.Iova, Bytes);
        Console.WriteLine($"      a device alone on its bus was reset; bus mastering was {((command[0] & BusMaster) == 0 ? "off" : "on")} then");
    }
}
