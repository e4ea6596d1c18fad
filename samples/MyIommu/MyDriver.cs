using IommuKit;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Sync;

namespace MyIommu;

/// <summary>The driver: traits, the switch of a device from one domain to another, and the primitives. Policies and page tables come with IommuKit.</summary>
public sealed class MyDriver(string name, IMmio registers, ICpuCache cache, PageAllocator tables, int mostPages, bool hasBug) : IommuDriver
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IommuDomain, AddressSpace> _spaces = [];
    private MyDevice[]? _devices;

    public override IommuTraits Traits { get; } = new()
    {
        Name = name,
        InputBits = 32,
        OutputBits = 32,
        PageSizes = MyFormat.PageSizes,
        SupportedPageSizes = MyFormat.PageSizes,
        AddressSpaces = MyRegisters.Devices,
        Paging = new PagingTraits
        {
            Format = MyFormat.Name,
            Flush = new FlushTraits { HasCoherentWalk = false, CachesInvalidEntries = false },
        },
    };

    public override IReadOnlyList<IommuDevice> Devices =>
        _devices ??= [.. Enumerable.Range(0, MyRegisters.Devices).Select(id => new MyDevice(this, id))];

    public override IommuDomain CreateDomain(DomainOptions? options = null)
    {
        var space = new AddressSpace();
        var domain = new PagingDomain<MyFormat, Hardware, NoBatch>(this, options ?? new(), tables, new Hardware(this, space), cache);
        lock (_lock)
        {
            _spaces.Add(domain, space);
        }

        return domain;
    }

    public override void HandleInterrupt()
    {
        // This hardware has none.
    }

    protected override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (newDomain is FixedDomain { IsIdentity: true })
        {
            throw new IommuException(IommuError.ENODEV, $"{name} translates everything.");
        }

        lock (_lock)
        {
            var next = SpaceOf(newDomain);
            if (next is { Users: 0 })
            {
                Load(next, ((PagingDomain)newDomain!).RootAddress);
            }

            registers.Write32(MyRegisters.OfDevice(((MyDevice)device).Id), next is null ? 0 : (uint)next.Id + 1);
            next?.Users += 1;
            if (SpaceOf(oldDomain) is { } last && --last.Users == 0)
            {
                Unload(last);
            }

            _ = registers.Read32(MyRegisters.Status);
        }
    }

    protected override void Forget(IommuDomain domain)
    {
        lock (_lock)
        {
            _spaces.Remove(domain);
        }
    }

    private AddressSpace? SpaceOf(IommuDomain? domain) => domain is null ? null : _spaces.GetValueOrDefault(domain);

    private void Load(AddressSpace space, ulong root)
    {
        int free = Enumerable.Range(0, MyRegisters.Devices).Except(_spaces.Values.Select(other => other.Id)).FirstOrDefault(-1);
        if (free < 0)
        {
            throw new IommuException(IommuError.ENOSPC, $"All {MyRegisters.Devices} address spaces of {name} are in use.");
        }

        cache.Clean(root, 4096);
        cache.Barrier();

        // From here on operations invalidate; so what is dropped now is all that there was before.
        space.Id = free;
        Interlocked.MemoryBarrier();
        registers.Write32(MyRegisters.Space, (uint)free);
        registers.Write32(MyRegisters.InvalidateSpace, 0);
        registers.Write32(MyRegisters.Root, (uint)root | MyRegisters.RootIsValid);
    }

    private void Unload(AddressSpace space)
    {
        registers.Write32(MyRegisters.Space, (uint)space.Id);
        registers.Write32(MyRegisters.Root, 0);
        registers.Write32(MyRegisters.InvalidateSpace, 0);
        space.Id = -1;
    }

    /// <summary>What the hardware knows a domain as, while a device is attached.</summary>
    private sealed class AddressSpace
    {
        public volatile int Id = -1;

        public int Users { get; set; }
    }

    /// <summary>The primitives. Everything between Begin and Submit is under the lock, as the register that selects a space is shared.</summary>
    private readonly struct Hardware(MyDriver driver, AddressSpace space) : IDomainHardware<NoBatch>
    {
        public bool IsLive => space.Id >= 0;

        public void Begin(ref NoBatch batch) => driver._lock.Enter();

        public void Submit(ref NoBatch batch) => driver._lock.Exit();

        public void InvalidateTableCache(ref NoBatch batch, ulong physicalAddress, ulong bytes)
        {
            // There is no such cache, and the traits say so.
        }

        public void InvalidateTlb(ref NoBatch batch, in TlbRange range) => driver.Invalidate(space.Id, range.Iova, range.Bytes >> 12);

        public void InvalidateAll(ref NoBatch batch) => driver.Invalidate(space.Id, 0, ulong.MaxValue);

        public void Wait(ref NoBatch batch) => _ = driver.ReadStatus();
    }

    private uint ReadStatus() => registers.Read32(MyRegisters.Status);

    private void Invalidate(int space, ulong iova, ulong pages)
    {
        if (space < 0)
        {
            // Detached since somebody looked, and that dropped everything.
            return;
        }

        registers.Write32(MyRegisters.Space, (uint)space);
        if (pages >= (ulong)(mostPages == 0 ? 64 : mostPages))
        {
            registers.Write32(MyRegisters.InvalidateSpace, 0);
            return;
        }

        // The bug takes the end of a range for exclusive where it is inclusive.
        ulong count = hasBug && pages > 1 ? pages - 1 : pages;
        for (ulong page = 0; page < count; page++)
        {
            registers.Write32(MyRegisters.InvalidatePage, (uint)(iova + (page << 12)));
        }
    }
}
