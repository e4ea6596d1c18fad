using System.Buffers.Binary;
using System.Runtime.InteropServices;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Drivers.Software;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Software;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Checker.Iommus.Software;

/// <summary>A software IOMMU under the eyes of the checker: each domain has a walker of its own, whose memory may be coherent or not.</summary>
/// <typeparam name="TFormat">The format of its tables.</typeparam>
internal sealed class SoftwareRig<TFormat> : CheckRig, ICpuCache, ICommandDecoder
    where TFormat : struct, IPageTableFormat
{
    private const int DomainCount = 2;

    private readonly PhysicalMemory _memory;
    private readonly bool _isCoherent;
    private readonly ulong _poolBytes;
    private readonly ulong _poolStart;
    private readonly List<PagingDomain> _domains = [];
    private readonly List<SoftwareWalker<TFormat, DeviceMemory>> _walkers = [];
    private readonly FlushChecker<TFormat> _checker;

    public SoftwareRig(string name, int inputBits, int outputBits, ShadowTraits traits, CheckSettings settings)
    {
        Name = name;
        _poolBytes = settings.PoolBytes;
        _poolStart = 1ul << 20;
        bool isCoherent = traits.HasCoherentWalk;
        _isCoherent = isCoherent;

        // Where the walker snoops, what it does not see yet is in the CPU's store buffer; the checker says what it does see.
        _memory = new PhysicalMemory(_poolStart + _poolBytes, isCoherent: false);
        Leftovers.Fill<TFormat>(_memory.CpuView.Span(_poolStart, (int)_poolBytes));
        _memory.WriteBack(_poolStart, _poolBytes);
        var allocator = new PageAllocator(_memory.CpuView, _poolStart, _poolBytes);
        var pages = new TrackedPages<TFormat>(settings.Pages, inputBits, outputBits, _poolStart, _poolBytes);
        for (int i = 0; i < DomainCount; i++)
        {
            int domain = i;
            var iommu = new SoftwareIommu<TFormat>(allocator, new SoftwareIommuOptions
            {
                InputBits = inputBits,
                OutputBits = outputBits,
                PageSizes = TrackedPages<TFormat>.PageBytes,
                CachesInvalidEntries = traits.CachesInvalidEntries,
                Cache = isCoherent ? null : this,
                Fence = isCoherent ? ((ICpuCache)this).Barrier : null,
                Invalidated = gone => Invalidate(domain, gone.Range),
            });
            _domains.Add(iommu.CreateDomain(settings.Domain));
            _walkers.Add(new SoftwareWalker<TFormat, DeviceMemory>(
                _memory.DeviceView, _domains[i].RootAddress, inputBits, outputBits, traits.CachesInvalidEntries));
        }

        // The program that walks the tables has to see the roots before it begins.
        _memory.WriteBack(_poolStart, _poolBytes);
        _checker = new FlushChecker<TFormat>(
            pages, traits with { CpuLine = _memory.LineSize }, this, _memory, DomainCount, DomainCount, DomainCount);
        _checker.Visible = address => _memory.DeviceView.TryWrite(address, _memory.CpuView.Span(address, 1 << TFormat.EntrySizeLog2));
        for (int i = 0; i < DomainCount; i++)
        {
            _checker.Connect(i, i, _domains[i].RootAddress);
        }
    }

    public override string Name { get; }

    public override FlushChecker Checker => _checker;

    public override int TableCacheLine => 0;

    public override IReadOnlyList<IommuDomain> Domains => _domains;

    public override Func<MaintenanceStep, bool>? Filter { get; set; }

    int ICpuCache.LineSize => _memory.LineSize;

    public override ICommandDecoder CreateDecoder() => this;

    void ICommandDecoder.Decode(in MaintenanceStep access, ShadowCommands commands)
    {
        ulong last = access.Value == 0 ? access.Address : access.Address + Math.Min(access.Value - 1, ulong.MaxValue - access.Address);
        commands.DropTranslations(access.Walker, access.Address, last, withTables: access.Level > 0);
        commands.Complete();
    }

    void ICpuCache.Clean(ulong physicalAddress, ulong length) => Do(new MaintenanceStep(MaintenanceKind.Clean, physicalAddress, length, default));

    void ICpuCache.Barrier() => Do(new MaintenanceStep(MaintenanceKind.Barrier, 0, 0, default));

    public override void Issue(in MaintenanceStep access)
    {
        _checker.Observe(access);
        switch (access.Kind)
        {
            case MaintenanceKind.Clean:
                _memory.Clean(access.Address, access.Value);
                break;
            case MaintenanceKind.Barrier when _isCoherent:
                WriteBackTables();
                break;
            case MaintenanceKind.Barrier:
                _memory.Barrier();
                break;
            default:
                _walkers[access.Walker].Invalidate(access.Address, access.Value, forgetsTables: access.Level > 0);
                break;
        }
    }

    public override void Attach(int device) => throw new NotSupportedException("A software IOMMU has no devices.");

    public override void Detach(int device) => throw new NotSupportedException("A software IOMMU has no devices.");

    public override void Renew(int domain) => throw new NotSupportedException("The program that walks the tables knows one root.");

    public override void Scribble(ulong physicalAddress, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(_memory.CpuView.Span(physicalAddress, sizeof(ulong)), value);

    public override void MarkVisible(ulong physicalAddress, ulong bytes)
    {
        foreach (ref ulong entry in MemoryMarshal.Cast<byte, ulong>(_memory.CpuView.Span(physicalAddress, (int)bytes)))
        {
            entry |= entry == 0 ? 0 : TFormat.SoftwareBit;
        }
    }

    public override void ReadTable(ulong physicalAddress, Span<byte> table) => _memory.CpuView.Span(physicalAddress, table.Length).CopyTo(table);

    public override void SettleWrites()
    {
        // A walker that is called has nothing under way.
    }

    public override void WriteBackTables() => _memory.WriteBack(_poolStart, _poolBytes);

    public override void WriteBack(ulong physicalAddress) => _memory.WriteBack(physicalAddress, 1);

    public override void EvictTableLine(ulong physicalAddress)
    {
        // There is no such cache.
    }

    public override void EvictTranslations() => _walkers.ForEach(walker => walker.Evict());

    public override ulong? Access(int device, ulong iova, bool isWrite)
    {
        _checker.Look();

        var translation = _walkers[device].Translate(new DmaRequest(device, iova, isWrite));
        return translation.IsAllowed ? translation.PhysicalOf(iova) : null;
    }

    public override void Dispose()
    {
        Filter = null;
        _domains.ForEach(domain => domain.Dispose());
        _memory.Dispose();
    }

    private void Invalidate(int domain, in TlbRange range) =>
        Do(new MaintenanceStep(MaintenanceKind.Invalidate, range.Iova, range.Bytes, default, range.ChangesTables ? 1 : 0, domain));

    private void Do(in MaintenanceStep access)
    {
        // Roots are made before there is anybody to look.
        if (_checker is null)
        {
            _memory.WriteBack(_poolStart, _poolBytes);
            return;
        }

        if (!(Filter?.Invoke(access) ?? false))
        {
            Issue(access);
        }
    }
}
