using IommuKit.Dma;
using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.X86;

namespace IommuKit.Benchmarks;

/// <summary>The rows: domains under each policy, by one thread and by two, devices' accesses to each model, the allocator of IOVAs, and mappers.</summary>
internal static class Rows
{
    private const ulong Page = 4096;
    private const ulong Iova = 0x4000_0000;
    private const ulong Window = 64 << 20;
    private const string ByHand = "by hand, shared";

    /// <summary>
    /// Rows that are run in one process: the compiler fits code to what it saw, and what serves a second model, or a second policy, is slower for the
    /// first.
    /// </summary>
    public static IReadOnlyList<(string Name, Func<IEnumerable<Row>> Rows)> Groups { get; } =
    [
        .. Enum.GetValues<SyncPolicy>().Select(policy => ($"{policy}", (Func<IEnumerable<Row>>)(() => [.. Limits(), .. OfPolicy(policy)]))),
        ("SoftwareWalker", OfWalker),
        .. new[] { "tegra210", "vtd-server", "smmuv3" }.Select(name => (name, (Func<IEnumerable<Row>>)(() => OfModel(name)))),
        .. new[] { "vtd-server", "smmuv3" }.Select(name => ($"{name}-driver", (Func<IEnumerable<Row>>)(() => OfDriver(name)))),
        ("nested", OfNested),
        ("IovaAllocator", OfAllocator),
        .. new[] { SyncPolicy.Gather, SyncPolicy.Deferred }.Select(policy => ($"DmaMapper-{policy}", (Func<IEnumerable<Row>>)(() => OfMapper(policy)))),
    ];

    /// <summary>What nothing here can be faster than: a fence after a store, and two threads that share nothing.</summary>
    private static IEnumerable<Row> Limits()
    {
        yield return new Row("limit: a store and a full fence", [Fences()]);
        yield return new Row("limit: arithmetic", [SecondProcessor.Arithmetic()]);
        yield return new Row("limit: arithmetic, two threads", [SecondProcessor.Arithmetic(), SecondProcessor.Arithmetic()], "limit: arithmetic");
    }

    private static Action<int> Fences()
    {
        int[] target = new int[1];
        return count =>
        {
            for (int i = 0; i < count; i++)
            {
                Volatile.Write(ref target[0], i);
                Interlocked.MemoryBarrier();
            }
        };
    }

    private static IEnumerable<Row> OfPolicy(SyncPolicy policy)
    {
        var domain = SoftwareDomain(policy, _ => { });
        foreach (ulong pages in new ulong[] { 1, 32 })
        {
            // 512 places each, which are left and used again, as by an allocator of IOVAs.
            string name = $"{policy}, {pages} page{(pages == 1 ? "" : "s")}: map and unmap";
            yield return new Row(name, [Pairs(domain, Iova, pages)]);
            yield return new Row($"{name}, two threads", [Pairs(domain, Iova, pages), Pairs(domain, Iova << 4, pages)], name);
        }
    }

    private static Action<int> Pairs(IommuDomain domain, ulong start, ulong pages)
    {
        ulong next = 0;
        ulong bytes = pages * Page;
        return count =>
        {
            // In a register: where the rows of two threads keep it lies next to each other.
            ulong at = next;
            for (int i = 0; i < count; i++)
            {
                at = (at + bytes) & ((512 * bytes) - 1);
                domain.TryMap(start + at, 0x1000_0000, bytes, Protection.Read | Protection.Write);
                domain.TryUnmap(start + at, bytes, out _);
            }

            next = at;
        };
    }

    private static IEnumerable<Row> OfWalker()
    {
        var memory = new PhysicalMemory(64 << 20, isCoherent: true);
        var iommu = new SoftwareIommu<X86Format>(new PageAllocator(memory.CpuView, 0x10000, 63 << 20), new SoftwareIommuOptions { InputBits = 48, OutputBits = 40 });
        var domain = iommu.CreateDomain();
        for (ulong page = 0; page < Window; page += Page)
        {
            domain.Map(Iova + page, 0x1000_0000 + page, Page, Protection.Read | Protection.Write);
        }

        var walker = new SoftwareWalker<X86Format, DeviceMemory>(memory.DeviceView, domain.RootAddress, 48, 40);
        foreach (var row in Accesses("SoftwareWalker", new CalledModel(walker), 0, walker.Evict))
        {
            yield return row;
        }

        // It holds a million pages, so a miss is one that was invalidated, or of a walker that forgot all before it began again.
        ulong fresh = 0;
        yield return new Row("SoftwareWalker: page after page for the first time", [count =>
        {
            for (int i = 0; i < count; i++)
            {
                fresh = (fresh + Page) & (Window - 1);
                if (fresh == 0)
                {
                    walker.Evict();
                }

                walker.Translate(new DmaRequest(0, Iova + fresh, IsWrite: false));
            }
        }]);
        yield return new Row("SoftwareWalker: invalidate a page", [count =>
        {
            for (int i = 0; i < count; i++)
            {
                walker.Invalidate(Iova, Page, forgetsTables: false);
            }
        }]);
        yield return new Row("SoftwareWalker: invalidate a page and miss", [count =>
        {
            for (int i = 0; i < count; i++)
            {
                walker.Invalidate(Iova, Page, forgetsTables: false);
                walker.Translate(new DmaRequest(0, Iova, IsWrite: false));
            }
        }]);
    }

