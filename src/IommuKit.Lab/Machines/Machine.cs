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

    /// <summary>Makes a machine.</summary>
    /// <param name="name">The IOMMU's name.</param>
    /// <param name="parts">What it is made of.</param>
    protected Machine(string name, MachineParts parts)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(parts);
        Name = name;
        Memory = parts.Memory;
        Allocator = parts.Allocator;
        DataStart = (parts.Queues ?? parts.Allocator).LastAddress + 1;
        _meter = parts.Meter;
        _counters = new DomainCounters(_meter.IsShared);
    }

    /// <summary>The IOMMU's name.</summary>
    public string Name { get; }

    /// <summary>System memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>Where page tables come from. Everything outside its pool is free for data.</summary>
    public PageAllocator Allocator { get; }

    /// <summary>
    /// The first physical address after what page tables, and queues if there are any, come from. What is below the pool, if anything, is free for data too.
    /// </summary>
    public ulong DataStart { get; }

    /// <summary>The driver.</summary>
    public abstract IommuDriver Driver { get; }

    /// <summary>The device side of the model; null without one.</summary>
    public abstract IIommuModel? Hardware { get; }

    /// <summary>A device that can do DMA: the driver's first, unless the machine knows better.</summary>
    public virtual IommuDevice TestDevice => Driver.Devices[0];

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

    /// <summary>
    /// Commands of the driver so far, by kind and by the pages that they name; null where it gives none by a queue. Only for one thread at a time.
    /// </summary>
    public CommandTally? Commands => _meter.Commands;

    /// <summary>What happened so far.</summary>
    public OperationCounts Counts => _meter.Read(_counters);

    /// <summary>The same for a replay, which asks for each event.</summary>
    internal void ReadCounts(out OperationCounts counts) => _meter.Read(_counters, out counts);

    /// <summary>What domains put off: <see cref="DomainCounters.PagesPutOff"/> and <see cref="DomainCounters.Drains"/>.</summary>
    public (long Pages, long Drains) PutOff => (_counters.PagesPutOff, _counters.Drains);

    /// <summary>A meter of its own before the same hardware, for accesses that do not come from the driver.</summary>
    public Meter MeterBeside() => _meter.Beside();

    /// <summary>What the model's caches did so far; zeros without a model.</summary>
    public virtual CacheCounts Caches => default;

    /// <summary>Accesses the hardware as the driver does, but uncounted and whatever <see cref="Filter"/> says.</summary>
    public void Issue(in MaintenanceStep step) => _meter.Issue(step);

    /// <summary>Makes a domain whose work is counted.</summary>
    public IommuDomain CreateDomain(DomainOptions options) => Driver.CreateDomain(options with { Counters = _counters });

    /// <summary>
    /// As <see cref="CreateDomain"/>, for those who look at nothing but the counts: where pages cost alike, one is counted for its neighbours.
    /// </summary>
    internal IommuDomain CreateTalliedDomain(DomainOptions options) =>
        CreateDomain(options with { Tally = DoPagesCostAlike ? new MeterTally(_meter) : null });

    /// <summary>Makes the hardware of a device that does DMA.</summary>
    /// <exception cref="InvalidOperationException">The machine has no model, or the device no port.</exception>
    /// <exception cref="ArgumentException">The device is another machine's.</exception>
    public DmaDevice<DeviceMemory> CreateDma(IommuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.Driver != Driver)
        {
            throw new ArgumentException($"{device} is a device of another machine.", nameof(device));
        }

        return Hardware is { } hardware && SourcesOf(device) is var (reads, writes)
            ? new DmaDevice<DeviceMemory>(hardware, Memory.DeviceView, reads, writes)
            : throw new InvalidOperationException($"{device} of {Name} has no port that could do DMA here.");
    }

    /// <summary>
    /// Lets register writes under way take effect, as hardware may at any time. Nothing, for a model whose writes take effect at once.
    /// </summary>
    public virtual void SettleWrites()
    {
    }

    /// <summary>Lets the cache of table memory forget the line around an address, as hardware may. Nothing, for a model without one.</summary>
    public virtual void EvictTableLine(ulong physicalAddress)
    {
    }

    /// <summary>Lets the TLB, and the walk cache if there is one, forget everything, as hardware may. Nothing, for a model without them.</summary>
    public virtual void EvictTranslations()
    {
    }

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

    /// <summary>
    /// Whether the driver does as much to the hardware for any page of a size by itself, wherever it lies. Then a replay under
    /// <see cref="SyncPolicy.PerPage"/>, before hardware that only counts, does it for one of neighbours.
    /// </summary>
    protected virtual bool DoPagesCostAlike => false;

    /// <summary>The source ids of a device's reads and writes; null if it has no port.</summary>
    protected abstract (int Reads, int Writes)? SourcesOf(IommuDevice device);
}
