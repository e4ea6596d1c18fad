using System.Collections;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;
using IommuKit.Sync;

namespace IommuKit.Drivers.Tegra;

/// <summary>The driver of the SMMU in the memory controller of Tegra30 to Tegra210.</summary>
/// <remarks>
/// Register writes are posted: an invalidation has taken effect when a read of any register returns. Sequences that must not be
/// interleaved (the two halves of a PTC flush, selecting an address space and writing its root) are under one lock for the whole SMMU.
/// </remarks>
public sealed partial class TegraSmmuDriver : IommuDriver
{
    private const int InputBits = 32;

    private readonly IMmio _mc;
    private readonly PageAllocator _allocator;
    private readonly TegraDriverOptions _options;
    private readonly TegraSwgroupDevice[] _devices;
    private readonly Dictionary<int, TegraSwgroupDevice> _deviceByClient = [];
    private readonly Dictionary<IommuDomain, TegraAddressSpace> _spaces = [];
    private readonly BitArray _asids;

    // What blocked devices are in.
    private PagingDomain? _empty;

    /// <summary>Takes control of an SMMU and switches it on. No device is translated yet.</summary>
    /// <param name="soc">Which SMMU it is.</param>
    /// <param name="mc">The registers of the memory controller.</param>
    /// <param name="cache">The CPU's cache.</param>
    /// <param name="allocator">Where page tables come from: memory that the SMMU can address.</param>
    /// <param name="options">Tuning, or null.</param>
    /// <param name="ahb">The registers of the AHB arbiter, which Tegra30 and Tegra114 need to complete the initialisation; otherwise null.</param>
    /// <exception cref="ArgumentException">A combination that the hardware cannot have.</exception>
    public TegraSmmuDriver(
        TegraSoc soc, IMmio mc, ICpuCache cache, PageAllocator allocator, TegraDriverOptions? options = null, IMmio? ahb = null)
    {
        ArgumentNullException.ThrowIfNull(soc);
        ArgumentNullException.ThrowIfNull(mc);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(allocator);
        _interrupts = new InterruptWork(Drain);
        _options = options ?? new TegraDriverOptions();
        _tlbStep = _options.TlbStep == 0 ? soc.TlbGroupBytes : _options.TlbStep;
        if (_tlbStep is not (16 << 10 or 32 << 10))
        {
            throw new ArgumentException($"A TLB group flush covers 16 or 32 KiB, not {_tlbStep} bytes.", nameof(options));
        }

        if (_options.SectionThreshold < 0 || _options.AsidThreshold < 0)
        {
            throw new ArgumentException(
                $"Thresholds are numbers of flushes, or 0 for never; not {_options.SectionThreshold} and {_options.AsidThreshold}.", nameof(options));
        }

        if (!Enum.IsDefined(_options.Release))
        {
            throw new ArgumentException($"There is no release rule {_options.Release}.", nameof(options));
        }

        if (soc.HasAhbInitDone && ahb is null)
        {
            throw new ArgumentException($"{soc} needs the AHB arbiter's registers.", nameof(ahb));
        }

        Soc = soc;
        Cache = cache;
        _mc = mc;
        _allocator = allocator;
        _sectionThreshold = _options.SectionThreshold == 0 ? int.MaxValue : _options.SectionThreshold;
        _asidThreshold = _options.AsidThreshold == 0 ? int.MaxValue : _options.AsidThreshold;
        _asids = new BitArray(soc.AsidCount);
        _devices = [.. soc.Swgroups.Select(group => new TegraSwgroupDevice(
            this, group, [.. soc.Clients.Where(client => client.Swgroup == group.Name)]))];
        foreach (var device in _devices)
        {
            foreach (var client in device.Clients)
            {
                _deviceByClient[client.Id] = device;
            }
        }

        Traits = new IommuTraits
        {
            Name = soc.Name,
            InputBits = InputBits,
            OutputBits = soc.PhysicalBits,
            PageSizes = _options.UsesSections ? TegraFormat.PageSizes : 1ul << TegraEntry.PageShift,
            SupportedPageSizes = TegraFormat.PageSizes,
            AddressSpaces = soc.AsidCount,
            Paging = new PagingTraits
            {
                Format = TegraFormat.Name,
                Release = _options.Release,
                Flush = new FlushTraits
                {
                    HasCoherentWalk = false,
                    CachesInvalidEntries = true,
                    TableCacheLine = soc.AtomBytes,
                    TlbGroup = _tlbStep,
                    TlbLines = soc.TlbLines,
                    HasRangeFlush = _options.HasRangeFlush,
                },
            },
        };
        SwitchOn(ahb);
    }

    /// <summary>Which SMMU it is.</summary>
    public TegraSoc Soc { get; }

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDevice> Devices => _devices;

    internal ICpuCache Cache { get; }

    /// <summary>Held for every sequence of register accesses that must not be interleaved.</summary>
    internal Lock RegisterLock { get; } = new();

    /// <inheritdoc/>
    public override PagingDomain CreateDomain(DomainOptions? options = null)
    {
        options ??= new DomainOptions();
        options.Validate();
        ulong pageSizes = IommuDomain.ChoosePageSizes(Traits, options);
        if ((pageSizes & (1ul << TegraEntry.PageShift)) == 0)
        {
            throw new IommuException(
                IommuError.EINVAL, $"{Soc} maps pages of 4 KiB, and of 4 MiB beside them; 0x{pageSizes:x} is not such a set.");
        }

        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            var space = new TegraAddressSpace();
            var domain = new PagingDomain<TegraFormat, TegraAddressSpace.Hardware, NoBatch>(
                this, options, _allocator, new TegraAddressSpace.Hardware(space, this), Cache);
            _spaces.Add(domain, space);
            return domain;
        }
    }

    /// <inheritdoc/>
    protected override void SwitchOff()
    {
        lock (RegisterLock)
        {
            _mc.Write32(TegraMc.IntMask, 0);
            _mc.Write32(TegraMc.SmmuConfig, 0);
            ReadBack();
        }
    }

    private void SwitchOn(IMmio? ahb)
    {
        uint ptc = TegraMc.PtcConfigBits.CacheEnable
            | TegraMc.PtcConfigBits.IndexMapMask
            | ((uint)Soc.PtcRequestLimit << TegraMc.PtcConfigBits.RequestLimitShift);
        uint tlb = TegraMc.TlbConfigBits.HitUnderMiss
            | ((uint)Soc.TlbLines & Soc.TlbLinesMask)
            | (Soc.RoundRobinArbitration ? TegraMc.TlbConfigBits.RoundRobinArbitration : 0);
        lock (RegisterLock)
        {
            _mc.Write32(TegraMc.PtcConfig, ptc);
            _mc.Write32(TegraMc.TlbConfig, tlb);
            FlushPtc();
            _mc.Write32(TegraMc.TlbFlush, TegraTlbFlush.All.Value);
            _mc.Write32(TegraMc.SmmuConfig, TegraMc.SmmuConfigBits.Enable);
            ReadBack();
            _mc.Write32(TegraMc.IntMask, Soc.InterruptMask);
            if (Soc.HasAhbInitDone)
            {
                ahb!.Write32(TegraAhb.XbarControl, ahb.Read32(TegraAhb.XbarControl) | TegraAhb.SmmuInitDone);
            }
        }
    }
}