    private static IEnumerable<Row> OfModel(string name)
    {
        var machine = MachineCatalog.Find(name)!.Create(new MachineSettings());
        var domain = machine.CreateDomain(new DomainOptions { PageSizes = Page });
        domain.Map(Iova, machine.DataStart & ~0x1f_ffffUL, Window, Protection.Read | Protection.Write);
        domain.Attach(machine.TestDevice);
        return
        [
            .. Accesses("by hand, alone", new HandWrittenIommu<HandWrittenIommu.Alone>(1, Iova, Window, 0x4000_0000), 1, () => { }, threads: 1),
            .. Accesses(ByHand, new HandWrittenIommu<HandWrittenIommu.Shared>(1, Iova, Window, 0x4000_0000), 1, () => { }, threads: 1),
            .. Accesses(name, new CalledModel(machine.Hardware!), machine.CreateDma(machine.TestDevice).ReadSource, machine.EvictTranslations, ByHand),
        ];
    }

    /// <summary>A driver against registers that only do what it waits for, and count nothing.</summary>
    private static IEnumerable<Row> OfDriver(string name)
    {
        var machine = MachineCatalog.Find(name)!.Create(new MachineSettings { HasModel = false, HasMeter = false, HasImmediateWrites = true });
        foreach (var policy in new[] { SyncPolicy.Gather, SyncPolicy.Deferred })
        {
            var domain = machine.CreateDomain(new DomainOptions { Policy = policy, PageSizes = Page });
            if (policy == SyncPolicy.Gather)
            {
                domain.Attach(machine.TestDevice);
            }

            yield return new Row($"{name}: map and unmap a page under {policy}", [Pairs(domain, Iova, 1)]);
        }
    }

    private static IEnumerable<Row> OfNested() =>
        [.. Accesses("nested", new CalledModel(NestedSmmu.Make(Iova, Window, 0x8000_0000)), NestedSmmu.Stream, () => { })];

    // Each type of model, a struct, has code of its own.
    private static IEnumerable<Row> Accesses<TModel>(string name, TModel model, int source, Action evict, string? of = null, int threads = 2)
        where TModel : struct, IIommuModel
    {
        if (!model.Translate(new DmaRequest(source, Iova, IsWrite: false)).IsAllowed)
        {
            throw new InvalidOperationException($"{name} refuses what was mapped.");
        }

        Action<int> hits = count =>
        {
            for (int i = 0; i < count; i++)
            {
                model.Translate(new DmaRequest(source, Iova, IsWrite: false));
            }
        };

        // A page far from the one before, over 64 MiB, which no TLB here holds.
        ulong next = 0;
        Action<int> misses = count =>
        {
            for (int i = 0; i < count; i++)
            {
                next = (next + (37 << 15)) & (Window - 1);
                model.Translate(new DmaRequest(source, Iova + next, IsWrite: false));
            }
        };
        evict();
        yield return new Row($"{name}: hit", [hits], of is null ? null : $"{of}: hit");
        if (threads > 1)
        {
            yield return new Row($"{name}: hit, two threads", [hits, hits], $"{name}: hit");
        }

        yield return new Row($"{name}: miss", [misses], of is null ? null : $"{of}: miss");
    }

    private static IEnumerable<Row> OfAllocator()
    {
        var allocator = new IovaAllocator();
        Action<int> pairs = count =>
        {
            for (int i = 0; i < count; i++)
            {
                allocator.Free(allocator.Allocate(Page));
            }
        };
        yield return new Row("IovaAllocator: allocate and free", [pairs]);
        yield return new Row("IovaAllocator: allocate and free, two threads", [pairs, pairs], "IovaAllocator: allocate and free");
    }

    /// <summary>A mapper, and the domain that it is made of.</summary>
    private static IEnumerable<Row> OfMapper(SyncPolicy policy)
    {
        var mapper = new DmaMapper(SoftwareIommu(_ => { }), null, new DomainOptions { Policy = policy });
        string name = $"DmaMapper, {policy}: map and unmap";
        yield return new Row(name, [MapperPairs(mapper)]);
        yield return new Row($"{name}, two threads", [MapperPairs(mapper), MapperPairs(mapper)], name);
        yield return new Row($"its domain alone, {policy}: map and unmap", [Pairs(SoftwareDomain(policy, _ => { }), Iova, 1)], name);
    }

    private static Action<int> MapperPairs(DmaMapper mapper) => count =>
    {
        for (int i = 0; i < count; i++)
        {
            mapper.Unmap(mapper.Map(0x1000_0000, Page, DmaDirection.FromDevice));
        }
    };

    private static SoftwareIommu<X86Format> SoftwareIommu(Action<TlbInvalidation> invalidated)
    {
        var memory = new PhysicalMemory(64 << 20, isCoherent: true);
        return new SoftwareIommu<X86Format>(
            new PageAllocator(memory.CpuView, 0x10000, 63 << 20), new SoftwareIommuOptions { InputBits = 48, OutputBits = 40, Invalidated = invalidated });
    }

    private static PagingDomain SoftwareDomain(SyncPolicy policy, Action<TlbInvalidation> invalidated) =>
        SoftwareIommu(invalidated).CreateDomain(new DomainOptions { Policy = policy, Release = TableRelease.Never });
}
