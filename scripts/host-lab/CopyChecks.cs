using System.Diagnostics;
using EduDma;
using IommuKit.Linux;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.HostLab;

/// <summary>Mappings copied from one domain into another, and what iommufd lets one choose.</summary>
internal static class CopyChecks
{
    private const int Bytes = 1000;
    private const ulong Page = 4096;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    public static async Task Copies(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var first = host.CreateDomain();
        using var second = host.CreateDomain();
        var memory = new HostPages().Allocate(4 * Page);
        long before = MemoryCounts.Read().PinnedPages;
        var device = host.GetDevice(name);
        first.Attach(device);
        first.Map(0x20_0000, memory.PhysicalAddress, 2 * Page, ReadWrite);
        try
        {
            second.MapCopy(0x40_0000, first, 0x20_0000, 2 * Page, ReadWrite);
        }
        catch (HostException refusal) when (host.BackEnd == HostBackEnd.LegacyOnly)
        {
            Checks.That(refusal.Message.Contains("copies no mappings"), refusal.Message);
            Checks.That(second.IovaToPhysical(0x40_0000) is null, "what was refused counts as mapped");
            return;
        }

        Checks.That(host.BackEnd == HostBackEnd.IommufdOnly, "VFIO type 1 copies a mapping");
        Checks.That(MemoryCounts.Read().PinnedPages == before + 2, $"{MemoryCounts.Read().PinnedPages - before} pages are pinned for both, not 2");
        Checks.That(second.IovaToPhysical(0x40_0000 + Page) == memory.PhysicalAddress + Page, "the copy is of something else");
        Refused(IommuError.ENOENT, () => second.MapCopy(0x60_0000, first, 0x80_0000, Page, ReadWrite), "nothing is mapped there");
        Refused(IommuError.ENOENT, () => second.MapCopy(0x60_0000, first, 0x20_0000, 3 * Page, ReadWrite), "more than is mapped");
        Refused(IommuError.EEXIST, () => second.MapCopy(0x40_0000, first, 0x20_0000, 2 * Page, ReadWrite), "overlap");

        // What the first unmaps the second still reaches, and it stays pinned.
        second.Replace(device);
        Checks.That(first.Unmap(0x20_0000, 2 * Page) == 2 * Page, "the first does not unmap");
        Checks.That(MemoryCounts.Read().PinnedPages == before + 2, "the pages of the copy are not pinned any more");
        using (var access = device.Open())
        {
            access.EnableBusMaster();
            using var registers = access.MapRegion(0);
            var driver = new EduDriver(registers);
            memory.Span(0, Bytes).Fill(5);
            await driver.SendAsync(0x40_0000, Bytes);
            await driver.ReceiveAsync(0x40_0000 + Page, Bytes);
            Checks.That(!memory.Span((int)Page, Bytes).ContainsAnyExcept((byte)5), "the data differ");
        }

        Checks.That(second.Unmap(0x40_0000, 2 * Page) == 2 * Page, "the copy is not unmapped");
        Checks.That(MemoryCounts.Read().PinnedPages == before, "pages are pinned that nobody maps");

        // One that devices may only read is no way to write.
        first.Map(0x20_0000, memory.PhysicalAddress, Page, Protection.Read);
        second.MapCopy(0x40_0000, first, 0x20_0000, Page, Protection.Read);
        Checks.That(second.TryUnmap(0x40_0000, Page, out _) == IommuError.None, "the copy is not unmapped");
        Refused(null, () => second.MapCopy(0x40_0000, first, 0x20_0000, Page, ReadWrite), "to write what is mapped for reading");
        Console.WriteLine("      the kernel copied a mapping, and pinned its pages once");
    }

    public static Task Options(string name, HostBackEnd backEnd)
    {
        using (var usual = VfioHost.Open([name], backEnd))
        {
            var expected = usual.BackEnd == HostBackEnd.LegacyOnly ? HostLockLimit.OfProcess : HostLockLimit.OfUser;
            Checks.That(usual.ReadLockLimit() == expected, $"locked memory counts {usual.ReadLockLimit()}");
        }

        using var host = VfioHost.Open([name], new VfioHostOptions { BackEnd = backEnd, LockLimit = HostLockLimit.OfProcess });
        Checks.That(host.ReadLockLimit() == HostLockLimit.OfProcess, "locked memory does not count by process");
        using var domain = host.CreateDomain();
        domain.Attach(host.GetDevice(name));
        var memory = new HostPages().Allocate(8 * Page);
        long before = MemoryCounts.Read().LockedKilobytes;
        domain.Map(0x20_0000, memory.PhysicalAddress, 8 * Page, ReadWrite);
        long locked = MemoryCounts.Read().LockedKilobytes - before;
        Checks.That(locked == 32, $"{locked} KiB count as locked by this process, not 32");
        domain.Unmap(0x20_0000, 8 * Page);
        if (host.BackEnd == HostBackEnd.LegacyOnly)
        {
            bool isRefused = false;
            try
            {
                domain.UseLargePages(false);
            }
            catch (HostException refusal)
            {
                isRefused = refusal.Message.Contains("disable_hugepages");
            }

            Checks.That(isRefused, "VFIO type 1 lets a domain choose its page sizes");
            return Task.CompletedTask;
        }

        Checks.That(domain.UsesLargePages(), "large pages are off though nobody said so");
        domain.UseLargePages(false);
        Checks.That(!domain.UsesLargePages(), "large pages are on though somebody switched them off");
        domain.Map(0x20_0000, memory.PhysicalAddress, 8 * Page, ReadWrite);
        domain.Unmap(0x20_0000, 8 * Page);
        domain.UseLargePages(true);
        Checks.That(domain.UsesLargePages(), "large pages are off though somebody switched them on");
        return Task.CompletedTask;
    }

    private static void Refused(IommuError? expected, Action copy, string what)
    {
        try
        {
            copy();
        }
        catch (IommuException refusal) when (expected is null || refusal.Error == expected)
        {
            return;
        }

        throw new UnreachableException($"not refused: {what}");
    }
}
