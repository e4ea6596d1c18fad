using System.Diagnostics;
using System.Globalization;
using EduDma;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.HostLab;

/// <summary>What the kernel says to maps, and what is left when all is over.</summary>
internal static class MapChecks
{
    private const ulong Page = 4096;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    public static Task Errors(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        var domain = machine.Mapper.Domain;
        var memory = new HostPages().Allocate(4 * Page);
        ulong address = memory.PhysicalAddress;
        domain.Map(0x20_0000, address, 2 * Page, ReadWrite);
        Expect(domain.TryMap(0x20_0000, address, Page, ReadWrite), IommuError.EEXIST, "overlap");
        Expect(domain.TryMap(0x40_0001, address, Page, ReadWrite), IommuError.EINVAL, "misaligned");
        Expect(domain.TryMap(0xfee0_0000, address, Page, ReadWrite), IommuError.EINVAL, "window of interrupts");
        Expect(domain.TryMap(1ul << 63, address, Page, ReadWrite), IommuError.ERANGE, "beyond the aperture");
        Expect(domain.TryMap(0x40_0000, 0x1000, Page, ReadWrite), IommuError.EFAULT, "no memory of the process");
        Expect(domain.TryUnmap(0x20_1000, Page, out _), IommuError.EINVAL, "the middle of a mapping");
        Checks.That(domain.ReservedIovas.Any(range => range.First <= 0xfee0_0000 && 0xfeef_ffff <= range.Last), "interrupts have no window");
        return Task.CompletedTask;
    }

    public static Task Many(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        var memory = new HostPages().Allocate(Page);
        for (ulong i = 0; i < 4000; i++)
        {
            machine.Mapper.Domain.Map(0x1000_0000 + (i * 2 * Page), memory.PhysicalAddress, Page, ReadWrite);
        }

        Checks.That(machine.Mapper.Domain.Unmap(0x1000_0000, Page) == Page, "the first is not unmapped");
        return Task.CompletedTask;
    }

    public static async Task AnyOrder(string name, HostBackEnd backEnd)
    {
        Machine.OfDevice(name, backEnd).Dispose();
        int before = OpenFiles();
        for (int i = 0; i < 10; i++)
        {
            var machine = Machine.OfDevice(name, backEnd);
            var buffer = machine.Mapper.CreateBuffer(Page);
            await machine.Driver.SendAsync(buffer.Iova, 10);
            foreach (var part in i % 2 == 0 ? machine.Parts : machine.Parts.Reverse())
            {
                part.Dispose();
            }

            buffer.Dispose();
        }

        Checks.That(OpenFiles() <= before, $"{OpenFiles() - before} files are left open");
    }

    public static async Task Killed(string name, HostBackEnd backEnd)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        foreach (string argument in (string[])[Environment.GetCommandLineArgs()[0], name, backEnd.ToString(), "hold"])
        {
            start.ArgumentList.Add(argument);
        }

        using var held = Process.Start(start)!;
        Checks.That(await held.StandardOutput.ReadLineAsync() == "holding", "the other process does not hold the device");
        bool isRefused = false;
        try
        {
            VfioHost.Open([name], backEnd).Dispose();
        }
        catch (Linux.HostException refusal)
        {
            isRefused = refusal.Message.Contains("in use", StringComparison.Ordinal);
        }

        held.Kill();
        await held.WaitForExitAsync();
        Checks.That(isRefused, "a device in use was not refused as such");
        await DeviceChecks.BothWays(name, backEnd);
    }

    /// <summary>Times of this (emulated) machine; nothing is asserted.</summary>
    public static void Measure(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        var domain = machine.Mapper.Domain;
        const ulong pages = 1024;
        var memory = new HostPages().Allocate(pages * Page);
        memory.Span(0, (int)(pages * Page)).Fill(1);
        double one = Time(() =>
        {
            domain.Map(0x2000_0000, memory.PhysicalAddress, pages * Page, ReadWrite);
            domain.Unmap(0x2000_0000, pages * Page);
        });
        double each = Time(() =>
        {
            for (ulong at = 0; at < pages * Page; at += Page)
            {
                domain.Map(0x2000_0000 + at, memory.PhysicalAddress + at, Page, ReadWrite);
            }

            for (ulong at = 0; at < pages * Page; at += Page)
            {
                domain.Unmap(0x2000_0000 + at, Page);
            }
        });
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"bench 4 MiB mapped and unmapped in one call: {one:F2} ms; page by page: {each:F2} ms; ratio {each / one:F1} (emulated hardware, times not representative)"));
    }

    private static double Time(Action work)
    {
        work();
        double least = double.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            work();
            least = Math.Min(least, Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
        }

        return least;
    }

    private static void Expect(IommuError found, IommuError expected, string what) => Checks.That(found == expected, $"{what}: {found}, not {expected}");

    private static int OpenFiles() => Directory.GetFiles("/proc/self/fd").Length;
}
