using IommuKit.Linux.Tests.Support;
using IommuKit.Linux.Vfio;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Without what it takes, each failure is one line with a remedy.</summary>
public sealed class RefusalTests : IDisposable
{
    private const string Device = "0000:00:04.0";

    private readonly FakeHost _host = FakeHost.Create();

    public void Dispose() => _host.Dispose();

    [Fact]
    public void Without_such_a_device() => Refused(HostBackEnd.PreferIommufd, HostProblem.Unavailable, "host info");

    [Fact]
    public void With_another_driver()
    {
        AddDevice("nvme");
        Refused(HostBackEnd.PreferIommufd, HostProblem.Unavailable, $"iommukit host info {Device}");
    }

    [Fact]
    public void With_no_driver_and_no_group_before_there_is_one()
    {
        _host.Put("/sys/class/iommu/smmu3.0x0000000009050000/uevent", string.Empty);
        _host.Put($"/sys/bus/pci/devices/{Device}/class", "0x00ff00\n");
        Refused(HostBackEnd.PreferIommufd, HostProblem.Unavailable, $"iommukit host info {Device}");
        Should.Throw<HostException>(() => VfioHost.Open(_host, [Device], HostBackEnd.PreferIommufd)).Message.ShouldNotContain("switch the IOMMU on");
    }

    [Fact]
    public void Without_containers()
    {
        AddDevice("vfio-pci");
        Refused(HostBackEnd.LegacyOnly, HostProblem.Unavailable, "modprobe vfio-pci");
    }

    [Fact]
    public void Without_iommufd()
    {
        AddDevice("vfio-pci");
        Refused(HostBackEnd.IommufdOnly, HostProblem.Unavailable, "modprobe iommufd");
    }

    [Fact]
    public void With_a_container_that_is_none()
    {
        AddDevice("vfio-pci");
        _host.Put("/dev/vfio/vfio", "not a device");
        Refused(HostBackEnd.LegacyOnly, HostProblem.Unavailable, "modprobe vfio_iommu_type1");
    }

    [Fact]
    public void On_this_machine_where_there_is_none()
    {
        if (File.Exists("/dev/vfio/vfio") || !OperatingSystem.IsLinux())
        {
            return;
        }

        Should.Throw<HostException>(() => VfioHost.Open(["0000:ff:1f.7"])).Message.ShouldContain("host info");
    }

    [Fact]
    public void With_a_limit_that_type_1_does_not_count_by()
    {
        AddDevice("vfio-pci");
        var options = new VfioHostOptions { BackEnd = HostBackEnd.LegacyOnly, LockLimit = HostLockLimit.OfUser };
        var refusal = Should.Throw<HostException>(() => VfioHost.Open(_host, [Device], options));
        refusal.Problem.ShouldBe(HostProblem.Unavailable);
        refusal.Message.ShouldContain("IommufdOnly");
    }

    [Fact]
    public void With_an_iommufd_that_is_none()
    {
        AddDevice("vfio-pci");
        _host.Put("/dev/iommu", "not a device");
        var options = new VfioHostOptions { BackEnd = HostBackEnd.IommufdOnly, LockLimit = HostLockLimit.OfProcess };
        Should.Throw<HostException>(() => VfioHost.Open(_host, [Device], options)).Message.ShouldContain("counts locked memory");
    }

    [Theory]
    [InlineData(1, HostProblem.Permission, "CAP_SYS_RESOURCE")]
    [InlineData(13, HostProblem.Permission, "ulimit -l")]
    [InlineData(16, HostProblem.Failed, "the kernel says")]
    public void Limits_that_cannot_be_chosen(int errno, HostProblem problem, string expected)
    {
        var refusal = Remedies.NoLockLimit(errno);
        refusal.Problem.ShouldBe(problem);
        refusal.Message.ShouldContain(expected);
        refusal.Message.ShouldNotContain("\n");
    }

    [Theory]
    [InlineData(1, "/dev/vfio/7 may not be opened: run as root")]
    [InlineData(13, "may not be opened")]
    [InlineData(16, "in use by another program")]
    [InlineData(19, "given back")]
    [InlineData(5, "the kernel says")]
    public void Files_that_cannot_be_opened(int errno, string expected)
    {
        string message = Remedies.CannotOpen("/dev/vfio/7", errno).Message;
        message.ShouldContain(expected);
        message.ShouldNotContain("\n");
    }

    [Fact]
    public void Interrupts_that_are_not_remapped_name_the_module_that_minds()
    {
        foreach (string module in (string[])["vfio_iommu_type1", "iommufd"])
        {
            var refusal = Remedies.NoUnsafeInterrupts(module);
            refusal.Problem.ShouldBe(HostProblem.Permission);
            refusal.Message.ShouldEndWith($"echo 1 > /sys/module/{module}/parameters/allow_unsafe_interrupts");
        }
    }

