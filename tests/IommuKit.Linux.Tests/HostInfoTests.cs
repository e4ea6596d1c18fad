using System.Diagnostics;
using IommuKit.Linux.Host;
using IommuKit.Linux.Tests.Support;

namespace IommuKit.Linux.Tests;

/// <summary>What a host's files say, for each kind of IOMMU; values are those of real machines and of the architectures' specifications.</summary>
public sealed class HostInfoTests : IDisposable
{
    private readonly FakeHost _host = FakeHost.Create();

    public void Dispose() => _host.Dispose();

    [LinuxFact]
    public void A_machine_with_nothing_has_nothing()
    {
        var info = HostInfo.Read(_host);
        info.Iommus.ShouldBeEmpty();
        info.Groups.ShouldBeEmpty();
        info.Kernel.ShouldBeNull();
        info.Processors.ShouldBe(0);
        info.Vfio.HasContainers.ShouldBeFalse();
        info.Vfio.MemoryLockLimit.ShouldBeNull();
    }

    [LinuxFact]
    public void The_machine_is_described()
    {
        _host.Put("/proc/sys/kernel/osrelease", "6.12.95\n");
        _host.Put("/proc/cmdline", "root=/dev/sda1 iommu.strict=1\n");
        _host.Put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor lahf_lm\n");
        _host.Put("/sys/class/dmi/id/sys_vendor", "LENOVO\n");
        _host.Put("/sys/class/dmi/id/product_name", "20Y7S0E600\n");
        _host.Put("/sys/devices/system/cpu/online", "0-3,6\n");
        _host.Put("/proc/self/limits", "Limit                     Soft Limit           Hard Limit           Units     \nMax locked memory         8388608              unlimited            bytes     \n");
        var info = HostInfo.Read(_host);
        info.Kernel.ShouldBe("6.12.95");
        info.CommandLine.ShouldBe("root=/dev/sda1 iommu.strict=1");
        info.Machine.ShouldBe("LENOVO 20Y7S0E600");
        info.IsVirtual.ShouldBeTrue();
        info.Processors.ShouldBe(5);
        info.Vfio.MemoryLockLimit.ShouldBe(8388608ul);
        info.Vfio.IsAboveMemoryLockLimit.ShouldBeFalse();
    }

    [LinuxFact]
    public void Vt_d_shows_what_its_capability_registers_say()
    {
        // QEMU's, caching mode off: 39-bit IOVAs, pages of 2 MiB and 1 GiB; queue, device TLBs no, interrupt remapping.
        _host.Put("/sys/class/iommu/dmar0/intel-iommu/cap", "d2008c22260206\n");
        _host.Put("/sys/class/iommu/dmar0/intel-iommu/ecap", "f00f5a\n");
        Iommu("dmar0", "0000:00:03.0");
        Iommu("dmar10");
        _host.Put("/sys/class/iommu/dmar2/intel-iommu/cap", "not a number\n");
        var info = HostInfo.Read(_host);
        info.Iommus.Select(iommu => iommu.Name).ShouldBe(["dmar0", "dmar2", "dmar10"]);
        var iommu = info.Iommus[0];
        iommu.Kind.ShouldBe("VT-d");
        iommu.InputBits.ShouldBe(39);
        iommu.PageSizes.ShouldBe((1ul << 12) | (1ul << 21) | (1ul << 30));
        iommu.Features.ShouldBe(["flushes of pages", "invalidation queue", "interrupt remapping", "pass-through"], ignoreOrder: true);
        iommu.Devices.ShouldBe(1);
        info.Iommus[1].Kind.ShouldBe("VT-d");
        info.Iommus[1].InputBits.ShouldBeNull();
        info.Iommus[2].Kind.ShouldBeNull();
    }

