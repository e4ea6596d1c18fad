using IommuKit.Domains;
using IommuKit.Drivers.Smmu3;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Tests.Drivers.Smmu3;

/// <summary>The driver against the model, with accesses of devices.</summary>
public sealed class Smmu3DriverTests
{
    // An MMU-600 whose walks do not snoop.
    private static readonly Smmu3Unit s_nonCoherent = Smmu3Unit.Mmu600 with { Idr0 = Smmu3Unit.Mmu600.Idr0 & ~(1u << 4) };

    private static readonly SyncPolicy[] s_policies = Enum.GetValues<SyncPolicy>();

    public static TheoryData<string, int, int, SyncPolicy> Shapes()
    {
        var shapes = new TheoryData<string, int, int, SyncPolicy>();
        foreach (string unit in new[] { "full", "mmu-600", "qemu", "non-coherent" })
        {
            foreach (int stage in new[] { 1, 2 })
            {
                foreach (int granule in new[] { 12, 14, 16 })
                {
                    foreach (var policy in s_policies)
                    {
                        if (UnitOf(unit).HasGranule(granule))
                        {
                            shapes.Add(unit, stage, granule, policy);
                        }
                    }
                }
            }
        }

        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_mapped_is_reached_and_what_is_unmapped_is_not(string unit, int stage, int granule, SyncPolicy policy)
    {
        using var rig = new Smmu3Rig(UnitOf(unit), new Smmu3DriverOptions { Stage = (Smmu3Stage)stage, GranuleLog2 = granule });
        var domain = rig.Attached(policy);
        ulong page = 1ul << granule;
        ulong block = 1ul << (granule + granule - 3);
        (ulong Iova, ulong Bytes)[] ranges = [(0x10_0000_0000, page), (0x20_0000_0000 - page, 3 * page), (0x8_0000_0000, block), (0x9_0000_0000, block + page)];
        ulong first = Smmu3Rig.Data & ~(block - 1);
        foreach (var (iova, bytes) in ranges)
        {
            rig.Reach(iova).ShouldBeNull();
            domain.Map(iova, first, bytes, Smmu3Rig.ReadWrite);
            domain.Flush();
            rig.Reach(iova, isWrite: true).ShouldBe(first);
            rig.Reach(iova + bytes - 8).ShouldBe(first + bytes - 8);
            rig.Reach(iova + bytes).ShouldBeNull();
        }

        foreach (var (iova, bytes) in ranges)
        {
            domain.Unmap(iova, bytes).ShouldBe(bytes);
            domain.Flush();
            for (ulong at = iova; at < iova + bytes; at += page)
            {
                rig.Reach(at).ShouldBeNull($"0x{at:x} after an unmap of 0x{bytes:x}");
            }

            // Other memory in the same place.
            domain.Map(iova, first + (4 * block), bytes, Protection.Read);
            domain.Flush();
            rig.Reach(iova + bytes - 8).ShouldBe(first + (4 * block) + bytes - 8);
            if (bytes == block)
            {
                // A block becomes pages.
                domain.Unmap(iova, bytes).ShouldBe(bytes);
                domain.Map(iova, first + page, page, Protection.Read);
                domain.Flush();
                rig.Reach(iova).ShouldBe(first + page);
                rig.Reach(iova + page).ShouldBeNull();
            }
        }
    }

    [Fact]
    public void Data_goes_through()
    {
        using var rig = new Smmu3Rig();
        var domain = rig.Attached();
        domain.Map(0x1000, Smmu3Rig.Data, 0x2000, Smmu3Rig.ReadWrite);
        byte[] sent = [.. Enumerable.Range(0, 0x1800).Select(i => (byte)(i * 7))];
        rig.Dma().Write(0x1400, sent).IsComplete.ShouldBeTrue();
        byte[] received = new byte[sent.Length];
        rig.Dma().Read(0x1400, received).IsComplete.ShouldBeTrue();
        received.ShouldBe(sent);
        rig.Memory.CpuView.Span(Smmu3Rig.Data + 0x400, sent.Length).ToArray().ShouldBe(sent);
        domain.Unmap(0x1000, 0x2000);
        rig.Dma().Write(0x1400, sent).Transferred.ShouldBe(0);
    }

    [Fact]
    public void A_device_passes_and_is_blocked()
    {
        using var rig = new Smmu3Rig();
        var device = rig.Driver.Devices[0];
        rig.Reach(Smmu3Rig.Data).ShouldBeNull();
        rig.Driver.IdentityDomain.Attach(device);
        rig.Reach(Smmu3Rig.Data).ShouldBe(Smmu3Rig.Data);
        rig.Driver.BlockedDomain.Replace(device);
        rig.Reach(Smmu3Rig.Data).ShouldBeNull();
        var domain = rig.Driver.CreateDomain();
        domain.Map(0, Smmu3Rig.Data, 0x1000, Protection.Read);
        domain.Replace(device);
        rig.Reach(0).ShouldBe(Smmu3Rig.Data);
        rig.Driver.IdentityDomain.Replace(device);
        rig.Reach(0x1000).ShouldBe(0x1000ul);
        rig.Driver.IdentityDomain.Detach(device);
        rig.Reach(0x1000).ShouldBeNull();
    }

    [Fact]
    public void Memory_is_given_back()
    {
        var rig = new Smmu3Rig();
        rig.Attached().Map(0, Smmu3Rig.Data, 1 << 20, Protection.Read);
        rig.Allocator.Outstanding.ShouldBeGreaterThan(0);
        rig.Driver.Dispose();
        rig.Allocator.Outstanding.ShouldBe(0);
        rig.Reach(Smmu3Rig.Data).ShouldBeNull();
        rig.Dispose();
    }

    private static Smmu3Unit UnitOf(string name) =>
        name == "non-coherent" ? s_nonCoherent : Smmu3Unit.Presets.Single(unit => unit.Name == name);
}
