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
        var interrupts = Linux.Host.HostInfo.Read().Groups.Single(group => group.Devices.Any(device => device.Name == name))
            .ReservedRegions.Single(region => region.Kind == "msi");
        Expect(domain.TryMap(interrupts.First, address, Page, ReadWrite), IommuError.EINVAL, "window of interrupts");
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
        Checks.That(domain.ReservedIovas.Any(range => range.First <= interrupts.First && interrupts.Last <= range.Last), "interrupts have no window");
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

    /// <summary>
    /// Many maps and unmaps leave no files, no pinned memory, and nothing of the kernel's or of this process behind. It is looked at after each quarter
    /// of them: what each pair left would show in all four, and what the runtime or a task of the kernel takes at some time shows in one.
    /// </summary>
    /// <param name="name">The device.</param>
    /// <param name="backEnd">By which of the kernel's ways.</param>
    /// <param name="pairs">How many: a map and an unmap each.</param>
    public static Task Pairs(string name, HostBackEnd backEnd, int pairs)
    {
        const int parts = 4;
        using var machine = Machine.OfDevice(name, backEnd);
        var memory = new HostPages().Allocate(Page);

        // What runs here, and what counts, is compiled for good a while after it ran first.
        Pair(5000);
        MemoryCounts.Read();
        Thread.Sleep(500);
        Pair(5000);
        MemoryCounts[] counts = [MemoryCounts.Read(), .. new MemoryCounts[parts]];
        var clock = new Stopwatch();
        long bytes = 0;
        for (int part = 1; part <= parts; part++)
        {
            clock.Start();
            bytes -= GC.GetAllocatedBytesForCurrentThread();
            Pair((pairs / parts) + (part <= pairs % parts ? 1 : 0));
            bytes += GC.GetAllocatedBytesForCurrentThread();
            clock.Stop();
            counts[part] = MemoryCounts.Read();
        }

        var (before, after) = (counts[0], counts[^1]);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"      {pairs:N0} pairs in {clock.Elapsed.TotalSeconds:N1} s; {after.Files.Count} files ({after.Files.Count - before.Files.Count:+0;-0;0}); "
            + $"{after.PinnedPages} pages pinned, {after.LockedKilobytes} KiB locked; in each quarter: resident {Growth(count => count.ResidentKilobytes)} KiB, "
            + $"the kernel's objects {Growth(count => count.SlabKilobytes)} KiB, page tables {Growth(count => count.TableKilobytes)} KiB"));
        if (after.CodeFiles != before.CodeFiles)
        {
            Console.WriteLine($"      the runtime loaded code meanwhile, and has {after.CodeFiles - before.CodeFiles} files more open for that");
        }

        SameFiles(before, after);
        Checks.That(after.PinnedPages == before.PinnedPages, $"{after.PinnedPages - before.PinnedPages} pages are pinned yet");
        Checks.That(after.LockedKilobytes == before.LockedKilobytes, $"{after.LockedKilobytes - before.LockedKilobytes} KiB are locked yet");
        Checks.That(bytes == 0, $"{bytes} bytes were allocated");

        // The smallest object that a pair could leave has 8 bytes, and few have less than 64. To read the counts takes memory of the process itself.
        const long read = 1024;
        long most = Math.Max(64, 4L * (pairs / parts) / 1024);
        Checks.That(Least(count => count.ResidentKilobytes) < Math.Max(read, most), "the process has more memory after each quarter");
        Checks.That(Least(count => count.SlabKilobytes) < most, "the kernel has more objects after each quarter");
        Checks.That(Least(count => count.TableKilobytes) < most, "there are more page tables after each quarter");
        return Task.CompletedTask;

        long Least(Func<MemoryCounts, long> of) => counts.Skip(1).Zip(counts, (now, then) => of(now) - of(then)).Min();

        string Growth(Func<MemoryCounts, long> of) => string.Join(
            ' ', counts.Skip(1).Zip(counts, (now, then) => (of(now) - of(then)).ToString("+0;-0;0", CultureInfo.InvariantCulture)));

        void Pair(int count)
        {
            for (int i = 0; i < count; i++)
            {
                machine.Mapper.Unmap(machine.Mapper.Map(memory.PhysicalAddress, Page, DmaDirection.Bidirectional));
            }
        }
    }

    /// <summary>All that can be open at once is closed in orders that nobody would choose: nothing throws, and nothing is left.</summary>
    public static async Task AnyOrder(string name, HostBackEnd backEnd)
    {
        const int orders = 40;
        Machine.OfDevice(name, backEnd).Dispose();
        var random = new Random(17);
        var before = MemoryCounts.Read();
        for (int i = 0; i < orders; i++)
        {
            var host = VfioHost.Open([name], backEnd);
            var memory = HostFile.Create(16 * Page, "order");
            var mapper = new DmaMapper(host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = memory });
            var other = host.CreateDomain();
            var device = host.GetDevice(name);
            mapper.Domain.Attach(device);
            var access = device.Open();
            access.EnableBusMaster();
            var registers = access.MapRegion(0);
            var interrupts = access.EnableInterrupts(VfioInterruptKind.Msi);
            var pool = new DmaPool(mapper, 2, 1024);
            var buffer = mapper.CreateBuffer(Page);
            var window = mapper.CreateWindow(4 * Page);
            Checks.That(window.TryLink(0, memory.Address, Page, DmaDirection.Bidirectional) == IommuError.None, "a window is not linked");
            other.Map(0x20_0000, memory.Address, Page, ReadWrite);
            var driver = new EduDriver(registers, () => interrupts.WaitAsync());
            await driver.SendAsync(buffer.Iova, 10);
            IDisposable[] parts = [host, memory, mapper, other, access, registers, interrupts, pool, buffer, window];
            random.Shuffle(parts);
            foreach (var part in parts)
            {
                part.Dispose();
            }

            // And once more, which does nothing.
            foreach (var part in parts)
            {
                part.Dispose();
            }
        }

        var after = MemoryCounts.Read();
        SameFiles(before, after);
        Checks.That(after.PinnedPages == before.PinnedPages, $"{after.PinnedPages - before.PinnedPages} pages are pinned yet");
        Checks.That(after.LockedKilobytes == before.LockedKilobytes, $"{after.LockedKilobytes - before.LockedKilobytes} KiB are locked yet");
    }

    public static async Task Killed(string name, HostBackEnd backEnd)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        foreach (string argument in (string[])[name, backEnd.ToString(), "hold"])
        {
            start.ArgumentList.Add(argument);
        }

        long pinned = MemoryCounts.Read().PinnedPages;
        using var held = Process.Start(start)!;
        try
        {
            Checks.That(await held.StandardOutput.ReadLineAsync() == "holding", "the other process does not hold the device");
            Checks.That(MemoryCounts.Read().PinnedPages >= pinned + 256, "the other process has nothing pinned");
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

        for (int i = 0; i < 1000 && MemoryCounts.Read().PinnedPages != pinned; i++)
        {
            // The kernel takes its time to end a process.
            await Task.Delay(10);
        }

        Checks.That(MemoryCounts.Read().PinnedPages == pinned, $"{MemoryCounts.Read().PinnedPages - pinned} pages of a killed process are pinned yet");
        await DeviceChecks.BothWays(name, backEnd);
    }

    private static void SameFiles(MemoryCounts before, MemoryCounts after) => Checks.That(
        after.Files.SequenceEqual(before.Files),
        $"other files are open than before: {string.Join(", ", after.Files)}; before: {string.Join(", ", before.Files)}");

    private static void Expect(IommuError found, IommuError expected, string what) => Checks.That(found == expected, $"{what}: {found}, not {expected}");
}
