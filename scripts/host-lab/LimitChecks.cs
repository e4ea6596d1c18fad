using System.Globalization;
using System.Runtime.InteropServices;
using EduDma;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>What a process is told that may lock less memory than it maps, and what happens where the kernel promises no more.</summary>
internal static class LimitChecks
{
    private const ulong MoreThanTheLimit = 1 << 20;
    private const ulong MoreThanPromised = 256 << 20;

    // What the runtime may need meanwhile, in KiB.
    private const long Spare = 96 << 10;

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

    /// <summary>
    /// Memory that is closed has zeros in its place, to read and to write, where the kernel promises no more memory than it has
    /// (vm.overcommit_memory=2).
    /// </summary>
    public static Task Close()
    {
        // Once before, so that the runtime need not compile it then.
        Touch(() => { }, () => { });
        long promised = File.ReadLines("/proc/meminfo").Where(line => line.StartsWith("Committed_AS:", StringComparison.Ordinal))
            .Select(line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture)).Single();
        File.WriteAllText("/proc/sys/vm/overcommit_kbytes", (promised + Spare).ToString(CultureInfo.InvariantCulture));
        try
        {
            Touch(() => File.WriteAllText("/proc/sys/vm/overcommit_memory", "2"), () => File.WriteAllText("/proc/sys/vm/overcommit_memory", "0"));
        }
        finally
        {
            File.WriteAllText("/proc/sys/vm/overcommit_memory", "0");
            File.WriteAllText("/proc/sys/vm/overcommit_ratio", "50");
        }

        return Task.CompletedTask;
    }

    private static void Touch(Action before, Action after)
    {
        var file = HostFile.Create(MoreThanPromised);
        var address = (nint)file.Address;
        Marshal.WriteByte(address, 1);
        before();
        file.Dispose();
        after();
        Checks.That(Marshal.ReadByte(address) == 0, "what was there can be read yet");
        Marshal.WriteByte(address, 2);
        Checks.That(Marshal.ReadByte(address) == 2, "what is written is gone");
        GC.KeepAlive(file);
    }
}
