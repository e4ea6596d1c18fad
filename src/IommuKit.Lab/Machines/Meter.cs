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
    private readonly object _gate = new();
    private readonly long[] _writes = new long[(int)RegisterPurpose.Statistics + 1];
    private readonly long[] _reads = new long[(int)RegisterPurpose.Statistics + 1];
    private long _lines;
    private long _cleans;
    private long _barriers;

    /// <summary>If set: receives every step, and returns whether to leave it out.</summary>
    public Func<MaintenanceStep, bool>? Filter { get; set; }

    public int LineSize => cache.LineSize;

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
                software.Syncs);
        }
    }

    public uint Read32(uint offset)
    {
        var purpose = purposeOf(offset, true);
        lock (_gate)
        {
            _reads[(int)purpose]++;
        }

        return IsLeftOut(MaintenanceKind.RegisterRead, offset, 0, purpose) ? 0 : registers.Read32(offset);
    }

    public void Write32(uint offset, uint value)
    {
        var purpose = purposeOf(offset, false);
        lock (_gate)
        {
            _writes[(int)purpose]++;
        }

        if (!IsLeftOut(MaintenanceKind.RegisterWrite, offset, value, purpose))
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

        if (!IsLeftOut(MaintenanceKind.Clean, physicalAddress, length, default))
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

        if (!IsLeftOut(MaintenanceKind.Barrier, 0, 0, default))
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

    private bool IsLeftOut(MaintenanceKind kind, ulong address, ulong value, RegisterPurpose purpose) =>
        Filter is { } filter && filter(new MaintenanceStep(kind, address, value, purpose));
}
