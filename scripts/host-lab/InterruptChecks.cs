using EduDma;
using IommuKit.Dma;
using IommuKit.Linux;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>Interrupts of the device's pin, and more of them than it has.</summary>
internal static class InterruptChecks
{
    private const uint InterruptStatus = 0x24;
    private const uint RaiseInterrupt = 0x60;
    private const uint InterruptAcknowledge = 0x64;

    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(30);

    public static async Task Pin(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var domain = host.CreateDomain();
        domain.Attach(host.GetDevice(name));
        using var access = host.GetDevice(name).Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        HostException? refusal = null;
        try
        {
            access.EnableInterrupts(VfioInterruptKind.Msi, 2).Dispose();
        }
        catch (HostException e)
        {
            refusal = e;
        }

        Checks.That(refusal is { Problem: HostProblem.Unavailable }, "two messages of a device that has one");
        using (var pin = access.EnableInterrupts(VfioInterruptKind.Pin))
        {
            for (uint i = 1; i <= 3; i++)
            {
                registers.Write32(RaiseInterrupt, i);
                Checks.That(await pin.WaitAsync().WaitAsync(s_most) == 1, "the pin came more often than once");
                Checks.That(registers.Read32(InterruptStatus) == i, "another interrupt came");

                // Masked, it does not come again before the device was told and it was unmasked.
                var next = pin.WaitAsync();
                await Task.Delay(50);
                Checks.That(!next.IsCompleted, "a masked interrupt came");
                registers.Write32(InterruptAcknowledge, i);
                pin.Unmask();
                await Task.Delay(50);
                Checks.That(!next.IsCompleted, "an interrupt came that the device had taken back");
                registers.Write32(RaiseInterrupt, 8);
                Checks.That(await next.WaitAsync(s_most) == 1, "the pin does not come again");
                registers.Write32(InterruptAcknowledge, 8);
                pin.Unmask();
            }
        }

        // The other kind after it, which takes the pin's place.
        using var messages = access.EnableInterrupts(VfioInterruptKind.Msi);
        registers.Write32(RaiseInterrupt, 1);
        Checks.That(await messages.WaitAsync().WaitAsync(s_most) == 1, "the message does not come");
        registers.Write32(InterruptAcknowledge, 1);
        Console.WriteLine("      the pin came six times, and was unmasked after each");
    }
}
