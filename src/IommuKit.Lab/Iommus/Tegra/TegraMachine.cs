using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Iommus.Tegra;

/// <summary>A Tegra: its SMMU, the driver, and memory that the SMMU's walker does not see coherently.</summary>
public sealed class TegraMachine : Machine
{
    private const int PageBytes = 1 << TegraEntry.PageShift;

    private readonly TegraSmmuDriver _driver;
    private readonly ulong _tablePoolEnd;

    private TegraMachine(
        TegraSmmuDriver driver,
        PhysicalMemory memory,
        PageAllocator allocator,
        Meter meter,
        TegraSmmuModel<DeviceMemory>? model,
        ulong tablePoolEnd)
        : base(driver.Soc.Name, memory, allocator, meter)
    {
        Model = model;
        _driver = driver;
        _tablePoolEnd = tablePoolEnd;
        TestDevice = driver.Devices.First(device => device is TegraSwgroupDevice { Clients: [{ Enable: TegraClientEnable.ReadWrite }, ..] });
        if (model is not null)
        {
            model.Interrupt = isRaised =>
            {
                if (isRaised)
                {
                    _driver.HandleInterrupt();
                }
            };
        }
    }

    /// <summary>Which Tegra it is.</summary>
    public TegraSoc Soc => _driver.Soc;

    /// <summary>The model of the SMMU; null without one.</summary>
    public TegraSmmuModel<DeviceMemory>? Model { get; }

    /// <inheritdoc/>
    public override IommuDriver Driver => _driver;

    /// <inheritdoc/>
    public override IommuDevice TestDevice { get; }

    /// <inheritdoc/>
    public override ulong DataStart => _tablePoolEnd;

    /// <inheritdoc/>
    public override CacheCounts Caches =>
        Model?.Statistics is { } statistics
            ? new CacheCounts(statistics.TlbHits, statistics.TlbMisses, statistics.PtcHits, statistics.PtcMisses)
            : default;

