using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Specs.X86;

namespace IommuKit.Lab.Tests.Machines;

/// <summary>Whatever is disposed of first, what is used afterwards says so.</summary>
public class DisposalTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    public static TheoryData<SyncPolicy> Policies => new(Enum.GetValues<SyncPolicy>());

    [Theory, MemberData(nameof(Policies))]
    public void A_machine_takes_its_domains_with_it(SyncPolicy policy)
    {
        var machine = TegraMachine.Create(TegraSoc.Tegra210);
        var domain = machine.CreateDomain(new DomainOptions { Policy = policy });
        domain.Attach(machine.TestDevice);
        var dma = machine.CreateDma(machine.TestDevice);
        domain.Map(0x1000_0000, machine.DataStart, 0x4000, ReadWrite);
        domain.Flush();
        domain.Unmap(0x1000_0000, 0x1000);
        var memory = machine.Memory.DeviceView;
        machine.Dispose();
        machine.Dispose();
        ShouldBeGone(domain, machine.DataStart);
        Should.Throw<ObjectDisposedException>(() => domain.Attach(machine.TestDevice));
        Should.Throw<ObjectDisposedException>(() => machine.CreateDomain(new DomainOptions()));
        Should.Throw<ObjectDisposedException>(() => dma.Write(0x1000_1000, new byte[16]));
        Should.Throw<ObjectDisposedException>(() => dma.Read(0x1000_1000, new byte[16]));
        Should.Throw<ObjectDisposedException>(() => memory.TryRead(0, new byte[16]));
        domain.Dispose();
        domain.Dispose();
    }

    [Theory, MemberData(nameof(Policies))]
    public void Memory_may_go_before_a_software_domain(SyncPolicy policy)
    {
        var memory = new PhysicalMemory(1 << 20, isCoherent: false);
        var allocator = new PageAllocator(memory.CpuView, 0, memory.Length);
        var iommu = new SoftwareIommu<X86Format>(
            allocator, new SoftwareIommuOptions { InputBits = 48, OutputBits = 40, Cache = memory, Invalidated = _ => { } });
        var domain = iommu.CreateDomain(new DomainOptions { Policy = policy });
        domain.Map(0x1000, 0x1000, 0x4000, ReadWrite);
        domain.Unmap(0x2000, 0x1000);
        memory.Dispose();
        ShouldBeGone(domain, 0x1000);
        Should.Throw<ObjectDisposedException>(() => iommu.CreateDomain());
        domain.Dispose();
        iommu.Dispose();
        domain.Dispose();
    }

    [Fact]
    public void A_machine_may_go_while_threads_use_it()
    {
        for (int round = 0; round < 20; round++)
        {
            var machine = TegraMachine.Create(TegraSoc.Tegra210);
            var domain = machine.CreateDomain(new DomainOptions());
            domain.Attach(machine.TestDevice);
            using var started = new ManualResetEventSlim();
            var worker = Task.Factory.StartNew(
                () =>
                {
                    while (true)
                    {
                        domain.Map(0x1000_0000, machine.DataStart, 0x4000, ReadWrite);
                        domain.Unmap(0x1000_0000, 0x4000);
                        started.Set();
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            started.Wait();
            machine.Dispose();
            Should.Throw<Exception>(() => worker.GetAwaiter().GetResult())
                .ShouldBeAssignableTo<InvalidOperationException>("An ObjectDisposedException is one, and so is what a torn operation ends in.");
        }
    }

    [Fact]
    public void A_device_of_another_machine_is_refused()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        using var other = TegraMachine.Create(TegraSoc.Tegra210);
        using var domain = machine.CreateDomain(new DomainOptions());
        Should.Throw<ArgumentException>(() => machine.CreateDma(other.TestDevice));
        Should.Throw<IommuException>(() => domain.Attach(other.TestDevice)).Error.ShouldBe(IommuError.EINVAL);
    }

    [Fact]
    public void Options_are_checked_at_the_door()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        DomainOptions[] impossible =
        [
            new() { Clock = null! },
            new() { Policy = SyncPolicy.Deferred, DeferredCapacity = 2_000_000_000 },
            new() { DeferredCapacity = 0 },
            new() { Release = (TableRelease)9 },
            new() { Policy = (SyncPolicy)99 },
            new() { PageSizes = 1ul << 63 },
        ];
        foreach (var options in impossible)
        {
            Should.Throw<IommuException>(() => machine.CreateDomain(options)).Error.ShouldBe(IommuError.EINVAL);
        }

        using var domain = machine.CreateDomain(new DomainOptions());
        domain.TryMap(0x1000_0000, machine.DataStart, 0x1000, (Protection)64 | ReadWrite).ShouldBe(IommuError.EINVAL);
        domain.TryMap(0x1000_0000, machine.DataStart, 0x1000, (Protection)(-1)).ShouldBe(IommuError.EINVAL);
        domain.TryMapScatterGather(0x1000_0000, [new(0, 0x1000), new(0x4000, 0x1000)], (Protection)0x100 | ReadWrite, out _)
            .ShouldBe(IommuError.EINVAL);
        foreach (var (input, output) in ((int, int)[])[(99, 40), (-1, 40), (0, 40), (48, 0), (48, 99)])
        {
            Should.Throw<ArgumentException>(() => new SoftwareIommu<X86Format>(
                machine.Allocator, new SoftwareIommuOptions { InputBits = input, OutputBits = output }));
        }
    }

    private static void ShouldBeGone(IommuDomain domain, ulong address)
    {
        Action[] operations =
        [
            () => domain.Map(0x2000_0000, address, 0x4000, ReadWrite),
            () => domain.Unmap(0x1000_0000, 0x4000),
            () => domain.IovaToPhysical(0x1000_0000),
            () => domain.TryFind(0x1000_0000, out _),
            () => domain.TryFindNext(0, ulong.MaxValue, out _),
            () => domain.MapScatterGather(0x2000_0000, [new(address, 0x1000), new(address + 0x2000, 0x1000)], ReadWrite),
        ];
        foreach (var operation in operations)
        {
            Should.Throw<ObjectDisposedException>(operation);
        }
    }
}
