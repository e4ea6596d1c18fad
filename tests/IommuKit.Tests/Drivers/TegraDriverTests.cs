using System.Globalization;
using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Drivers;

/// <summary>Initialisation, devices, domains and faults of the Tegra driver, access by access.</summary>
public sealed class TegraDriverTests : TegraDriverFixture
{
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
        Bus.Calls.ShouldBe(
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
        Bus.Registers[0xaa4] = 0x0000_7f00;
        Bus.Registers[0x230] = 0x8000_0000;
        Bus.Calls.Clear();
        domain.Attach(driver.GetDevice("isp2b"));

        // Clients 0x4e, 0x50 and 0x51: bits 14, 16 and 17 of the third enable register.
        Bus.Calls.ShouldBe(
        [
            "C 100000000 4096", "B",
            "W 9b8 00000001", "W 034 00000001", "W 030 80000000", "W 01c 00000000", "W 020 e0100000", "R 01c",
            "R aa4", "W aa4 80007f00",
            "R 230", "W 230 80004000", "R 230", "W 230 80014000", "R 230", "W 230 80034000", "R 01c",
        ]);

        Bus.Calls.Clear();
        domain.Detach(driver.GetDevice("isp2b"));
        Bus.Calls.ShouldBe(
        [
            "R aa4", "W aa4 00007f00",
            "R 230", "W 230 80030000", "R 230", "W 230 80020000", "R 230", "W 230 80000000", "R 01c",
            "W 01c 00000000", "W 020 00000000", "W 034 00000000", "W 030 80000000", "R 01c",
        ]);
    }

    /// <summary>
    /// To load a root the driver in Linux drops the first line of it, and nothing of anybody else's. The calls are what that driver does, up to the
    /// device's own registers.
    /// </summary>
    [Theory]
    [InlineData(
        "tegra30",
        0x1000_0000,
        new[] { "C 10000000 4096", "B", "W 034 10000001", "W 030 80000000", "W 01c 00000000", "W 020 e0010000", "R 01c" })]
    [InlineData(
        "tegra210",
        0x1_0000_0000,
        new[] { "C 100000000 4096", "B", "W 9b8 00000001", "W 034 00000001", "W 030 80000000", "W 01c 00000000", "W 020 e0100000", "R 01c" })]
    public void An_empty_domain_is_loaded_as_linux_does(string soc, ulong pool, string[] calls)
    {
        var driver = Make(soc, pool: pool);
        using var domain = driver.CreateDomain();
        Bus.Calls.Clear();
        domain.Attach(driver.GetDevice("hc"));
        Bus.Calls.Take(calls.Length).ShouldBe(calls);
    }

    /// <summary>
    /// Nobody flushes what is stored while no device is attached, and memory for tables may have lines of before in the page-table cache.
    /// </summary>
    [Fact]
    public void A_domain_that_changed_without_a_device_is_loaded_with_the_whole_page_table_cache_dropped()
    {
        var driver = Make("tegra210");
        using var domain = driver.CreateDomain(new DomainOptions { Policy = SyncPolicy.Gather });
        var device = driver.GetDevice("hc");
        AttachDropsAll().ShouldBeFalse("empty");
        domain.Map(0x1000_0000, 0, 0x4000, ReadWrite);
        domain.Detach(device);
        AttachDropsAll().ShouldBeFalse("mapped while attached");
        domain.Detach(device);
        domain.Map(0x2000_0000, 0, 0x4000, ReadWrite);
        AttachDropsAll().ShouldBeTrue("mapped without a device");
        domain.Detach(device);
        AttachDropsAll().ShouldBeFalse("made up for");
        domain.Detach(device);
        domain.Unmap(0x2000_0000, 0x4000);
        AttachDropsAll().ShouldBeTrue("unmapped without a device");

        bool AttachDropsAll()
        {
            Bus.Calls.Clear();
            domain.Attach(device);
            return Bus.Calls.Contains("W 034 00000000");
        }
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
        Bus.Calls.Clear();
        domains[4].Attach(device);
        Bus.Calls.ShouldContain("W 01c 00000002");
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
        Bus.Calls.Clear();
        domain.Attach(driver.GetDevice("dc"));
        Bus.Calls.ShouldNotContain("W 034 00000000");
        domain.Devices.Select(device => device.Name).ShouldBe(["vic", "dc"]);

        Should.Throw<IommuException>(() => second.Attach(driver.GetDevice("vic"))).Error.ShouldBe(IommuError.EBUSY);
        Should.Throw<IommuException>(() => second.Attach(other.GetDevice("vi"))).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => second.Detach(driver.GetDevice("vic"))).Error.ShouldBe(IommuError.EINVAL);
        Should.Throw<IommuException>(() => driver.GetDevice("nonsense")).Error.ShouldBe(IommuError.ENOENT);

