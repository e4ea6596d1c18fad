using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.PageTables;

/// <summary>In every format, no operation allocates on the managed heap once it has run before.</summary>
[Collection("alone")]
public class FormatAllocationTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    [Theory, EveryFormat]
    public void Operations_allocate_nothing(string format)
    {
        using var table = TableSetups.Make(format);
        using var memory = new PhysicalMemory(32 << 20, isCoherent: true);
        foreach (bool splits in (bool[])[false, true])
        {
            var allocator = new PageAllocator(memory.CpuView, 0, memory.Length);
            using var domain = TableSetups.Find(format).MakeDomain(allocator, new DomainOptions { SplitsPages = splits });
            ulong page = table.Granule;
            ulong[] sizes = [.. table.Sizes.Where(log2 => log2 <= 30).Select(log2 => 1ul << log2)];
            PhysicalRange[] list = [.. Enumerable.Range(0, 40).Select(i => new PhysicalRange((ulong)i * 2 * page, page))];
            Allocated.By(() => Exercise(domain, table.Base, page, sizes, list)).ShouldBe(0, $"splits: {splits}");
        }
    }

    private static void Exercise(IommuDomain domain, ulong start, ulong page, ulong[] sizes, PhysicalRange[] list)
    {
        foreach (ulong size in sizes)
        {
            Check(domain.TryMap(start, 0, size, ReadWrite) == IommuError.None);
            Check(domain.TryMap(start, 0, page, ReadWrite) == IommuError.EEXIST);
            Check(domain.TryTranslate(start + (size - 1), out ulong address) && address == size - 1);
            Check(domain.TryFindNext(start, start + size, out ulong next) && next == start);
            domain.Unmap(start + (size / 2), page);
            domain.Unmap(start, size);
            domain.Unmap(start + (size / 2) + page, size);
        }

        Check(domain.TryMapScatterGather(start, list, ReadWrite, out ulong mapped) == IommuError.None);
        Check(domain.Unmap(start, mapped) == mapped);
        Check(domain.TryMap(start, 0, 1, ReadWrite) == IommuError.EINVAL);
    }

    private static void Check(bool isRight)
    {
        if (!isRight)
        {
            throw new InvalidOperationException("An operation went wrong.");
        }
    }
}
