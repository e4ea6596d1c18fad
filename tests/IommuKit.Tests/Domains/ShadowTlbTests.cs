using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Domains;

/// <summary>
/// A TLB that remembers every page that was ever looked at, and forgets only what it is told to: after an operation it must not remember anything
/// that is no longer mapped.
/// </summary>
public class ShadowTlbTests
{
    private const ulong Page = 4096;

    public static TheoryData<SyncPolicy, TableRelease> Cases()
    {
        var cases = new TheoryData<SyncPolicy, TableRelease>();
        foreach (var policy in Enum.GetValues<SyncPolicy>())
        {
            foreach (var release in Enum.GetValues<TableRelease>())
            {
                cases.Add(policy, release);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_stale_is_left(SyncPolicy policy, TableRelease release)
    {
        for (int seed = 0; seed < 12; seed++)
        {
            Race<X86Format>(48, policy, release, seed);
            Race<ArmShortFormat>(32, policy, release, seed);
            Race<AmdV1Format>(48, policy, release, seed);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_unmap_from_the_end_of_a_dropped_table_into_the_next(SyncPolicy policy, TableRelease release)
    {
        const ulong Span = 2 << 20;
        using var tlb = new ShadowTlb<X86Format>(48, policy, release);
        var domain = tlb.Domain;

        // The tables above exist, so that the next two leaf tables are neighbours in memory too.
        domain.Map(3 * Span, 0, Page, Protection.Read);
        domain.Map(Span - Page, 0x10_0000, Page, Protection.Read);
        domain.Map(Span, 0x20_0000, 2 * Page, Protection.Read);
        tlb.Look(Span - Page, 3 * Page);
        domain.Unmap(Span - Page, 2 * Page).ShouldBe(2 * Page);
        domain.Unmap(0, Span);
        domain.Flush();
        tlb.ShouldHoldNothingStale();
    }

    [Fact]
    public void The_whole_address_space_is_not_nothing()
    {
        using var tlb = new ShadowTlb<AmdV1Format>(64, SyncPolicy.Explicit, TableRelease.WhenCovered);
        var domain = tlb.Domain;
        for (ulong i = 0; i < 128; i++)
        {
            domain.Map(i << 57, i * Page, Page, Protection.Read);
            tlb.Look(i << 57, Page);
        }

        domain.Flush();
        domain.Unmap(0, 1ul << 63).ShouldBe(1ul << 63);
        domain.Unmap(1ul << 63, 1ul << 63).ShouldBe(1ul << 63);
        domain.Flush();
        tlb.ShouldHoldNothingStale();
    }

    private static void Race<TFormat>(int inputBits, SyncPolicy policy, TableRelease release, int seed)
        where TFormat : struct, IPageTableFormat
    {
        using var tlb = new ShadowTlb<TFormat>(inputBits, policy, release);
        var random = new Random(seed);
        ulong span = 1ul << TFormat.EntryShift(1);
        for (int i = 0; i < 150; i++)
        {
            // Around the boundaries of a few tables.
            ulong iova = (((ulong)random.Next(1, 5) * span) - (8 * Page)) + ((ulong)random.Next(16) * Page);
            ulong size = random.Next(6) == 0 ? span * (ulong)random.Next(1, 3) : (ulong)random.Next(1, 12) * Page;
            if (random.Next(6) == 0)
            {
                iova &= ~(span - 1);
            }

            if (random.Next(2) == 0)
            {
                tlb.Domain.TryMap(iova, (ulong)random.Next(1 << 12) * span, size, Protection.Read);
                tlb.Look(iova, size);
            }
            else
            {
                tlb.Domain.Unmap(iova, size);
            }

            if (policy is SyncPolicy.Deferred or SyncPolicy.Explicit)
            {
                if (random.Next(4) != 0)
                {
                    continue;
                }

                tlb.Domain.Flush();
            }

            tlb.ShouldHoldNothingStale();
        }
    }

    private sealed class ShadowTlb<TFormat> : IDisposable
        where TFormat : struct, IPageTableFormat
    {
        private readonly PhysicalMemory _memory = new(8 << 20, isCoherent: true);
        private readonly HashSet<ulong> _pages = [];

        public ShadowTlb(int inputBits, SyncPolicy policy, TableRelease release)
        {
            var options = new SoftwareIommuOptions { InputBits = inputBits, OutputBits = Math.Min(TFormat.MaxOutputBits, 40), Invalidated = Forget };
            var iommu = new SoftwareIommu<TFormat>(new PageAllocator(_memory.CpuView, 0, _memory.Length), options);
            Domain = iommu.CreateDomain(new DomainOptions { Policy = policy, Release = release, Clock = new ManualClock() });
        }

        public IommuDomain Domain { get; }

        /// <summary>Remembers the pages of a range that are mapped.</summary>
        public void Look(ulong iova, ulong size)
        {
            for (ulong page = iova; page - iova < size; page += Page)
            {
                if (Domain.TryTranslate(page, out _))
                {
                    _pages.Add(page);
                }
            }
        }

        public void ShouldHoldNothingStale() =>
            _pages.Where(page => !Domain.TryTranslate(page, out _)).Select(page => $"0x{page:x}").ShouldBeEmpty($"{Domain.Policy}");

        public void Dispose()
        {
            Domain.Dispose();
            _memory.Dispose();
        }

        private void Forget(TlbInvalidation gone) => _pages.RemoveWhere(page => page - gone.Range.Iova < gone.Range.Bytes);
    }
}
