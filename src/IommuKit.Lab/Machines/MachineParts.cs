using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>
/// What every machine is put together from, but for its driver: memory, the pool of page tables, and the meter before the hardware.
/// </summary>
public sealed class MachineParts
{
    private MachineParts(
        PhysicalMemory memory, PageAllocator allocator, PageAllocator? queues, Meter meter, IMmio registers, ICpuCache cache, IStatusWords statusWords)
    {
        Memory = memory;
        Allocator = allocator;
        Meter = meter;
        Registers = registers;
        Cache = cache;
        Queues = queues;
        StatusWords = statusWords;
    }

    /// <summary>System memory.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>Where page tables come from.</summary>
    public PageAllocator Allocator { get; }

    /// <summary>Counts what the driver does to the hardware.</summary>
    public Meter Meter { get; }

    /// <summary>The registers that the driver gets: the hardware's, behind the meter if that is wanted.</summary>
    public IMmio Registers { get; }

    /// <summary>The CPU's cache that the driver gets.</summary>
    public ICpuCache Cache { get; }

    /// <summary>Where queues come from; null where the machine has none.</summary>
    public PageAllocator? Queues { get; }

    /// <summary>How the driver looks at words that the hardware stores.</summary>
    public IStatusWords StatusWords { get; }

    /// <summary>Puts a machine together, and the driver on it. If something throws, nothing is left of it.</summary>
    /// <typeparam name="TMachine">The machine.</typeparam>
    /// <param name="settings">How it is to be.</param>
    /// <param name="memoryBytes">Bytes of memory that the hardware can address.</param>
    /// <param name="isCoherent">Whether the hardware sees the CPU's stores at once.</param>
    /// <param name="purposeOf">What an access of a register is for, by its offset and whether it is a read.</param>
    /// <param name="createModel">Makes the model of the hardware, whose registers these are. Not called where none is wanted.</param>
    /// <param name="create">Makes the machine of its parts.</param>
    /// <param name="queues">Queues in memory; null for hardware without them.</param>
    /// <param name="createSilent">
    /// For hardware without queues: makes the registers where no model is wanted, if its driver reads what sets the hardware up; null if it does not.
    /// </param>
    public static TMachine Build<TMachine>(
        MachineSettings settings,
        ulong memoryBytes,
        bool isCoherent,
        Func<uint, bool, RegisterPurpose> purposeOf,
        Func<PhysicalMemory, IMmio> createModel,
        Func<MachineParts, TMachine> create,
        QueueParts? queues = null,
        Func<SilentRegisters>? createSilent = null)
        where TMachine : Machine
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(purposeOf);
        ArgumentNullException.ThrowIfNull(createModel);
        ArgumentNullException.ThrowIfNull(create);

        // Without a model nothing but the CPU looks at memory, and that only at the tables.
        var memory = settings.Memory ?? (settings.HasModel
            ? new PhysicalMemory(memoryBytes, isCoherent)
            : new PhysicalMemory(settings.TablePoolStart + settings.TablePool + (queues?.Bytes ?? 0), isCoherent: true));
        try
        {
            settings.Prepare?.Invoke(memory);
            var allocator = new PageAllocator(memory.CpuView, settings.TablePoolStart, settings.TablePool);
            var queuePool = queues is null
                ? null
                : new PageAllocator(memory.CpuView, settings.TablePoolStart + settings.TablePool, queues.Bytes);
            var silent = queues?.CreateSilent() ?? createSilent?.Invoke() ?? new SilentRegisters();
            var registers = settings.HasModel ? createModel(memory) : silent;
            var cache = settings.HasModel ? (ICpuCache)memory : silent;
            var statusWords = registers as IStatusWords ?? new HostStatusWords(memory.CpuView);
            var meter = new Meter(registers, cache, purposeOf, settings.IsShared, statusWords, queues?.CreateReader(memory.CpuView));
            return create(settings.HasMeter
                ? new MachineParts(memory, allocator, queuePool, meter, meter, meter, meter)
                : new MachineParts(memory, allocator, queuePool, meter, registers, cache, statusWords));
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }
}