    [Fact]
    public void What_iommufd_does_not_permit_is_the_group_where_a_driver_shares_it()
    {
        // The kernel says EPERM for both: to let interrupts go unmapped would help nobody here, and endanger all.
        AddDevice("vfio-pci");
        VfioNodes.NotPermitted(_host, Device, 5).Message.ShouldContain("allow_unsafe_interrupts");
        _host.Put("/sys/devices/pci0000:00/0000:00:05.0/class", "0x070002\n");
        _host.Link("/sys/devices/pci0000:00/0000:00:05.0/driver", "../../../bus/pci/drivers/serial");
        _host.Link("/sys/kernel/iommu_groups/5/devices/0000:00:05.0", "../../../../devices/pci0000:00/0000:00:05.0");
        string message = VfioNodes.NotPermitted(_host, Device, 5).Message;
        message.ShouldContain("other devices of its group 5");
        message.ShouldNotContain("allow_unsafe_interrupts");
    }

    [Theory]
    [InlineData(12, "ulimit -l")]
    [InlineData(28, "dma_entry_limit")]
    [InlineData(14, "pinned")]
    [InlineData(17, "mapped there already")]
    [InlineData(22, "windows")]
    [InlineData(1, "no more than the mapping")]
    [InlineData(19, "wake")]
    public void Maps_that_are_refused(int errno, string expected) => Remedies.OfMap(Errno.ToIommu(errno)).ShouldNotBeNull().ShouldContain(expected);

    [Fact]
    public void Whatever_the_kernel_says_there_is_something_to_do()
    {
        for (int errno = 1; errno <= 133; errno++)
        {
            string message = Remedies.Failed("it cannot be done", errno).Message;
            message.ShouldStartWith("it cannot be done: the kernel says \"");
            message[(message.LastIndexOf('"') + 1)..].ShouldMatch("^; [a-z].{7}");
            message.ShouldNotContain("\n");
            Remedies.OfMap(Errno.ToIommu(errno)).ShouldNotBeNull($"errno {errno}").ShouldNotContain("\n");
        }

        Remedies.Failed("it", 24).Message.ShouldContain("ulimit -n");
        Remedies.Failed("it", 12).Message.ShouldContain("ulimit -l");
        Remedies.Failed("it", 16, "do this").Message.ShouldEndWith("; do this");
        Remedies.Failed("it", 1).Problem.ShouldBe(HostProblem.Permission);
        Remedies.Failed("it", 25).Problem.ShouldBe(HostProblem.Unavailable);
        Remedies.Failed("it", 5).Problem.ShouldBe(HostProblem.Failed);
    }

    [Fact]
    public void Regions_that_cannot_be_mapped_have_a_problem_of_their_own_and_another_way()
    {
        var refusal = Remedies.NotMappable("region 0 of 0000:00:04.0", "as it is one of ports");
        refusal.Problem.ShouldBe(HostProblem.NotMappable);
        refusal.Message.ShouldContain("ReadRegion");
        refusal.Message.ShouldNotContain("\n");
    }

    [LinuxFact]
    public void A_region_that_the_kernel_refuses_to_map_is_one_that_cannot_be_mapped()
    {
        // Not at a page's beginning: the kernel's number is that of a region with a table of interrupts in it.
        using var none = HostFile.Create(4096);
        Should.Throw<HostException>(() => new VfioRegion(none.Handle, 1, 4096, "region 2", _ => { })).Problem.ShouldBe(HostProblem.NotMappable);
    }

    [LinuxFact]
    public void Pages_of_the_host_are_zeroed_apart_and_given_back()
    {
        var pages = new HostPages();
        var first = pages.Allocate(100);
        var second = pages.Allocate(100);
        first.Length.ShouldBe((ulong)Environment.SystemPageSize);
        (first.PhysicalAddress % (ulong)Environment.SystemPageSize).ShouldBe(0ul);
        second.PhysicalAddress.ShouldNotBe(first.PhysicalAddress);
        first.Span(0, 100).ToArray().ShouldAllBe(value => value == 0);
        first.Span(0, 100).Fill(7);
        second.Span(0, 100).ToArray().ShouldAllBe(value => value == 0);

        pages.Free(first);
        Should.Throw<ObjectDisposedException>(() => first.Span(0, 1).Length);
        Should.Throw<ArgumentException>(() => pages.Free(first));
        Should.Throw<IommuException>(() => pages.Allocate(0)).Error.ShouldBe(IommuError.EINVAL);
        pages.Free(second);
    }

    private void AddDevice(string driver)
    {
        _host.Put($"/sys/devices/pci0000:00/{Device}/class", "0x00ff00\n");
        _host.Link($"/sys/kernel/iommu_groups/5/devices/{Device}", $"../../../../devices/pci0000:00/{Device}");
        _host.Put($"/sys/bus/pci/drivers/{driver}/bind", string.Empty);
        _host.Link($"/sys/devices/pci0000:00/{Device}/driver", $"../../../bus/pci/drivers/{driver}");
    }

    private void Refused(HostBackEnd backEnd, HostProblem problem, string expected)
    {
        var refusal = Should.Throw<HostException>(() => VfioHost.Open(_host, [Device], backEnd));
        refusal.Problem.ShouldBe(problem);
        refusal.Message.ShouldContain(expected);
        refusal.Message.ShouldNotContain("\n");
    }
}
