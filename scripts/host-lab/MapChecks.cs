using System.Diagnostics;
using System.Globalization;
using EduDma;
using IommuKit.Dma;
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
        if (domain.ApertureEnd != ulong.MaxValue)
        {
            Expect(domain.TryMap(domain.ApertureEnd + 1, address, Page, ReadWrite), IommuError.ERANGE, "beyond the aperture");
        }

        foreach (var (first, last) in domain.ReservedIovas.Where(range => range.First >= Page))
        {
            // From the last page of a window into what is none.
            Expect(domain.TryMap((first & ~(Page - 1)) - Page, address, 2 * Page, ReadWrite), IommuError.EINVAL, $"out of a window at 0x{first:x}");
        }

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

    /// <summary>Many maps and unmaps leave no files, no pinned memory and no managed memory behind.</summary>
    public static Task Pairs(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        var memory = new HostPages().Allocate(Page);
        Pair(100);
        int files = OpenFiles();
        long pinned = PinnedPages();
        long bytes = GC.GetAllocatedBytesForCurrentThread();
        Pair(50_000);
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        Checks.That(OpenFiles() == files, $"{OpenFiles() - files} files are left open");
        Checks.That(PinnedPages() == pinned, $"{PinnedPages() - pinned} pages are pinned yet");
        Checks.That(bytes == 0, $"{bytes} bytes were allocated");
        return Task.CompletedTask;

        void Pair(int count)
        {
            for (int i = 0; i < count; i++)
            {
                machine.Mapper.Unmap(machine.Mapper.Map(memory.PhysicalAddress, Page, DmaDirection.Bidirectional));
            }
        }
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

        long pinned = PinnedPages();
        using var held = Process.Start(start)!;
        try
        {
            Checks.That(await held.StandardOutput.ReadLineAsync() == "holding", "the other process does not hold the device");
            Checks.That(PinnedPages() >= pinned + 256, "the other process has nothing pinned");
            bool isRefused = false;
            try
            {
                VfioHost.Open([name], backEnd).Dispose();
            }
            catch (Linux.HostException refusal)
            {
                isRefused = refusal.Message.Contains("in use", StringComparison.Ordinal);
            }

            Checks.That(isRefused, "a device in use was not refused as such");
        }
        finally
        {
            held.Kill();
            await held.WaitForExitAsync();
        }

        for (int i = 0; i < 1000 && PinnedPages() != pinned; i++)
        {
            // The kernel takes its time to end a process.
            await Task.Delay(10);
        }

        Checks.That(PinnedPages() == pinned, $"{PinnedPages() - pinned} pages of a killed process are pinned yet");
        await DeviceChecks.BothWays(name, backEnd);
    }

    private static void Expect(IommuError found, IommuError expected, string what) => Checks.That(found == expected, $"{what}: {found}, not {expected}");

    /// <summary>Pages that are pinned in the whole machine, as the kernel counts them.</summary>
    private static long PinnedPages()
    {
        // Has the kernel add up what its processors count by themselves.
        File.WriteAllText("/proc/sys/vm/stat_refresh", "1");
        var counts = File.ReadLines("/proc/vmstat").Select(line => line.Split(' ')).Where(words => words.Length == 2).ToDictionary(
            words => words[0], words => long.Parse(words[1], CultureInfo.InvariantCulture));
        return counts["nr_foll_pin_acquired"] - counts["nr_foll_pin_released"];
    }

    private static int OpenFiles() => Directory.GetFiles("/proc/self/fd").Length;
}