    [LinuxFact]
    public void Amd_vi_shows_its_extended_features()
    {
        // HATS 10b: six levels. Newer kernels print a second register behind.
        _host.Put("/sys/class/iommu/ivhd0/amd-iommu/features", "841:0\n");
        _host.Put("/sys/class/iommu/ivhd1/amd-iommu/features", "58f77ef22294ade\n");
        var info = HostInfo.Read(_host);
        info.Iommus.Select(iommu => iommu.Kind).ShouldBe(["AMD-Vi", "AMD-Vi"]);
        info.Iommus[0].InputBits.ShouldBe(64);
        info.Iommus[0].Features.ShouldBe(["flush of everything"]);
        (info.Iommus[0].PageSizes & 0xfff).ShouldBe(0ul);
        (info.Iommus[0].PageSizes >> 39 & 1).ShouldBe(0ul);
        info.Iommus[1].Features.ShouldContain("guest tables (PASIDs)");
    }

    [LinuxFact]
    public void Other_kinds_are_told_by_name_or_driver()
    {
        _host.Put("/sys/class/iommu/smmu3.0x0000000009050000/uevent", "");
        _host.Put("/sys/class/iommu/smmu.0x0000000012c00000/uevent", "");
        _host.Put("/sys/class/iommu/0000:00:05.0/uevent", "");
        _host.Link("/sys/class/iommu/0000:00:05.0/device/driver", "../../bus/virtio/drivers/virtio_iommu");
        _host.Link("/sys/class/iommu/other/device/driver", "../../bus/platform/drivers/new-iommu");
        HostInfo.Read(_host).Iommus.ToDictionary(iommu => iommu.Name, iommu => iommu.Kind).ShouldBe(
            new Dictionary<string, string?>
            {
                ["0000:00:05.0"] = "virtio-iommu",
                ["other"] = "new-iommu",
                ["smmu.0x0000000012c00000"] = "SMMUv2",
                ["smmu3.0x0000000009050000"] = "SMMUv3",
            },
            ignoreOrder: true);
    }

    [LinuxFact]
    public void Groups_have_their_type_devices_and_reserved_regions()
    {
        Device(5, "0000:00:03.0", 0x010802, "nvme");
        Device(5, "0000:00:1c.0", 0x060400, "pcieport");
        _host.Put("/sys/kernel/iommu_groups/5/type", "DMA-FQ\n");
        _host.Put(
            "/sys/kernel/iommu_groups/5/reserved_regions",
            "0x00000000fee00000 0x00000000feefffff msi\nnonsense\n0x2000 0x1000 reserved\n0x00000000bdf00000 0x00000000bdffffff direct\n");
        _host.Put("/sys/kernel/iommu_groups/not-a-group/type", "DMA\n");
        var group = HostInfo.Read(_host).Groups.Single();
        group.Number.ShouldBe(5);
        group.Mode.ShouldBe(DomainMode.Lazy);
        group.ReservedRegions.ShouldBe(
            [new ReservedRegion(0xfee00000, 0xfeefffff, "msi"), new ReservedRegion(0xbdf00000, 0xbdffffff, "direct")]);
        group.Devices.Select(device => device.Name).ShouldBe(["0000:00:03.0", "0000:00:1c.0"]);
        group.Devices.Select(device => device.Driver).ShouldBe(["nvme", "pcieport"]);
        group.Devices.Select(device => device.IsBridge).ShouldBe([false, true]);
        group.Devices[0].Bus.ShouldBe("pci");
        group.Devices[0].PciClass.ShouldBe(0x010802u);
    }

