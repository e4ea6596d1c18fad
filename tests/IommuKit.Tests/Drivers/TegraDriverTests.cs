using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers;

/// <summary>The Tegra driver's accesses, one by one, against the sequences of the fact sheet.</summary>
public sealed class TegraDriverTests : IDisposable
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;
    private const ulong Pool = 0x1_0000_0000;

    private readonly PhysicalMemory _memory = new(1ul << 34, isCoherent: true);
    private readonly BusLog _bus = new();

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData("tegra30", "2000003f", "20000010", "00000540")]
    [InlineData("tegra114", "2000003f", "20000020", "00000540")]
    [InlineData("tegra124", "2800003f", "30000020", "00013d40")]
    [InlineData("tegra210", "2800003f", "30000030", "00013d40")]
    public void Initialisation_writes_what_linux_writes(string soc, string ptc, string tlb, string interrupts)
    {
        var ahb = new BusLog();
        ahb.Registers[0xe0] = 0x8;
        Make(soc, ahb: ahb);
        _bus.Calls.ShouldBe(
        [
            $"W 018 {ptc}", $"W 014 {tlb}", "W 034 00000000", "W 030 00000000", "W 010 00000001", "R 01c", $"W 004 {interrupts}",
        ]);
        ahb.Calls.ShouldBe(soc is "tegra30" or "tegra114" ? ["R 0e0", "W 0e0 00020008"] : []);
    }

    [Fact]
    public void Attach_flushes_then_loads_the_root_then_connects()
    {
        var driver = Make("tegra210");
        using var domain = driver.CreateDomain();
        _bus.Registers[0xaa4] = 0x0000_7f00;
        _bus.Registers[0x230] = 0x8000_0000;
        _bus.Calls.Clear();
        domain.Attach(driver.GetDevice("isp2b"));

        // Clients 0x4e, 0x50 and 0x51: bits 14, 16 and 17 of the third enable register.
        _bus.Calls.ShouldBe(
        [
            "C 100000000 4096", "B",
            "W 034 00000000", "W 030 80000000", "W 01c 00000000", "W 020 e0100000", "R 01c",
            "R aa4", "W aa4 80007f00",
            "R 230", "W 230 80004000", "R 230", "W 230 80014000", "R 230", "W 230 80034000", "R 01c",
        ]);

        _bus.Calls.Clear();
        domain.Detach(driver.GetDevice("isp2b"));
        _bus.Calls.ShouldBe(
        [
            "R aa4", "W aa4 00007f00",
            "R 230", "W 230 80030000", "R 230", "W 230 80020000", "R 230", "W 230 80000000", "R 01c",
            "W 01c 00000000", "W 020 00000000", "W 034 00000000", "W 030 80000000", "R 01c",
        ]);
    }

    /// <summary>Page by page the driver does what the one in Linux does, to the register write.</summary>
    [Fact]
    public void Per_page_on_tegra210_is_the_sequence_of_mainline()
    {
        using var domain = MakeAttached("tegra210", SyncPolicy.PerPage);

        // The first page makes the table at 0x1_0000_1000; its directory entry is 0x40 entries into the directory.
        domain.Map(0x1000_1000, 0x2_0000_0000, 0x1000, ReadWrite);
        _bus.Calls.ShouldBe(
        [
            "C 100001000 4096", "B",
            "C 100000100 64", "B", "W 9b8 00000001", "W 034 00000101", "W 030 80010002", "R 01c",
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 80010003", "R 01c",
        ]);
        Entry(0x1_0000_0100).ShouldBe(0xf010_0001u);
        Entry(0x1_0000_1004).ShouldBe(0xe020_0000u);

        _bus.Calls.Clear();
        domain.Map(0x1000_f000, 0x2_0000_1000, 0x2000, ReadWrite);
        _bus.Calls.ShouldBe(
        [
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 8001000f", "R 01c",
            "C 100001040 64", "B", "W 9b8 00000001", "W 034 00001041", "W 030 80010013", "R 01c",
        ]);

        // With the last entry the table goes: the pointer is flushed first.
        _bus.Calls.Clear();
        domain.Unmap(0x1000_1000, 0x1000).ShouldBe(0x1000ul);
        domain.Unmap(0x1000_f000, 0x1000).ShouldBe(0x1000ul);
        domain.Unmap(0x1001_0000, 0x1000).ShouldBe(0x1000ul);
        _bus.Calls.ShouldBe(
        [
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 80010003", "R 01c",
            "C 100001000 64", "B", "W 9b8 00000001", "W 034 00001001", "W 030 8001000f", "R 01c",
            "C 100001040 64", "B", "W 9b8 00000001", "W 034 00001041", "W 030 80010013", "R 01c",
            "C 100000100 64", "B", "W 9b8 00000001", "W 034 00000101", "W 030 80010002", "R 01c",
        ]);
        Entry(0x1_0000_0100).ShouldBe(0u);
    }

    [Fact]
    public void Per_page_on_tegra30_has_no_high_half_and_small_atoms()
    {
        using var domain = MakeAttached("tegra30", SyncPolicy.PerPage, pool: 0x8000_0000);
        domain.Map(0x1000_5000, 0x9000_0000, 0x1000, ReadWrite);
        _bus.Calls.Skip(2).ShouldBe(
        [
            "C 80000100 64", "B", "W 034 80000101", "W 030 80010002", "R 01c",
            "C 80001000 64", "B", "W 034 80001011", "W 030 80010007", "R 01c",
        ]);
    }

    [Theory]
    [InlineData(SyncPolicy.RangeFlush)]
    [InlineData(SyncPolicy.SplitSync)]
    [InlineData(SyncPolicy.Gather)]
    public void A_range_flush_aligns_its_head_and_tail(SyncPolicy policy)
    {
        using var domain = MakeAttached("tegra210", policy);
        domain.Map(0x1000_0000, 0, 0x1000, ReadWrite);
        _bus.Calls.Clear();

        // Pages 0xf to 0x21: entries 15 to 33 are in lines 0, 1 and 2, and in groups of 8 pages 1 to 4. The first group is named by the
        // 16 KiB that page 0xf lies in.
        domain.Map(0x1000_f000, 0x2_0000_0000, 0x1_3000, ReadWrite);
        _bus.Calls.ShouldBe(
        [
            "C 100001000 192", "B",
            "W 9b8 00000001", "W 034 00001001", "W 9b8 00000001", "W 034 00001041", "W 9b8 00000001", "W 034 00001081",
            "W 030 8001000f", "W 030 80010013", "W 030 8001001b", "W 030 80010023", "R 01c",
        ]);
        string[] calls = [.. _bus.Calls];
        _bus.Calls.Clear();
        domain.Unmap(0x1000_f000, 0x1_3000);
        _bus.Calls.ShouldBe(calls);
    }

    [Fact]
    public void Thresholds_choose_sections_and_the_address_space()
    {
        var options = new TegraDriverOptions { SectionThreshold = 8, AsidThreshold = 3 };
        using var domain = MakeAttached("tegra210", SyncPolicy.Gather, options, release: TableRelease.Never);
        domain.Map(0x1000_0000, 0, 16 << 20, ReadWrite);
        domain.Unmap(0x1000_0000, 16 << 20);

        Flushes(0x1000_0000, 0x1_0000).ShouldBe(["W 030 80010003", "W 030 8001000b"]);
        Flushes(0x1000_0000, 0x4_0000).ShouldBe(["W 030 80010002"]);
        Flushes(0x1000_0000, 0x40_0000 + 0x1000).ShouldBe(["W 030 80010002", "W 030 80010403"]);
        Flushes(0x1000_0000, 0x1_8000).ShouldBe(["W 030 80000000"]);
        Flushes(0x1000_0000, 16 << 20).ShouldBe(["W 030 80000000"]);

        string[] Flushes(ulong iova, ulong size)
        {
            _bus.Calls.Clear();
            domain.Map(iova, 0, size, ReadWrite);
            string[] flushes = [.. _bus.Calls.Where(call => call.StartsWith("W 030"))];
            domain.Unmap(iova, size).ShouldBe(size);
            return flushes;
        }
    }

    [Fact]
    public void A_step_of_16_KiB_flushes_twice_as_many_groups()
    {
        using var domain = MakeAttached("tegra210", SyncPolicy.Gather, new TegraDriverOptions { TlbStep = 16 << 10 });
        domain.Map(0x1000_0000, 0, 0x1000, ReadWrite);
        _bus.Calls.Clear();
        domain.Map(0x1000_4000, 0, 0x8000, ReadWrite);
        _bus.Calls.Where(call => call.StartsWith("W 030")).ShouldBe(["W 030 80010007", "W 030 8001000b"]);
    }

    [Fact]
    public void The_deferred_queue_is_drained_by_two_writes_and_a_read()
    {
        using var domain = MakeAttached("tegra210", SyncPolicy.Deferred);
        domain.Map(0x1000_0000, 0, 0x8000, ReadWrite);
        _bus.Calls.Clear();
        domain.Unmap(0x1000_0000, 0x2000);
        domain.Unmap(0x1000_4000, 0x2000);
        _bus.Calls.ShouldBe(["C 100001000 64", "B", "C 100001000 64", "B"]);
        _bus.Calls.Clear();
        domain.Flush();
        _bus.Calls.ShouldBe(["W 034 00000000", "W 030 80000000", "R 01c"]);
    }

    [Fact]
    public void Sections_are_used_only_when_asked_for()
    {
        using var domain = MakeAttached("tegra124", SyncPolicy.Gather, new TegraDriverOptions { UsesSections = true });
        domain.PageSizes.ShouldBe(0x40_1000u);
        domain.Map(0x1000_0000, 0x2_0000_0000, 8 << 20, ReadWrite);
        _bus.Calls.ShouldBe(
        [
            "C 100000100 64", "B", "W 9b8 00000001", "W 034 00000101", "W 030 80010002", "W 030 80010402", "R 01c",
        ]);
        Entry(0x1_0000_0100).ShouldBe(0xe020_0000u);
        Entry(0x1_0000_0104).ShouldBe(0xe020_0400u);
    }

    [Fact]
    public void Address_spaces_run_out_and_come_back()
    {
        var driver = Make("tegra30", pool: 0x8000_0000);
        string[] names = ["dc", "dcb", "epp", "g2", "mpe"];
        var domains = names.Select(_ => driver.CreateDomain()).ToList();
        for (int i = 0; i < 4; i++)
        {
            domains[i].Attach(driver.GetDevice(names[i]));
        }

        var device = driver.GetDevice("mpe");
        Should.Throw<IommuException>(() => domains[4].Attach(device)).Error.ShouldBe(IommuError.ENOSPC);
        device.Domain.ShouldBeNull();
        domains[2].Detach(driver.GetDevice("epp"));
        _bus.Calls.Clear();
        domains[4].Attach(device);
        _bus.Calls.ShouldContain("W 01c 00000002");
        domains.ForEach(domain => domain.Dispose());
    }

    [Fact]
    public void One_domain_can_have_several_devices_and_a_device_one_domain()
    {
        var driver = Make("tegra210");
        var other = Make("tegra210");
        using var domain = driver.CreateDomain();
        using var second = driver.CreateDomain();
        domain.Attach(driver.GetDevice("vic"));
        _bus.Calls.Clear();
        domain.Attach(driver.GetDevice("dc"));
        _bus.Calls.ShouldNotContain("W 034 00000000");
        domain.Devices.Select(device => device.Name).ShouldBe(["vic", "dc"]);

        Should.Throw<IommuException>(() => second.Attach(driver.GetDevice("vic"))).Error.ShouldBe(IommuError.EBUSY);
        Should.Throw<IommuException>(() => second.Attach(other.GetDevice("vi"))).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => second.Detach(driver.GetDevice("vic"))).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => driver.GetDevice("nonsense")).Error.ShouldBe(IommuError.ENOENT);

        _bus.Calls.Clear();
        domain.Detach(driver.GetDevice("vic"));
        _bus.Calls.ShouldNotContain("W 034 00000000");
        domain.Detach(driver.GetDevice("dc"));
        _bus.Calls.ShouldContain("W 034 00000000");
    }

    [Fact]
    public void Page_sizes_that_the_hardware_lacks_are_refused()
    {
        var driver = Make("tegra210");
        Should.Throw<IommuException>(() => driver.CreateDomain(new DomainOptions { PageSizes = 1 << 16 })).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => driver.CreateDomain(new DomainOptions { PageSizes = 1 << 22 })).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => driver.CreateDomain(new DomainOptions { DeferredCapacity = 0 })).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => driver.CreateDomain(new DomainOptions { Policy = (SyncPolicy)99 })).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<ArgumentException>(() => Make("tegra210", options: new TegraDriverOptions { TlbStep = 4096 }));
        Should.Throw<ArgumentException>(() => new TegraSmmuDriver(TegraSoc.Tegra30, _bus, _bus, Allocator(Pool)));
    }

    [Fact]
    public void A_domain_that_cannot_be_made_leaves_no_table_behind()
    {
        var allocator = Allocator(Pool);
        var driver = new TegraSmmuDriver(TegraSoc.Tegra210, _bus, _bus, allocator);
        DomainOptions[] impossible =
        [
            new() { DeferredCapacity = 0 },
            new() { DeferredAge = TimeSpan.FromTicks(-1) },
            new() { FlushAllPages = -1 },
            new() { Policy = (SyncPolicy)99 },
            new() { Release = (TableRelease)99 },
            new() { PageSizes = 1 << 16 },
        ];
        foreach (var options in impossible)
        {
            Should.Throw<IommuException>(() => driver.CreateDomain(options)).Error.ShouldBe(IommuError.EINVAL);
            allocator.Outstanding.ShouldBe(0);
        }

        driver.Dispose();
        Should.Throw<ObjectDisposedException>(() => driver.CreateDomain());
        allocator.Outstanding.ShouldBe(0);
    }

    [Fact]
    public void Disposing_of_the_driver_detaches_and_switches_off()
    {
        var allocator = Allocator(Pool);
        var driver = new TegraSmmuDriver(TegraSoc.Tegra210, _bus, _bus, allocator);
        var domain = driver.CreateDomain();
        var device = driver.GetDevice("vic");
        domain.Attach(device);
        domain.Map(0x1000_0000, 0, 0x4000, ReadWrite);
        driver.Dispose();
        device.Domain.ShouldBeNull();
        _bus.Calls.TakeLast(3).ShouldBe(["W 004 00000000", "W 010 00000000", "R 01c"]);

        _bus.Calls.Clear();
        driver.Dispose();
        Should.Throw<ObjectDisposedException>(() => domain.Attach(device));
        device.Domain.ShouldBeNull();
        domain.Dispose();
        allocator.Outstanding.ShouldBe(0);
        _bus.Calls.ShouldNotContain(call => call.StartsWith('W'));
    }

    /// <summary>The group of the CPU and the walker's own have no ASID register; the one in Linux writes to offset 0 for them.</summary>
    [Fact]
    public void Nothing_is_ever_written_to_the_interrupt_status_by_attaching()
    {
        foreach (string soc in (string[])["tegra30", "tegra114", "tegra124", "tegra210"])
        {
            var driver = Make(soc, pool: soc is "tegra30" or "tegra114" ? 0x8000_0000 : Pool);
            using var domain = driver.CreateDomain();
            foreach (var device in driver.Devices)
            {
                domain.Attach(device);
            }
        }

        _bus.Calls.ShouldNotContain(call => call.StartsWith("W 000") || call.StartsWith("R 000"));
    }

    [Fact]
    public void A_fault_is_decoded_acknowledged_and_reported_to_its_domain()
    {
        var driver = Make("tegra210");
        using var domain = driver.CreateDomain();
        domain.Attach(driver.GetDevice("sdmmc1a"));
        var faults = new List<IommuFault>();
        var stray = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        driver.StrayFaultHandler = stray.Add;

        // A write of client 0x64 (sdmmcwa) to a read-only page; an interrupt that is masked stays.
        _bus.Registers[0x000] = (1 << 10) | (1 << 9);
        _bus.Registers[0x008] = (6u << 28) | (1u << 27) | (1u << 25) | (1u << 16) | 0x64;
        _bus.Registers[0x00c] = 0x1234_5678;
        _bus.Calls.Clear();
        driver.HandleInterrupt();
        _bus.Calls.ShouldBe(["R 000", "R 008", "R 00c", "W 000 00000400", "R 000"]);
        faults.ShouldBe([new IommuFault("sdmmcwa", 0x1234_5678, IsWrite: true, IsSecure: false, Protection.Read, "SMMU translation error")]);
        faults[0].ToString().ShouldBe("sdmmcwa: write @0x12345678: SMMU translation error (granted: Read)");

        // A client in no domain, above 4 GiB, secure.
        _bus.Registers[0x000] = 1 << 6;
        _bus.Registers[0x008] = (2u << 28) | (2u << 20) | (1u << 17) | 0x1f;
        driver.HandleInterrupt();
        stray.ShouldBe([new IommuFault("satar", 0x2_1234_5678, IsWrite: false, IsSecure: true, Protection.None, "EMEM address decode error")]);

        _bus.Registers[0x000] = 0;
        _bus.Calls.Clear();
        driver.HandleInterrupt();
        _bus.Calls.ShouldBe(["R 000"]);
    }

    private uint Entry(ulong address) => BitConverter.ToUInt32(_memory.CpuView.Span(address, 4));

    private PageAllocator Allocator(ulong pool) => new(_memory.CpuView, pool, 1 << 20);

    private TegraSmmuDriver Make(string soc, TegraDriverOptions? options = null, BusLog? ahb = null, ulong pool = Pool) =>
        new(TegraSoc.All.Single(candidate => candidate.Name == soc), _bus, _bus, Allocator(pool), options, ahb ?? new BusLog());

    private IommuDomain MakeAttached(
        string soc, SyncPolicy policy, TegraDriverOptions? options = null, ulong pool = Pool, TableRelease? release = null)
    {
        var driver = Make(soc, options, pool: pool);
        var domain = driver.CreateDomain(new DomainOptions { Policy = policy, Release = release });
        domain.Attach(driver.Devices[0]);
        _bus.Calls.Clear();
        return domain;
    }
}