        Bus.Calls.Clear();
        domain.Detach(driver.GetDevice("vic"));
        Bus.Calls.ShouldNotContain("W 034 00000000");
        domain.Detach(driver.GetDevice("dc"));
        Bus.Calls.ShouldContain("W 034 00000000");
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
        Should.Throw<ArgumentException>(() => Make("tegra210", options: new TegraDriverOptions { SectionThreshold = -1 }));
        Should.Throw<ArgumentException>(() => Make("tegra210", options: new TegraDriverOptions { AsidThreshold = -1 }));
        Should.Throw<ArgumentException>(() => new TegraSmmuDriver(TegraSoc.Tegra30, Bus, Bus, Allocator(Pool)));
    }

    [Fact]
    public void A_domain_that_cannot_be_made_leaves_no_table_behind()
    {
        var allocator = Allocator(Pool);
        var driver = new TegraSmmuDriver(TegraSoc.Tegra210, Bus, Bus, allocator);
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
        var driver = new TegraSmmuDriver(TegraSoc.Tegra210, Bus, Bus, allocator);
        var domain = driver.CreateDomain();
        var device = driver.GetDevice("vic");
        domain.Attach(device);
        domain.Map(0x1000_0000, 0, 0x4000, ReadWrite);
        driver.Dispose();
        device.Domain.ShouldBeNull();
        Bus.Calls.TakeLast(3).ShouldBe(["W 004 00000000", "W 010 00000000", "R 01c"]);

        Bus.Calls.Clear();
        driver.Dispose();
        Should.Throw<ObjectDisposedException>(() => domain.Attach(device));
        device.Domain.ShouldBeNull();
        domain.Dispose();
        allocator.Outstanding.ShouldBe(0);
        Bus.Calls.ShouldNotContain(call => call.StartsWith('W'));
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

        Bus.Calls.ShouldNotContain(call => call.StartsWith("W 000") || call.StartsWith("R 000"));
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
        Bus.Registers[0x000] = (1 << 10) | (1 << 9);
        Bus.Registers[0x008] = (6u << 28) | (1u << 27) | (1u << 25) | (1u << 16) | 0x64;
        Bus.Registers[0x00c] = 0x1234_5678;
        Bus.Calls.Clear();
        driver.HandleInterrupt();
        Bus.Calls.ShouldBe(["R 000", "R 008", "R 00c", "W 000 00000400", "R 000"]);
        faults.ShouldBe([new IommuFault("sdmmcwa", 0x1234_5678, IsWrite: true, IsSecure: false, Protection.Read, "SMMU translation error")]);
        faults[0].ToString().ShouldBe("sdmmcwa: write @0x12345678: SMMU translation error (granted: Read)");

        // A client in no domain, above 4 GiB, secure.
        Bus.Registers[0x000] = 1 << 6;
        Bus.Registers[0x008] = (2u << 28) | (2u << 20) | (1u << 17) | 0x1f;
        driver.HandleInterrupt();
        stray.ShouldBe([new IommuFault("satar", 0x2_1234_5678, IsWrite: false, IsSecure: true, Protection.None, "EMEM address decode error")]);

        Bus.Registers[0x000] = 0;
        Bus.Calls.Clear();
        driver.HandleInterrupt();
        Bus.Calls.ShouldBe(["R 000"]);
    }

    [Fact]
    public void A_handler_that_throws_does_not_keep_the_next_fault_away()
    {
        var driver = Make("tegra210");
        int calls = 0;
        driver.StrayFaultHandler = _ =>
        {
            if (++calls == 1)
            {
                throw new TimeoutException("The log is full.");
            }
        };

        Bus.Registers[0x000] = 1 << 10;
        Should.Throw<TimeoutException>(driver.HandleInterrupt);
        Bus.Registers[0x000] = 1 << 10;
        driver.HandleInterrupt();
        calls.ShouldBe(2);
    }

    [Fact]
    public void A_device_that_goes_from_domain_to_domain_never_passes_untranslated()
    {
        using var driver = Make("tegra124");
        var device = (TegraSwgroupDevice)driver.GetDevice("hc");
        string write = string.Create(CultureInfo.InvariantCulture, $"W {device.Swgroup.AsidRegister:x3} ");
        using var first = driver.CreateDomain();
        using var second = driver.CreateDomain();
        first.Attach(device);
        Bus.Calls.Clear();

        second.Replace(device);
        driver.BlockedDomain.Replace(device);
        first.Replace(device);

        // Each is one write, with the bit that switches translation on.
        string[] writes = [.. Bus.Calls.Where(call => call.StartsWith(write, StringComparison.Ordinal))];
        writes.Length.ShouldBe(3);
        writes.ShouldAllBe(call => call[write.Length] == '8');
        Bus.Calls.Clear();
        driver.IdentityDomain.Replace(device);
        Bus.Calls.Last(call => call.StartsWith(write, StringComparison.Ordinal))[write.Length].ShouldBe('0');
    }
}
