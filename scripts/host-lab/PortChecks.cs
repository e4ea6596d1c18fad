using IommuKit.Linux;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>A device whose registers are ports: a serial port, which says through its status that it has nothing to send.</summary>
internal static class PortChecks
{
    private const ulong LineStatus = 5;
    private const ulong Scratch = 7;
    private const byte NothingToSend = 0x60;

    /// <summary>Tries to map it, and reads and writes it by calls.</summary>
    /// <returns>The exit code: 0 if all is as it should be.</returns>
    public static int Run(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var domain = host.CreateDomain();
        domain.Attach(host.GetDevice(name));
        using var access = host.GetDevice(name).Open();
        access.WriteConfiguration(4, [1, 0]);
        HostException? refusal = null;
        try
        {
            access.MapRegion(0).Dispose();
        }
        catch (HostException e)
        {
            refusal = e;
        }

        byte[] status = new byte[1];
        byte[] scratch = new byte[1];
        access.ReadRegion(0, LineStatus, status);
        access.WriteRegion(0, Scratch, [0x5a]);
        access.ReadRegion(0, Scratch, scratch);
        bool holds = refusal is { Problem: HostProblem.NotMappable } && (status[0] & NothingToSend) == NothingToSend && scratch[0] == 0x5a;
        string said = refusal?.Message ?? "they were mapped";
        Console.WriteLine($"{(holds ? "ok   " : "FAIL ")} ports are not mapped, and reached by calls: status 0x{status[0]:x}, {said}");
        return holds ? 0 : 1;
    }
}
