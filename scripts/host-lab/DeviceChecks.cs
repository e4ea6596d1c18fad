using System.Numerics;
using EduDma;
using IommuKit.Dma;
using IommuKit.Linux;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.HostLab;

/// <summary>What the device itself sees: each transfer is compared, byte by byte.</summary>
internal static class DeviceChecks
{
    private const int Bytes = 1000;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    public static async Task BothWays(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        Checks.That(machine.Driver.IsThere, "the registers are not the device's");
        using var there = machine.Mapper.CreateBuffer(8192, DmaDirection.ToDevice);
        using var back = machine.Mapper.CreateBuffer(8192, DmaDirection.FromDevice);
        new Random(1).NextBytes(there.Bytes);

        // Across a page's end.
        await machine.Driver.SendAsync(there.Iova + 3500, Bytes);
        await machine.Driver.ReceiveAsync(back.Iova + 3500, Bytes);
        Checks.That(back.Span(3500, Bytes).SequenceEqual(there.Span(3500, Bytes)), "the data differ");
        Checks.That(!back.Bytes[..3500].ContainsAnyExcept((byte)0), "something else was written");
    }

    /// <summary>A part of an array: the device writes all of it, and is kept from what lies around it.</summary>
    public static async Task Arrays(string name, HostBackEnd backEnd, DmaBounce bounce)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var mapper = new DmaMapper(host, new DmaMapperOptions { DeviceLast = EduDriver.LastIova, Memory = new HostPages(), Bounce = bounce });
        var device = host.GetDevice(name);
        mapper.Domain.Attach(device);
        using var access = device.Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        var driver = new EduDriver(registers);
        byte[] sent = new byte[(3 * 4096) - 50];
        new Random(2).NextBytes(sent);
        byte[] array = new byte[4 * 4096];
        array.AsSpan().Fill(0x5a);
        var memory = array.AsMemory(100, sent.Length);
        var there = mapper.MapMemory(sent, DmaDirection.ToDevice);
        var back = mapper.MapMemory(memory, DmaDirection.FromDevice);
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        for (int at = 0; at < sent.Length; at += 3000)
        {
            int count = Math.Min(3000, sent.Length - at);
            await driver.SendAsync(there.Iova + (ulong)at, count);
            await driver.ReceiveAsync(back.Iova + (ulong)at, count);
        }

        // Before and behind it in its granules: there is the copy, not the array.
        ulong end = back.Iova + (ulong)sent.Length;
        foreach (var (iova, bytes) in ((ulong, ulong)[])[(back.Range.Iova, back.Iova - back.Range.Iova), (end, back.Range.Iova + back.Range.Size - end)])
        {
            if (bytes != 0)
            {
                // A transfer of nothing ends QEMU.
                await driver.ReceiveAsync(iova, (int)bytes);
            }
        }

