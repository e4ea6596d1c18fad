using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using IommuKit.Sync;

namespace IommuKit.Tests.Domains;

/// <summary>No operation allocates on the managed heap once it has run before.</summary>
[Collection("alone")]
public sealed class AllocationTests : IDisposable
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly PhysicalMemory _memory = new(1ul << 34, isCoherent: true);

    public void Dispose() => _memory.Dispose();

    public static TheoryData<string, SyncPolicy, TableRelease> Cases()
    {
        var cases = new TheoryData<string, SyncPolicy, TableRelease>();
        foreach (var soc in TegraSoc.All)
        {
            foreach (var policy in Enum.GetValues<SyncPolicy>())
            {
                foreach (var release in Enum.GetValues<TableRelease>())
                {
                    cases.Add(soc.Name, policy, release);
                }
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Map_and_unmap_allocate_nothing(string name, SyncPolicy policy, TableRelease release)
    {
        var soc = TegraSoc.All.Single(soc => soc.Name == name);
        var silent = new Silent();
        var driver = new TegraSmmuDriver(soc, silent, silent, new PageAllocator(_memory.CpuView, 0x8000_0000, 16 << 20), ahb: silent);
        using var domain = driver.CreateDomain(new DomainOptions { Policy = policy, Release = release, Counters = new DomainCounters() });
        domain.Attach(driver.Devices[0]);
        PhysicalRange[] list = [.. Enumerable.Range(0, 300).Select(i => new PhysicalRange((ulong)i * 8192, 4096))];

        Allocated.By(() =>
        {
            for (int i = 0; i < 5; i++)
            {
                Exercise(domain, list);
            }
        }).ShouldBe(0);
    }

    private static void Exercise(IommuDomain domain, PhysicalRange[] list)
    {
        const ulong crossing = (4 << 20) - 0x9000;
        domain.TryMap(0x1000, 0x10_0000, 0x1000, ReadWrite).ShouldBeNone();
        domain.TryMap(0x2000, 0x10_0000, 0x1000, ReadWrite).ShouldBeNone();
        if (domain.TryMap(0x1000, 0x10_0000, 0x1000, ReadWrite) != IommuError.EEXIST || domain.TryMap(0, 0, 1, ReadWrite) != IommuError.EINVAL)
        {
            throw new InvalidOperationException("An error was not found.");
        }

        domain.TryMapScatterGather(crossing, list, ReadWrite, out _).ShouldBeNone();
        domain.TryMap(0x1000_0000, 0, 20 << 20, ReadWrite).ShouldBeNone();
        _ = domain.TryFind(0x1000, out _) && domain.TryFindNext(0x9000, ulong.MaxValue, out _) && domain.IovaToPhysical(0x1000) is null;
        _ = domain.Unmap(0x1000, 0x2000);
        _ = domain.Unmap(crossing, 300 * 4096);
        _ = domain.Unmap(0x1000_0000, 20 << 20);
        domain.TryMap(0x2000_0000, 0, 4 << 20, ReadWrite).ShouldBeNone();
        for (ulong page = 0; page < 1024; page += 2)
        {
            // Runs that do not touch: many of them are owed at a time.
            _ = domain.Unmap(0x2000_0000 + (page * 4096), 4096);
        }

        domain.Flush(0, 4096);
        domain.Flush(0x2000_0000, 1 << 20);
        domain.Flush();
        for (ulong page = 1; page < 1024; page += 2)
        {
            _ = domain.Unmap(0x2000_0000 + (page * 4096), 4096);
        }

        domain.Flush();
    }

    private sealed class Silent : IMmio, ICpuCache
    {
        public int LineSize => 64;

        public uint Read32(uint offset) => 0;

        public void Write32(uint offset, uint value)
        {
            // Nothing is there.
        }

        public void Clean(ulong physicalAddress, ulong length)
        {
            // Nothing is there.
        }

        public void Barrier()
        {
            // Nothing is there.
        }
    }
}

internal static class ErrorExtensions
{
    /// <summary>As ShouldBe, without its allocations.</summary>
    public static void ShouldBeNone(this IommuError error)
    {
        if (error != IommuError.None)
        {
            throw new InvalidOperationException($"The operation failed with {error}.");
        }
    }
}