    /// <summary>Builds a machine.</summary>
    /// <param name="soc">Which Tegra.</param>
    /// <param name="settings">How it is to be, or null.</param>
    /// <param name="modelOptions">What is not known for sure about the hardware, or null.</param>
    /// <param name="tablePoolStart">Where page tables lie in memory.</param>
    /// <param name="memory">Memory to use, which becomes the machine's own; null for new, zeroed memory.</param>
    public static TegraMachine Create(
        TegraSoc soc,
        MachineSettings? settings = null,
        TegraModelOptions? modelOptions = null,
        ulong tablePoolStart = 0,
        PhysicalMemory? memory = null)
    {
        ArgumentNullException.ThrowIfNull(soc);
        settings ??= new MachineSettings();

        // Without a model nothing but the CPU looks at memory, and that only at the tables.
        memory ??= settings.HasModel
            ? new PhysicalMemory(1ul << soc.PhysicalBits, isCoherent: false)
            : new PhysicalMemory(tablePoolStart + settings.TablePool, isCoherent: true);
        try
        {
            var allocator = new PageAllocator(memory.CpuView, tablePoolStart, settings.TablePool);
            modelOptions ??= new TegraModelOptions();
            if (settings.HasImmediateWrites)
            {
                modelOptions = modelOptions with { PostedWrites = 0 };
            }

            var model = settings.HasModel ? new TegraSmmuModel<DeviceMemory>(soc, memory.DeviceView, modelOptions) : null;
            var silent = new SilentRegisters();
            var registers = (IMmio?)model ?? silent;
            var cache = settings.HasModel ? (ICpuCache)memory : silent;
            var meter = new Meter(registers, cache, TegraMc.PurposeOf, settings.IsShared);
            var driver = new TegraSmmuDriver(
                soc,
                settings.HasMeter ? meter : registers,
                settings.HasMeter ? meter : cache,
                allocator,
                new TegraDriverOptions
                {
                    TlbStep = settings.TlbStep,
                    SectionThreshold = settings.SectionThreshold,
                    AsidThreshold = settings.AsidThreshold,
                    UsesSections = settings.UsesSections,
                    HasRangeFlush = settings.HasRangeFlush,
                },
                soc.HasAhbInitDone ? new TegraAhbModel() : null);
            return new TegraMachine(driver, memory, allocator, meter, model, tablePoolStart + settings.TablePool);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override DmaDevice<DeviceMemory> CreateDma(IommuDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.Driver != _driver)
        {
            throw new ArgumentException($"{device} is a device of another machine.", nameof(device));
        }

        if (Model is null || device is not TegraSwgroupDevice { Clients: [var reader, ..] clients })
        {
            throw new InvalidOperationException($"{device} of {Name} has no port that could do DMA here.");
        }

        // Reads and writes of an engine come from ports of their own, where it has two.
        var writer = clients.FirstOrDefault(client => client.IsWriterBeside(reader)) ?? reader;
        return new DmaDevice<DeviceMemory>(Model, Memory.DeviceView, reader.Id, writer.Id);
    }

    /// <inheritdoc/>
    public override LeastMaintenance LeastFor(in Footprint footprint)
    {
        ulong first = footprint.Iova / PageBytes;
        ulong last = (footprint.Iova + footprint.Size - 1) / PageBytes;
        long writesPerLine = Soc.HasPtcFlushHigh ? 2 : 1;
        long ptcLines = 0;
        long cpuLines = 0;
        long tlbFlushes = 0;
        ulong? firstChanged = null;
        ulong lastChanged = 0;
        for (ulong table = first >> TegraEntry.IndexBits; table <= last >> TegraEntry.IndexBits; table++)
        {
            ulong start = Math.Max(first, table << TegraEntry.IndexBits);
            ulong end = Math.Min(last, ((table + 1) << TegraEntry.IndexBits) - 1);
            bool isWhole = end - start + 1 == 1ul << TegraEntry.IndexBits;
            bool isSection = isWhole && footprint.UsesSections;
            if (isSection || footprint.Change != TableChange.None)
            {
                // The directory entry changes; dropping its section drops everything below.
                firstChanged ??= table;
                lastChanged = table;
                tlbFlushes++;
            }

            if (isSection)
            {
                continue;
            }

            switch (footprint.Change)
            {
                case TableChange.None:
                    ptcLines += Blocks(start, end, Soc.AtomBytes);
                    cpuLines += Blocks(start, end, Memory.LineSize);
                    tlbFlushes += isWhole ? 1 : (long)((end * PageBytes / TlbGroup) - (start * PageBytes / TlbGroup)) + 1;
                    break;
                case TableChange.Created:
                    // The whole new table must reach memory. What an earlier use left in the page-table cache must go, where it matters.
                    ptcLines += Blocks(start, end, Soc.AtomBytes);
                    cpuLines += PageBytes / Memory.LineSize;
                    break;
                default:
                    // Either the entries are cleared, or they are left alone, as nothing points to the table any more; then nothing of it may be
                    // found in the page-table cache when its memory is a table again.
                    long clearedPtc = Blocks(start, end, Soc.AtomBytes);
                    long clearedCpu = Blocks(start, end, Memory.LineSize);
                    long wholePtc = PageBytes / Soc.AtomBytes;
                    bool isCleared = (clearedPtc * writesPerLine) + clearedCpu < wholePtc * writesPerLine;
                    ptcLines += isCleared ? clearedPtc : wholePtc;
                    cpuLines += isCleared ? clearedCpu : 0;
                    break;
            }
        }

        if (firstChanged is { } firstEntry)
        {
            ptcLines += Blocks(firstEntry, lastChanged, Soc.AtomBytes);
            cpuLines += Blocks(firstEntry, lastChanged, Memory.LineSize);
        }

        return new LeastMaintenance((ptcLines * writesPerLine) + tlbFlushes, 1, cpuLines);
    }

    private ulong TlbGroup => (uint)Driver.Traits.Paging!.Flush.TlbGroup;

    /// <summary>How many blocks of memory the entries from <paramref name="first"/> to <paramref name="last"/> of one table touch.</summary>
    private static long Blocks(ulong first, ulong last, int blockSize)
    {
        ulong perBlock = (uint)blockSize / sizeof(uint);
        return (long)((last / perBlock) - (first / perBlock)) + 1;
    }
}
