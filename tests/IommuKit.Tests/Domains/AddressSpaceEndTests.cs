using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.PageTables;
using IommuKit.Specs.Amd;
using IommuKit.Specs.Arm;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.RiscV;
using IommuKit.Specs.X86;
using IommuKit.Tests.Support;

namespace IommuKit.Tests.Domains;

/// <summary>
/// Pages at both ends of the address space, and at both sides of the gap between the halves of one that is sign-extended: after an unmap and
/// a flush no device write to them goes through, and what is mapped is reached.
/// </summary>
public class AddressSpaceEndTests
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
    [InlineData(false)]
    [InlineData(true)]
    public void A_flush_drops_the_last_page_and_the_first(bool unmapsFirstPageFirst)
    {
        using var space = new Space<X86Format>(48, SyncPolicy.Explicit, TableRelease.Never, cachesInvalid: false);
        space.Domain.Map(0xffff_ffff_ffff_f000, 0x10_0000, Page, Protection.Read | Protection.Write);
        space.Domain.Map(0, 0x20_0000, Page, Protection.Read | Protection.Write);
        space.Domain.Flush();
        space.Write(0xffff_ffff_ffff_f008).ShouldBe(0x10_0008ul);
        space.Write(8).ShouldBe(0x20_0008ul);
        space.Domain.Unmap(unmapsFirstPageFirst ? 0 : 0xffff_ffff_ffff_f000, Page).ShouldBe(Page);
        space.Domain.Unmap(unmapsFirstPageFirst ? 0xffff_ffff_ffff_f000 : 0, Page).ShouldBe(Page);
        space.Domain.Flush();
        space.Write(8).ShouldBeNull();
        space.Write(0xffff_ffff_ffff_f008).ShouldBeNull();
    }

    [Fact]
    public void A_flush_lets_the_last_page_and_the_first_be_seen_by_a_walker_that_remembers_what_is_not_mapped()
    {
        using var space = new Space<X86Format>(48, SyncPolicy.Explicit, TableRelease.Never, cachesInvalid: true);

        // The tables exist, so that only leaves are new.
        space.Domain.Map(0xffff_ffff_ffff_e000, 0x10_0000, Page, Protection.Write);
        space.Domain.Map(Page, 0x20_0000, Page, Protection.Write);
        space.Domain.Flush();
        space.Write(0).ShouldBeNull();
        space.Write(0xffff_ffff_ffff_f000).ShouldBeNull();
        space.Domain.Map(0xffff_ffff_ffff_f000, 0x30_0000, Page, Protection.Write);
        space.Domain.Map(0, 0x40_0000, Page, Protection.Write);
        space.Domain.Flush();
        space.Write(0).ShouldBe(0x40_0000ul);
        space.Write(0xffff_ffff_ffff_f000).ShouldBe(0x30_0000ul);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Nothing_stale_is_left_at_the_ends(SyncPolicy policy, TableRelease release)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            Race<X86Format>(48, policy, release, seed);
            Race<X86Format>(57, policy, release, seed);
            Race<RiscVFormat<Sv39>>(39, policy, release, seed);
            Race<AmdV1Format>(64, policy, release, seed);
            Race<ArmShortFormat>(32, policy, release, seed);
        }
    }

    /// <summary>
    /// The last page of a range goes whole where it is larger than what is left of the range; here that is the end of all numbers, and the bytes that
    /// went are one more than a number can say.
    /// </summary>
    [Fact]
    public void An_unmap_that_takes_all_there_is_away_covers_the_last_page()
    {
        const int PieceLog2 = 52;
        using var space = new Space<AmdV1Format>(64, SyncPolicy.Deferred, TableRelease.WhenCovered, cachesInvalid: false, outputBits: PieceLog2);
        for (ulong i = 0; i < 1ul << (64 - PieceLog2); i++)
        {
            space.Domain.Map(i << PieceLog2, 0, 1ul << PieceLog2, Protection.Write);
        }

        ulong last = ulong.MaxValue - Page + 1;
        space.Write(last).ShouldBe((1ul << PieceLog2) - Page);
        space.Domain.Unmap(0, last).ShouldBe(last);
        space.Domain.TryTranslate(last, out _).ShouldBeFalse();
        space.Domain.Map(last, 0x5000, Page, Protection.Write);
        space.Write(last).ShouldBe(0x5000ul);
    }

    private static void Race<TFormat>(int inputBits, SyncPolicy policy, TableRelease release, int seed)
        where TFormat : struct, IPageTableFormat
    {
        foreach (bool cachesInvalid in (bool[])[false, true])
        {
            using var space = new Space<TFormat>(inputBits, policy, release, cachesInvalid);
            var random = new Random(seed);
            bool isSigned = TFormat.SignExtendsInput;
            ulong half = isSigned ? 1ul << (inputBits - 1) : 0;
            ulong end = isSigned || inputBits == 64 ? 0 : 1ul << inputBits;

            // The last pages, and the first: one range of numbers if one could count beyond the last.
            ulong[] places = isSigned ? [end - (4 * Page), 0, half - (4 * Page), 0 - half] : [end - (4 * Page), 0];
            var mapped = new Dictionary<ulong, ulong>();
            ulong next = 0x10_0000;
            for (int i = 0; i < 120; i++)
            {
                ulong place = places[random.Next(places.Length)];
                ulong iova = place + ((ulong)random.Next(4) * Page);
                ulong size = (ulong)random.Next(1, 5) * Page;
                if (random.Next(2) == 0)
                {
                    next += 0x1_0000;
                    if (space.Domain.TryMap(iova, next, size, Protection.Read | Protection.Write) == IommuError.None)
                    {
                        for (ulong at = 0; at < size; at += Page)
                        {
                            mapped.Add(iova + at, next + at);
                        }
                    }
                }
                else
                {
                    ulong unmapped = space.Domain.Unmap(iova, size);
                    for (ulong at = 0; at < unmapped; at += Page)
                    {
                        mapped.Remove(iova + at);
                    }
                }

                bool isOwed = policy is SyncPolicy.Deferred or SyncPolicy.Explicit;
                if (isOwed && random.Next(4) == 0)
                {
                    space.Domain.Flush();
                    isOwed = false;
                }

                foreach (ulong start in places)
                {
                    for (ulong at = 0; at < 4 * Page; at += Page)
                    {
                        ulong? reached = space.Write(start + at);
                        if (!isOwed)
                        {
                            reached.ShouldBe(
                                mapped.TryGetValue(start + at, out ulong expected) ? expected : null,
                                $"{TFormat.Name} at {inputBits} bits, {policy}, {release}, seed {seed}, operation {i}: 0x{start + at:x}");
                        }
                    }
                }
            }
        }
    }

    /// <summary>A domain, and a device behind a walker that remembers whatever it once read until it is told to forget it.</summary>
    private sealed class Space<TFormat> : IDisposable
        where TFormat : struct, IPageTableFormat
    {
        private readonly PhysicalMemory _memory = new(8 << 20, isCoherent: true);
        private readonly SoftwareWalker<TFormat, DeviceMemory> _walker;

        public Space(int inputBits, SyncPolicy policy, TableRelease release, bool cachesInvalid, int outputBits = 32)
        {
            SoftwareWalker<TFormat, DeviceMemory>? walker = null;
            var iommu = new SoftwareIommu<TFormat>(new PageAllocator(_memory.CpuView, 0, _memory.Length), new SoftwareIommuOptions
            {
                InputBits = inputBits,
                OutputBits = outputBits,
                CachesInvalidEntries = cachesInvalid,
                Invalidated = gone => walker!.Invalidate(gone.Range.Iova, gone.Range.Bytes, gone.Range.ChangesTables),
            });
            Domain = iommu.CreateDomain(new DomainOptions { Policy = policy, Release = release, Clock = new ManualClock() });
            _walker = walker = new SoftwareWalker<TFormat, DeviceMemory>(
                _memory.DeviceView, Domain.RootAddress, inputBits, outputBits, cachesInvalid);
        }

        public PagingDomain Domain { get; }

        /// <summary>Where a device's write comes out, or null if it is refused.</summary>
        public ulong? Write(ulong iova)
        {
            var translation = _walker.Translate(new DmaRequest(0, iova, IsWrite: true));
            return translation.IsAllowed ? translation.PhysicalOf(iova) : null;
        }

        public void Dispose()
        {
            Domain.Dispose();
            _memory.Dispose();
        }
    }
}
