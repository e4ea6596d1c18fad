using EduDma;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>What a process is told that may lock less memory than it maps.</summary>
internal static class LimitChecks
{
    private const ulong MoreThanTheLimit = 1 << 20;

    /// <summary>Maps more than may be locked, and prints why that cannot be.</summary>
    /// <param name="name">The device.</param>
    /// <param name="backEnd">By which of the kernel's ways.</param>
    /// <returns>The exit code: 1, or 0 if the kernel maps it.</returns>
    public static int Lock(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        try
        {
            machine.Mapper.CreateBuffer(MoreThanTheLimit).Dispose();
            return 0;
        }
        catch (IommuException refusal) when (refusal.Error == IommuError.ENOMEM)
        {
            Console.WriteLine(refusal.Message);
            return 1;
        }
    }
}
