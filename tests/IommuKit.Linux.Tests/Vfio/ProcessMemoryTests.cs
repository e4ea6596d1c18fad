using System.Runtime.InteropServices;
using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Linux.Tests.Support;
using IommuKit.Linux.Vfio;
using IommuKit.Specs.PageTables;

namespace IommuKit.Linux.Tests.Vfio;

/// <summary>Memory of the process where a domain maps its addresses: whole granules are mapped where they are, and neighbours are out of reach.</summary>
public class ProcessMemoryTests
{
    private const int Page = 4096;

    [LinuxFact]
    public void A_device_reaches_the_memory_and_none_of_its_neighbours() => Reaches(DmaBounce.Edges);

    [LinuxFact]
    public void A_device_that_is_not_trusted_reaches_a_copy() => Reaches(DmaBounce.All);

    [LinuxFact]
    public void Memory_stays_where_it_is_while_it_is_mapped()
    {
        using var iommu = ProcessIommu();
        using var mapper = new DmaMapper(iommu, new DmaMapperOptions { Memory = new HostPages() });
        byte[] array = new byte[3 * Page];
        var mapping = mapper.MapMemory(array, DmaDirection.FromDevice);
        byte[][] garbage = [.. Enumerable.Range(0, 100).Select(_ => new byte[1000])];
        GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        GC.KeepAlive(garbage);

        byte[] written = new byte[array.Length];
        new Random(3).NextBytes(written);
        Move(mapper.Domain, mapping.Iova, written, isWrite: true);
        mapper.UnmapMemory(mapping);
        array.ShouldBe(written);
    }

    [LinuxFact]
    public void Without_memory_for_copies_only_whole_granules_can_be_mapped()
    {
        using var iommu = ProcessIommu();
        using var mapper = new DmaMapper(iommu);
        byte[] array = GC.AllocateArray<byte>(4 * Page, pinned: true);
        int start = (int)(~(ulong)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) + 1 & 0xfff);
        var mapping = mapper.MapMemory(array.AsMemory(start, 2 * Page), DmaDirection.ToDevice);
        mapping.CopiedBytes.ShouldBe(0ul);
        mapper.Domain.IovaToPhysical(mapping.Iova).ShouldBe((ulong)Marshal.UnsafeAddrOfPinnedArrayElement(array, start));
        mapper.UnmapMemory(mapping);
        Should.Throw<InvalidOperationException>(() => mapper.MapMemory(array.AsMemory(start, 100), DmaDirection.ToDevice)).Message.ShouldContain("Memory");
    }

    private static void Reaches(DmaBounce bounce)
    {
        using var iommu = ProcessIommu();
        using var mapper = new DmaMapper(iommu, new DmaMapperOptions { Memory = new HostPages(), Bounce = bounce });
        byte[] array = GC.AllocateArray<byte>(6 * Page, pinned: true);
        ulong address = (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            // Often at and around the ends of pages.
            int start = Near(random, 2 * Page);
            int length = Math.Max(1, Near(random, 3 * Page));
            random.NextBytes(array);
            byte[] before = [.. array];
            var memory = array.AsMemory(start, length);
            var mapping = mapper.MapMemory(memory, DmaDirection.Bidirectional);
            int offset = (int)(mapping.Iova - mapping.Range.Iova);
            ulong first = address + (ulong)start;
            ulong wholeFirst = (first + 0xfff) & ~0xffful;
            ulong wholeEnd = Math.Max(wholeFirst, (first + (ulong)length) & ~0xffful);
            mapping.CopiedBytes.ShouldBe((ulong)length - (bounce == DmaBounce.All ? 0 : wholeEnd - wholeFirst));

            byte[] seen = new byte[mapping.Range.Size];
            Move(mapper.Domain, mapping.Range.Iova, seen, isWrite: false);
            seen.AsSpan(offset, length).SequenceEqual(memory.Span).ShouldBeTrue();
            seen[..offset].ShouldAllBe(value => value == 0);
            seen[(offset + length)..].ShouldAllBe(value => value == 0);

            byte[] written = new byte[seen.Length];
            random.NextBytes(written);
            Move(mapper.Domain, mapping.Range.Iova, written, isWrite: true);
            if (bounce == DmaBounce.All)
            {
                array.ShouldBe(before);
            }

            mapper.UnmapMemory(mapping);
            memory.Span.SequenceEqual(written.AsSpan(offset, length)).ShouldBeTrue();
            array.AsSpan(0, start).SequenceEqual(before.AsSpan(0, start)).ShouldBeTrue();
            array.AsSpan(start + length).SequenceEqual(before.AsSpan(start + length)).ShouldBeTrue();
            mapper.Domain.TryFindNext(0, ulong.MaxValue, out _).ShouldBeFalse();
        }
    }

    private static int Near(Random random, int most)
    {
        int at = random.Next(most);
        return random.Next(3) switch
        {
            0 => at,
            1 => at & ~(Page - 1),
            _ => Math.Max(0, (at & ~(Page - 1)) + random.Next(-2, 3)),
        };
    }

    /// <summary>An IOMMU whose page table is the process's own list, as far as a device of it goes.</summary>
    private static FakeIommu ProcessIommu() => new((iommu, options) => new Domain(iommu, options));

    /// <summary>A transfer of a device, granule by granule.</summary>
    private static void Move(IommuDomain domain, ulong iova, byte[] data, bool isWrite)
    {
        for (int at = 0; at < data.Length;)
        {
            int count = Math.Min(data.Length - at, Page - (int)((iova + (ulong)at) & 0xfff));
            nint address = (nint)domain.IovaToPhysical(iova + (ulong)at)!.Value;
            if (isWrite)
            {
                Marshal.Copy(data, at, address, count);
            }
            else
            {
                Marshal.Copy(address, data, at, count);
            }

            at += count;
        }
    }

    private sealed class Domain(IommuDriver iommu, DomainOptions options) : RequestDomain(iommu, options)
    {
        public override bool MapsProcess => true;

        protected override IommuError RequestMap(ulong iova, ulong physicalAddress, ulong size, Protection protection) => IommuError.None;

        protected override IommuError RequestUnmap(ulong iova, ulong size) => IommuError.None;
    }
}