        mapper.UnmapMemory(back);
        mapper.UnmapMemory(there);
        Checks.That(memory.Span.SequenceEqual(sent), "the data differ");
        Checks.That(!array.AsSpan(0, 100).ContainsAnyExcept((byte)0x5a), "the device wrote in front of the memory");
        Checks.That(!array.AsSpan(100 + sent.Length).ContainsAnyExcept((byte)0x5a), "the device wrote behind the memory");
    }

    public static async Task Refused(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        using var data = machine.Mapper.CreateBuffer(4096, DmaDirection.ToDevice);
        using var other = machine.Mapper.CreateBuffer(4096);
        data.Bytes.Fill(7);
        other.Bytes.Fill(9);
        await machine.Driver.SendAsync(other.Iova, Bytes);
        Provoked.Add(data.Iova, Bytes, isWrite: true, isMapped: true);
        await machine.Driver.ReceiveAsync(data.Iova, Bytes);
        Checks.That(!data.Bytes.ContainsAnyExcept((byte)7), "the device wrote what it may only read");
        Provoked.Add(0x100_0000, Bytes, isWrite: true, isMapped: false);
        await machine.Driver.ReceiveAsync(0x100_0000, Bytes);
        Provoked.Add(0x180_0000, Bytes, isWrite: false, isMapped: false);
        await machine.Driver.SendAsync(0x180_0000, Bytes);
        Checks.That(!data.Bytes.ContainsAnyExcept((byte)7) && !other.Bytes.ContainsAnyExcept((byte)9), "a write to nothing went somewhere");
    }

    public static async Task Revoked(string name, HostBackEnd backEnd)
    {
        using var machine = Machine.OfDevice(name, backEnd);
        using var data = machine.Mapper.CreateBuffer(4096);
        data.Bytes.Fill(7);
        var second = machine.Mapper.Map(data.PhysicalAddress, 4096, DmaDirection.Bidirectional);
        await machine.Driver.SendAsync(second.Iova, Bytes);
        data.Bytes.Fill(9);
        machine.Mapper.Unmap(second);
        Provoked.Add(second.Iova, Bytes, isWrite: true, isMapped: false);
        await machine.Driver.ReceiveAsync(second.Iova, Bytes);
        Checks.That(!data.Bytes.ContainsAnyExcept((byte)9), "the device reached what was unmapped");
        await machine.Driver.ReceiveAsync(data.Iova, Bytes);
        Checks.That(!data.Bytes[..Bytes].ContainsAnyExcept((byte)7), "the device did not reach what is mapped");
    }

    /// <summary>What the device writes to is among what is told. Where the IOMMU cannot note it, that is said in a sentence.</summary>
    public static async Task Dirty(string name, HostBackEnd backEnd)
    {
        const ulong size = 80 * 4096;
        using var host = VfioHost.Open([name], backEnd);
        using var domain = host.CreateDomain(null, tracksDirtyPages: true);
        var device = host.GetDevice(name);
        try
        {
            domain.Attach(device);
        }
        catch (HostException refused) when (host.BackEnd == HostBackEnd.IommufdOnly)
        {
            Checks.That(refused.Message.Contains("cannot note which pages devices write to"), refused.Message);
            Console.WriteLine("      this IOMMU notes no pages that devices write to: such a domain takes no device");
            return;
        }

        var memory = new HostPages().Allocate(size);
        domain.Map(0x20_0000, memory.PhysicalAddress, size, ReadWrite);
        using var access = device.Open();
        access.EnableBusMaster();
        using var registers = access.MapRegion(0);
        var driver = new EduDriver(registers);
        ulong[] dirty = new ulong[domain.DirtyWords(size)];
        bool isRefused = false;
        try
        {
            domain.ReadDirtyPages(0x20_0000, size, dirty);
        }
        catch (HostException)
        {
            isRefused = true;
        }

        Checks.That(isRefused, "dirty pages are told though nobody notes them");
        domain.TrackDirtyPages(true);
        await driver.ReceiveAsync(0x20_0000 + (70 * 4096), Bytes);
        dirty.AsSpan().Fill(ulong.MaxValue);
        domain.ReadDirtyPages(0x20_0000, size, dirty);
        Checks.That((dirty[1] >> 6 & 1) != 0, "the page that was written is not told");
        Checks.That(dirty.Length == 2 && dirty[1] >> 16 == 0, "pages are told that are not in the range");
        domain.TrackDirtyPages(false);
        Console.WriteLine($"      {dirty.Sum(word => BitOperations.PopCount(word))} of 80 pages are told as written, of which the device wrote one");
    }

    public static async Task Replayed(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var domain = host.CreateDomain();
        var pages = new HostPages();
        var memory = pages.Allocate(8192);
        domain.Map(0x20_0000, memory.PhysicalAddress, 4096, ReadWrite);
        domain.Map(0x40_0000, memory.PhysicalAddress + 4096, 4096, ReadWrite);
        memory.Span(0, 4096).Fill(5);
        var device = host.GetDevice(name);
        domain.Attach(device);
        using var access = device.Open();
        access.EnableBusMaster();
        var driver = new EduDriver(access.MapRegion(0));
        await driver.SendAsync(0x20_0000, Bytes);
        await driver.ReceiveAsync(0x40_0000, Bytes);
        Checks.That(!memory.Span(4096, Bytes).ContainsAnyExcept((byte)5), "the data differ");
    }

    public static async Task Moved(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        using var first = host.CreateDomain();
        using var second = host.CreateDomain();
        var pages = new HostPages();
        var memory = pages.Allocate(8192);
        first.Map(0x20_0000, memory.PhysicalAddress, 4096, ReadWrite);
        second.Map(0x20_0000, memory.PhysicalAddress + 4096, 4096, ReadWrite);
        memory.Span(0, 4096).Fill(5);
        var device = host.GetDevice(name);
        first.Attach(device);
        using (var access = device.Open())
        {
            access.EnableBusMaster();
            await new EduDriver(access.MapRegion(0)).SendAsync(0x20_0000, Bytes);
        }

        var open = device.Open();
        second.Replace(device);
        bool isClosed = false;
        try
        {
            open.EnableBusMaster();
        }
        catch (ObjectDisposedException)
        {
            isClosed = true;
        }

        Checks.That(isClosed, "what was open of the device is open yet");
        using var again = device.Open();
        again.EnableBusMaster();
        var driver = new EduDriver(again.MapRegion(0));
        await driver.SendAsync(0x20_0000, Bytes);
        memory.Span(0, 8192).Fill(6);
        await driver.ReceiveAsync(0x20_0000, Bytes);
        Checks.That(!memory.Span(0, 4096).ContainsAnyExcept((byte)6), "the device reached the first domain");
        Checks.That(!memory.Span(4096, Bytes).ContainsAnyExcept((byte)0), "the device did not reach the second domain");
    }
}
