using IommuKit.Linux.Tests.Support;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>What a domain of the host asks the kernel for, and what it says is mapped.</summary>
public sealed class HostDomainTests : IDisposable
{
    private const ulong Page = 4096;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly FakeSpace _space = new();
    private readonly FakeIommu _host;
    private readonly HostDomain _domain;

    public HostDomainTests()
    {
        var windows = new HostWindows(Page, [(0, (1ul << 39) - 1)]);
        _host = new FakeIommu((host, options) => new HostDomain(host, windows, options, _space));
        _domain = (HostDomain)_host.CreateDomain();
    }

    public void Dispose() => _host.Dispose();

    [LinuxFact]
    public void Parts_of_a_file_are_mapped_by_where_they_are_in_it_and_each_goes_by_itself()
    {
        using var file = HostFile.Create(8 * Page);
        using var other = HostFile.Open(file.Handle);
        _domain.MapFile(0x10_0000, file, 2 * Page, 2 * Page, ReadWrite);

        // Once more the same part, by who has the file too, and the part that follows it, right behind the first.
        _domain.MapFile(0x20_0000, other, 2 * Page, 2 * Page, ReadWrite);
        _domain.MapFile(0x10_2000, file, 4 * Page, Page, Protection.Read);
        _space.Files.ShouldBe(
        [
            (0x10_0000, file.Handle, 2 * Page, 2 * Page), (0x20_0000, other.Handle, 2 * Page, 2 * Page), (0x10_2000, file.Handle, 4 * Page, Page),
        ]);
        _domain.IovaToPhysical(0x10_1000).ShouldBe(file.Address + (3 * Page));
        _domain.IovaToPhysical(0x20_1000).ShouldBe(other.Address + (3 * Page));
        _domain.TryFind(0x10_2000, out var third).ShouldBeTrue();
        third.Protection.ShouldBe(Protection.Read);

        // A part that is mapped twice goes once; neighbours stay.
        _domain.Unmap(0x10_0000, 2 * Page).ShouldBe(2 * Page);
        _space.Mapped.Keys.ShouldBe([0x10_2000ul, 0x20_0000ul]);
        _domain.IovaToPhysical(0x10_0000).ShouldBeNull();
        _domain.IovaToPhysical(0x10_2000).ShouldBe(file.Address + (4 * Page));
        _domain.IovaToPhysical(0x20_0000).ShouldBe(other.Address + (2 * Page));
        Should.Throw<IommuException>(() => _domain.MapFile(0x20_1000, file, 0, Page, ReadWrite)).Error.ShouldBe(IommuError.EEXIST);
        _space.Files.Count.ShouldBe(3);

        // What is mapped by addresses after a file was is not taken for a part of it.
        _domain.Map(0x30_0000, file.Address, Page, ReadWrite);
        _space.Maps.ShouldBe([(0x30_0000ul, file.Address, Page)]);
    }

    [LinuxFact]
    public void A_mapping_of_a_file_outlives_it_here()
    {
        var file = HostFile.Create(2 * Page);
        _domain.MapFile(0x10_0000, file, 0, 2 * Page, ReadWrite);
        file.Dispose();
        _domain.IovaToPhysical(0x10_1000).ShouldNotBeNull();
        Should.Throw<ObjectDisposedException>(() => _domain.MapFile(0x20_0000, file, 0, Page, ReadWrite));
        _domain.Unmap(0x10_0000, 2 * Page).ShouldBe(2 * Page);
        _space.Mapped.ShouldBeEmpty();
    }

    [LinuxFact]
    public void What_is_not_in_the_file_or_not_made_of_pages_is_refused_before_the_kernel_is_asked()
    {
        using var file = HostFile.Create(2 * Page);
        Should.Throw<ArgumentOutOfRangeException>(() => _domain.MapFile(0x10_0000, file, 3 * Page, Page, ReadWrite));
        Should.Throw<ArgumentOutOfRangeException>(() => _domain.MapFile(0x10_0000, file, Page, 2 * Page, ReadWrite));
        Should.Throw<IommuException>(() => _domain.MapFile(0x10_0000, file, 100, Page, ReadWrite)).Error.ShouldBe(IommuError.EINVAL);
        _space.Files.ShouldBeEmpty();
    }

    [LinuxFact]
    public void A_part_of_another_device_is_mapped_by_its_file()
    {
        using var file = HostFile.Create(4 * Page);
        int closings = 0;
        var region = new ExportedRegion(file.Handle, 1ul << 40, _ => closings++);
        _domain.MapRegion(0x10_0000, region, 3 * Page, 2 * Page, ReadWrite);
        _space.Files.ShouldBe([(0x10_0000, region.Handle, 3 * Page, 2 * Page)]);

        // Nothing of the process is behind it.
        ulong address = _domain.IovaToPhysical(0x10_1000).ShouldNotBeNull();
        System.Runtime.InteropServices.Marshal.ReadInt64((nint)address).ShouldBe(0);
        Should.Throw<ArgumentOutOfRangeException>(() => _domain.MapRegion(0x20_0000, region, 1ul << 40, Page, ReadWrite));

        // What is written there is gone with it, though no machine has so much memory.
        System.Runtime.InteropServices.Marshal.WriteInt64((nint)address, 1);
        region.Dispose();
        System.Runtime.InteropServices.Marshal.ReadInt64((nint)address).ShouldBe(0);
        closings.ShouldBe(1);
        Should.Throw<ObjectDisposedException>(() => _domain.MapRegion(0x20_0000, region, 0, Page, ReadWrite));
        _domain.Unmap(0x10_0000, 2 * Page).ShouldBe(2 * Page);
        _space.Mapped.ShouldBeEmpty();
    }

    [LinuxFact]
    public void A_kernel_that_exports_no_regions_is_named()
    {
        // A file that knows no such call answers as an older kernel's device does.
        using var file = HostFile.Create(Page);
        var refusal = Should.Throw<HostException>(() => ExportedRegion.Make(file.Handle, "region 0 of 0000:00:04.0", 0, 0, Page, _ => { }));
        refusal.Problem.ShouldBe(HostProblem.Unavailable);
        refusal.Message.ShouldContain("6.19");
        refusal.Message.ShouldNotContain("\n");
        foreach (int errno in (int[])[22, 95])
        {
            Remedies.NoExport("region 0", errno).Message.ShouldStartWith("region 0 cannot be exported");
        }

        Remedies.NoMapRegionByType1().Message.ShouldContain("IommufdOnly");
    }
}
