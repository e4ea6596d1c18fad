using IommuKit.Domains;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Sync;

namespace IommuKit.Lab.Machines;

/// <summary>An IOMMU model wired to its driver, with memory, devices and counters: everything around it that a test or a measurement needs.</summary>
public abstract class Machine : IDisposable
{
    private readonly DomainCounters _counters;
    private readonly Meter _meter;

    private protected Machine(string name, PhysicalMemory memory, PageAllocator allocator, Meter meter)
    {
        Name = name;
        Memory = memory;
        Allocator = allocator;
        _meter = meter;
        _counters = new DomainCounters(meter.IsShared);
    }

    /// <summary>The IOMMU's name.</summary>
    public string Name { get; }

    /// <summary>System memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>Where page tables come from. Everything outside its pool is free for data.</summary>
    public PageAllocator Allocator { get; }

    /// <summary>
    /// The first physical address after the pool that page tables come from. What is below the pool, if anything, is free for data too.
    /// </summary>
    public abstract ulong DataStart { get; }

    /// <summary>The driver.</summary>
    public abstract IommuDriver Driver { get; }

    /// <summary>A device that can do DMA.</summary>
    public abstract IommuDevice TestDevice { get; }

    /// <summary>
    /// If set: receives every access of the driver to the hardware, and returns whether to leave it out. Leaving out what is needed must
    /// make some DMA go wrong.
    /// </summary>
    public Func<MaintenanceStep, bool>? Filter
    {
        get => _meter.Filter;
        set => _meter.Filter = value;
    }

    /// <summary>If set: sees every access that reaches the hardware, before it does.</summary>
    public Action<MaintenanceStep>? Observer
    {
        get => _meter.Observer;
        set => _meter.Observer = value;
    }

    /// <summary>What happened so far.</summary>
    public OperationCounts Counts => _meter.Read(_counters);

    /// <summary>The same for a replay, which asks for each event.</summary>
    internal void ReadCounts(out OperationCounts counts) => _meter.Read(_counters, out counts);

    /// <summary>What domains put off: <see cref="DomainCounters.PagesPutOff"/> and <see cref="DomainCounters.Drains"/>.</summary>
    public (long Pages, long Drains) PutOff => (_counters.PagesPutOff, _counters.Drains);

    /// <summary>A meter of its own before the same hardware, for accesses that do not come from the driver.</summary>
    public Meter MeterBeside() => _meter.Beside();

    /// <summary>What the model's caches did so far; zeros without a model.</summary>
    public abstract CacheCounts Caches { get; }

    /// <summary>Accesses the hardware as the driver does, but uncounted and whatever <see cref="Filter"/> says.</summary>
    public void Issue(in MaintenanceStep step) => _meter.Issue(step);

    /// <summary>Makes a domain whose work is counted.</summary>
    public IommuDomain CreateDomain(DomainOptions options) => Driver.CreateDomain(options with { Counters = _counters });

    /// <summary>Makes the hardware of a device that does DMA.</summary>
    /// <exception cref="InvalidOperationException">The machine has no model, or the device no port.</exception>
    /// <exception cref="ArgumentException">The device is another machine's.</exception>
    public abstract DmaDevice<DeviceMemory> CreateDma(IommuDevice device);

    /// <summary>The least maintenance that keeps caches in step with an operation without dropping anything else from them.</summary>
    public abstract LeastMaintenance LeastFor(in Footprint footprint);

    /// <summary>
    /// Disposes of the domains, switches the IOMMU off and gives the memory back. What is used of the machine afterwards, domains, devices
    /// and views of memory, throws <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        try
        {
            SwitchOff();
        }
        finally
        {
            Memory.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Switches the IOMMU off, as <see cref="Dispose"/> does, and leaves the memory to another machine.</summary>
    public PhysicalMemory SwitchOff()
    {
        Filter = null;
        Observer = null;
        Driver.Dispose();
        return Memory;
    }
}