    [LinuxFact]
    public void To_use_a_device_all_of_its_group_but_bridges_go_to_vfio()
    {
        Device(5, "0000:00:03.0", 0x010802, "nvme");
        Device(5, "0000:00:03.1", 0x020000, null);
        Device(5, "0000:00:1c.0", 0x060400, "pcieport");
        var access = Access();
        access.State.ShouldBe(GroupState.InUse);
        access.Commands.ShouldBe(
        [
            "modprobe vfio-pci",
            "echo vfio-pci > /sys/bus/pci/devices/0000:00:03.0/driver_override",
            "echo 0000:00:03.0 > /sys/bus/pci/devices/0000:00:03.0/driver/unbind",
            "echo 0000:00:03.0 > /sys/bus/pci/drivers_probe",
            "echo vfio-pci > /sys/bus/pci/devices/0000:00:03.1/driver_override",
            "echo 0000:00:03.1 > /sys/bus/pci/drivers_probe",
        ]);
        access.Dangers[0].ShouldBe(
            "0000:00:03.0 is taken from its driver nvme while it runs: file systems on its disks are gone at once, and what was not written is lost");
        access.Dangers.Count.ShouldBe(2);
        access.UndoCommands.Count.ShouldBe(6);
    }

    [LinuxFact]
    public void A_device_with_vfio_is_ready_and_one_with_memory_that_is_mapped_for_it_is_refused()
    {
        Device(5, "0000:00:03.0", 0x010802, "vfio-pci");
        Access().State.ShouldBe(GroupState.Ready);
        Access().Commands.ShouldBeEmpty();
        Access().UndoCommands.Count.ShouldBe(3);
        _host.Put("/sys/kernel/iommu_groups/5/reserved_regions", "0xbdf00000 0xbdffffff direct\n");
        Access().State.ShouldBe(GroupState.Refused);
        _host.Put("/sys/kernel/iommu_groups/5/reserved_regions", "0xbdf00000 0xbdffffff direct-relaxable\n");
        Access().State.ShouldBe(GroupState.Ready);
    }

    [LinuxFact]
    public void Names_that_are_no_device_of_pci_never_get_into_a_command()
    {
        foreach (string name in (string[])["0000:00:03.0;reboot", "0000:00:0`x`.0", "$(reboot)", "fd000000.usb", "0000:00:03.0\nreboot", "00:03.0"])
        {
            using var host = FakeHost.Create();
            host.Put($"/sys/kernel/iommu_groups/0/devices/{name}/class", "0x010802\n");
            var info = HostInfo.Read(host);
            var access = GroupAccess.Of(info, info.Groups.Single());
            access.State.ShouldBe(GroupState.NotPci);
            access.Commands.ShouldBeEmpty();
            access.UndoCommands.ShouldBeEmpty();
        }
    }

