using IommuKit.Domains;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;

namespace IommuKit.Lab.Machines;

/// <summary>
/// Sits between a driver and the hardware and counts what passes; it can also leave steps out, to show what they are for. Thread-safe as far as
/// single accesses are.
/// </summary>
internal sealed class Meter(IMmio registers, ICpuCache cache, Func<uint, bool, RegisterPurpose> purposeOf) : IMmio, ICpuCache
{
    private readonly Lock _gate = new();
    private readonly long[] _writes = new long[(int)RegisterPurpose.Statistics + 1];
    private readonly long[] _reads = new long[(int)RegisterPurpose.Statistics + 1];
    private long _lines;
    private long _cleans;
    private long _barriers;

    /// <summary>If set: receives every step, and returns whether to leave it out.</summary>
    public Func<MaintenanceStep, bool>? Filter { get; set; }

    /// <summary>If set: sees every step that reaches the hardware, before it does.</summary>
    public Action<MaintenanceStep>? Observer { get; set; }

    public int LineSize => cache.LineSize;

    /// <summary>Another meter before the same hardware, which counts what is done through it.</summary>
    public Meter Beside() => new(registers, cache, purposeOf);

    public OperationCounts Read(DomainCounters software)
    {
        lock (_gate)
        {
            return new OperationCounts(
                Sum(_writes),
                Sum(_reads),
                _lines,
                _cleans,
                _barriers,
                software.EntriesStored,
                software.TablesAllocated,
                software.TablesFreed,
                software.RangesMapped,
                software.Syncs,
                software.RunsStored);
        }
    }

    public uint Read32(uint offset)
    {
        var purpose = purposeOf(offset, true);
        lock (_gate)
        {
            _reads[(int)purpose]++;
        }

        return MustDo(MaintenanceKind.RegisterRead, offset, 0, purpose) ? registers.Read32(offset) : 0;
    }

    /// <summary>Does a step that no driver asked for, uncounted and whatever the filter says.</summary>
    public void Issue(in MaintenanceStep step)
    {
        Observer?.Invoke(step);
        switch (step.Kind)
        {
            case MaintenanceKind.Clean:
                cache.Clean(step.Address, step.Value);
                break;
            case MaintenanceKind.Barrier:
                cache.Barrier();
                break;
            case MaintenanceKind.RegisterWrite:
                registers.Write32((uint)step.Address, (uint)step.Value);
                break;
            case MaintenanceKind.RegisterRead:
                _ = registers.Read32((uint)step.Address);
                break;
            default:
                throw new ArgumentException($"Hardware has no {step.Kind}.", nameof(step));
        }
    }

    public void Write32(uint offset, uint value)
    {
        var purpose = purposeOf(offset, false);
        lock (_gate)
        {
            _writes[(int)purpose]++;
        }

        if (MustDo(MaintenanceKind.RegisterWrite, offset, value, purpose))
        {
            registers.Write32(offset, value);
        }
    }

    public void Clean(ulong physicalAddress, ulong length)
    {
        ulong mask = (ulong)LineSize - 1;
        ulong first = physicalAddress & ~mask;
        lock (_gate)
        {
            _cleans++;
            _lines += (long)((physicalAddress + length + mask - first) / (ulong)LineSize);
        }

        if (MustDo(MaintenanceKind.Clean, physicalAddress, length, default))
        {
            cache.Clean(physicalAddress, length);
        }
    }

    public void Barrier()
    {
        lock (_gate)
        {
            _barriers++;
        }

        if (MustDo(MaintenanceKind.Barrier, 0, 0, default))
        {
            cache.Barrier();
        }
    }

    private static RegisterAccesses Sum(long[] accesses)
    {
        long tableCache = accesses[(int)RegisterPurpose.TableCacheInvalidation];
        long tlb = accesses[(int)RegisterPurpose.TlbInvalidation];
        long completion = accesses[(int)RegisterPurpose.Completion];
        return new RegisterAccesses(tableCache, tlb, completion, accesses.Sum() - tableCache - tlb - completion);
    }

    private bool MustDo(MaintenanceKind kind, ulong address, ulong value, RegisterPurpose purpose)
    {
        if (Filter is null && Observer is null)
        {
            return true;
        }

        var step = new MaintenanceStep(kind, address, value, purpose);
        if (Filter is { } filter && filter(step))
        {
            return false;
        }

        Observer?.Invoke(step);
        return true;
    }
}
