using IommuKit.Domains;
using IommuKit.Drivers.Vtd;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;
using IommuKit.Sync;
using IommuKit.Tests.Domains;
using static IommuKit.Tests.Drivers.Vtd.VtdBench;

namespace IommuKit.Tests.Drivers.Vtd;

/// <summary>No operation allocates on the managed heap once it has run before.</summary>
[Collection("alone")]
public sealed class VtdAllocationTests
{
    public static TheoryData<SyncPolicy, bool> Cases()
    {
        var cases = new TheoryData<SyncPolicy, bool>();
        foreach (var policy in Enum.GetValues<SyncPolicy>())
        {
            cases.Add(policy, true);
            cases.Add(policy, false);
        }

        return cases;
    }

    [Fact]
    public void Invalidations_of_a_guest_allocate_nothing()
    {
        using var memory = new PhysicalMemory(1ul << 32, isCoherent: true);
        var silent = new Silent();
        var driver = new VtdDriver(
            VtdUnit.Server57,
            silent,
            silent,
            new PageAllocator(memory.CpuView, 1 << 20, 16 << 20),
            [new VtdFunction(0x10, HasDeviceTlb: true)],
            new VtdDriverOptions { Mode = VtdMode.SecondStage },
            statusWords: silent);
        var guest = driver.CreateNestedDomain((PagingDomain)driver.CreateDomain(), new VtdGuestTables(0x1000));
        guest.Attach(driver.Devices[0]);
        Allocated.By(() =>
        {
            guest.Invalidate(0x5000, 0x3000, changesTables: false);
            guest.InvalidateAll();
        }).ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Map_and_unmap_allocate_nothing(SyncPolicy policy, bool isCoherent)
    {
        using var memory = new PhysicalMemory(1ul << 32, isCoherent: true);
        var silent = new Silent();
        var driver = new VtdDriver(
            isCoherent ? VtdUnit.Server48 : VtdUnit.Server57NonCoherent,
            silent,
            silent,
            new PageAllocator(memory.CpuView, 1 << 20, 16 << 20),
            [new VtdFunction(0x10)],
            statusWords: silent);
        using var domain = driver.CreateDomain(new DomainOptions { Policy = policy, Counters = new DomainCounters() });
        domain.Attach(driver.Devices[0]);
        Allocated.By(() =>
        {
            for (int i = 0; i < 5; i++)
            {
                Exercise(domain);
            }
        }).ShouldBe(0);
    }

    private static void Exercise(IommuDomain domain)
    {
        domain.TryMap(0x1000, Data, 0x1000, ReadWrite).ShouldBeNone();
        domain.TryMap(0x20_0000, Data, 6 << 20, ReadWrite).ShouldBeNone();
        _ = domain.Unmap(0x1000, 0x1000);
        _ = domain.Unmap(0x20_0000, 6 << 20);
        domain.TryMap(0x1000_1000, Data, 0x20_0000, ReadWrite).ShouldBeNone();
        for (ulong page = 1; page < 512; page += 2)
        {
            // Runs that do not touch: many of them are owed at a time.
            _ = domain.Unmap(0x1000_0000 + (page << 12), 4096);
        }

        domain.Flush();
        for (ulong page = 2; page <= 512; page += 2)
        {
            _ = domain.Unmap(0x1000_0000 + (page << 12), 4096);
        }

        domain.Flush();
    }

    private sealed class Silent : IMmio, ICpuCache, IStatusWords
    {
        private uint _command;

        public int LineSize => 64;

        public uint Read32(uint offset) => offset == VtdRegister.GlobalStatus ? _command : 0;

        public void Write32(uint offset, uint value) => _command = offset == VtdRegister.GlobalCommand ? value : _command;

        public void Clean(ulong physicalAddress, ulong length)
        {
            // Nothing is there.
        }

        public void Barrier()
        {
            // Nothing is there.
        }

        public bool HasReached(ulong physicalAddress, uint value) => true;
    }
}