    [LinuxFact]
    public void Vfio_and_iommufd_are_found_with_their_limits()
    {
        _host.Put("/dev/vfio/vfio", "");
        _host.Put("/dev/vfio/devices/vfio0", "");
        _host.Put("/dev/iommu", "");
        _host.Put("/sys/bus/pci/drivers/vfio-pci/bind", "");
        _host.Put("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n");
        _host.Put("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "Y\n");
        _host.Put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
        _host.Put("/proc/self/status", "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000004000\n");
        var vfio = HostInfo.Read(_host).Vfio;
        vfio.HasContainers.ShouldBeTrue();
        vfio.HasIommufd.ShouldBeTrue();
        vfio.DeviceNodes.ShouldBe(1);
        vfio.HasPciDriver.ShouldBeTrue();
        vfio.MappingLimit.ShouldBe(65535);
        vfio.AllowsUnsafeInterrupts.ShouldBe(true);
        vfio.AllowsNoIommu.ShouldBe(false);
        vfio.IsAboveMemoryLockLimit.ShouldBeTrue();
    }

    [LinuxFact]
    public void Hostile_files_are_bounded()
    {
        _host.Put("/sys/kernel/iommu_groups/0/type", new string('x', 1 << 22));
        _host.Put("/sys/kernel/iommu_groups/0/reserved_regions", string.Concat(Enumerable.Repeat("0x1000 0x1fff msi\n", 1 << 16)));
        _host.Link("/sys/kernel/iommu_groups/1", "1");
        _host.Link("/sys/kernel/iommu_groups/2/devices/a", "../devices/b");
        _host.Link("/sys/kernel/iommu_groups/2/devices/b", "../devices/a");
        _host.Link("/sys/kernel/iommu_groups/2/devices/loop", "..");
        Directory.CreateDirectory(_host.PathOf("/sys/class/iommu/dmar0/intel-iommu"));
        using (var made = Process.Start("mkfifo", [_host.PathOf("/sys/class/iommu/dmar0/intel-iommu/cap")]))
        {
            made.WaitForExit();
        }

        var info = HostInfo.Read(_host);
        info.Groups.Select(group => group.Number).ShouldBe([0, 1, 2]);
        info.Groups[0].Type!.Length.ShouldBe(4096);
        info.Groups[0].Mode.ShouldBe(DomainMode.Unknown);
        info.Groups[0].ReservedRegions.Count.ShouldBe(256);
        info.Groups[1].Devices.ShouldBeEmpty();
        info.Groups[2].Devices.Select(device => device.Driver).ShouldBe([null, null, null]);
        info.Iommus.Single().InputBits.ShouldBeNull();
    }

    [LinuxFact]
    public void Devices_that_get_a_group_with_a_driver_are_told_with_the_commands()
    {
        // As Linux 6.1 on QEMU's "virt" with an SMMUv3: of the device tree a device is in no group before it is with a driver.
        Iommu("smmu3.0x0000000009050000", "0000:00:02.0");
        Device(0, "0000:00:02.0", 0x010802, "nvme");
        foreach (var (name, code) in ((string, string)[])
            [("0000:00:00.0", "0x060000"), ("0000:00:01.0", "0x00ff00"), ("0000:00:02.0", "0x010802"), ("0000:00:05.0", "0x080600")])
        {
            _host.Put($"/sys/devices/pci0000:00/{name}/class", $"{code}\n");
            _host.Link($"/sys/bus/pci/devices/{name}", $"../../../devices/pci0000:00/{name}");
        }

        _host.Link("/sys/devices/pci0000:00/0000:00:02.0/iommu_group", "../../../kernel/iommu_groups/0");
        var info = HostInfo.Read(_host);
        var device = info.UngroupedDevices.ShouldHaveSingleItem();
        device.Name.ShouldBe("0000:00:01.0");
        var access = GroupAccess.OfUngrouped(info, device);
        access.Group.Number.ShouldBe(HostGroup.NoNumber);
        access.State.ShouldBe(GroupState.Unbound);
        access.Commands.ShouldBe(
        [
            "modprobe vfio-pci",
            "echo vfio-pci > /sys/bus/pci/devices/0000:00:01.0/driver_override",
            "echo 0000:00:01.0 > /sys/bus/pci/drivers_probe",
        ]);

        // Without any IOMMU no driver would change it.
        _host.Remove("/sys/class/iommu");
        HostInfo.Read(_host).UngroupedDevices.ShouldBeEmpty();
    }

    private GroupAccess Access()
    {
        var info = HostInfo.Read(_host);
        return GroupAccess.Of(info, info.Groups.Single());
    }

    private void Iommu(string name, params string[] devices)
    {
        Directory.CreateDirectory(_host.PathOf($"/sys/class/iommu/{name}/devices"));
        foreach (string device in devices)
        {
            _host.Link($"/sys/class/iommu/{name}/devices/{device}", $"../../../../devices/{device}");
        }
    }

    private void Device(int group, string name, uint code, string? driver)
    {
        string path = $"/sys/devices/pci0000:00/{name}";
        _host.Put($"{path}/class", $"0x{code:x6}\n");
        _host.Link($"{path}/subsystem", "../../../bus/pci");
        if (driver is not null)
        {
            _host.Link($"{path}/driver", $"../../../bus/pci/drivers/{driver}");
        }

        _host.Link($"/sys/kernel/iommu_groups/{group}/devices/{name}", $"../../../../devices/pci0000:00/{name}");
    }
}
