using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Sync;

namespace IommuKit.Lab.Machines;

/// <summary>
/// Sits between a driver and the hardware and counts what passes; it can also leave steps out, to show what they are for. Thread-safe as far as
/// single accesses are, unless it is told that only one thread at a time uses it.
/// </summary>
/// <param name="registers">The hardware's registers.</param>
/// <param name="cache">The CPU's cache.</param>
/// <param name="purposeOf">What an access of a register is for, by its offset and whether it is a read.</param>
/// <param name="isShared">
/// Whether several threads may use it at once. A trace has some fifteen accesses for each event: counting them must cost nothing.
/// </param>
public sealed class Meter(IMmio registers, ICpuCache cache, Func<uint, bool, RegisterPurpose> purposeOf, bool isShared) : IMmio, ICpuCache
{
    // Registers with lower offsets have their purposes looked up once only.
    private const uint KnownOffsets = 0x1000;

    // Counters, from 1 on.
    private const int TableCacheAccess = 1;
    private const int TlbAccess = 2;
    private const int CompletionAccess = 3;
    private const int OtherAccess = 4;
    private const int Counters = 5;

    // Without hardware behind it there is nothing to pass on, only to count.
    private readonly bool _hasHardware = HasHardware(registers, cache);

    // Which counter an access belongs to, writes before reads; 0 where none was seen yet.
    private readonly byte[] _counterOf = new byte[2 * KnownOffsets];
    private AccessCounters _writes;
    private AccessCounters _reads;
    private bool _isPassedOn = HasHardware(registers, cache);

    // One thread, and nothing behind: a step is an addition.
    private bool _onlyCounts = !isShared && !HasHardware(registers, cache);
    private long _lines;
    private long _cleans;
    private long _barriers;

    /// <summary>If set: receives every step, and returns whether to leave it out.</summary>
    public Func<MaintenanceStep, bool>? Filter
    {
        get;
        set
        {
            field = value;
            SetPassedOn();
        }
    }

    /// <summary>If set: sees every step that reaches the hardware, before it does.</summary>
    public Action<MaintenanceStep>? Observer
    {
        get;
        set
        {
            field = value;
            SetPassedOn();
        }
    }

    /// <summary>Whether several threads may use it at once.</summary>
    public bool IsShared => isShared;

    /// <inheritdoc/>
    public int LineSize { get; } = cache.LineSize;

    /// <summary>Another meter before the same hardware, which counts what is done through it.</summary>
    public Meter Beside() => new(registers, cache, purposeOf, isShared);

    /// <summary>What passed so far.</summary>
    /// <param name="software">What domains count themselves.</param>
    public OperationCounts Read(DomainCounters software) => new(
        Accesses(ref _writes),
        Accesses(ref _reads),
        Volatile.Read(ref _lines),
        Volatile.Read(ref _cleans),
        Volatile.Read(ref _barriers),
        software.EntriesStored,
        software.TablesAllocated,
        software.TablesFreed,
        software.RangesMapped,
        software.Syncs,
        software.RunsStored);

    /// <inheritdoc/>
    public uint Read32(uint offset) => (uint)Read(offset, isWide: false);

    /// <summary>One access, also where the hardware makes two of it.</summary>
    public ulong Read64(uint offset) => Read(offset, isWide: true);

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
                WriteThrough(step.Address, step.Value, step.IsWide);
                break;
            case MaintenanceKind.RegisterRead:
                _ = ReadThrough(step.Address, step.IsWide);
                break;
            default:
                throw new ArgumentException($"Hardware has no {step.Kind}.", nameof(step));
        }
    }

    /// <inheritdoc/>
    public void Write32(uint offset, uint value) => Write(offset, value, isWide: false);

    /// <summary>One access, also where the hardware makes two of it.</summary>
    public void Write64(uint offset, ulong value) => Write(offset, value, isWide: true);

    /// <inheritdoc/>
    public void Clean(ulong physicalAddress, ulong length)
    {
        ulong mask = (ulong)LineSize - 1;
        ulong first = physicalAddress & ~mask;
        Add(ref _cleans, 1);

        // Lines are powers of two; a division would cost more than all else here.
        Add(ref _lines, (long)((physicalAddress + length + mask - first) >> BitOperations.TrailingZeroCount(LineSize)));
        if (_isPassedOn && MustDo(MaintenanceKind.Clean, physicalAddress, length))
        {
            cache.Clean(physicalAddress, length);
        }
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        Add(ref _barriers, 1);
        if (_isPassedOn && MustDo(MaintenanceKind.Barrier, 0, 0))
        {
            cache.Barrier();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Read(uint offset, bool isWide)
    {
        if (_onlyCounts && TryCount(ref _reads, KnownOffsets, offset))
        {
            return 0;
        }

        Add(ref _reads[CounterOf(offset, isRead: true)], 1);
        return _isPassedOn && MustDo(MaintenanceKind.RegisterRead, offset, 0, isRead: true, isWide) ? ReadThrough(offset, isWide) : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Write(uint offset, ulong value, bool isWide)
    {
        if (_onlyCounts && TryCount(ref _writes, 0, offset))
        {
            return;
        }

        Add(ref _writes[CounterOf(offset, isRead: false)], 1);
        if (_isPassedOn && MustDo(MaintenanceKind.RegisterWrite, offset, value, isRead: false, isWide))
        {
            WriteThrough(offset, value, isWide);
        }
    }

    private ulong ReadThrough(ulong offset, bool isWide) => isWide ? registers.Read64((uint)offset) : registers.Read32((uint)offset);

    private void WriteThrough(ulong offset, ulong value, bool isWide)
    {
        if (isWide)
        {
            registers.Write64((uint)offset, value);
        }
        else
        {
            registers.Write32((uint)offset, (uint)value);
        }
    }

    private static bool HasHardware(IMmio registers, ICpuCache cache) => !(registers is SilentRegisters && cache is SilentRegisters);

    private static RegisterAccesses Accesses(ref AccessCounters counters) => new(
        Volatile.Read(ref counters[TableCacheAccess]),
        Volatile.Read(ref counters[TlbAccess]),
        Volatile.Read(ref counters[CompletionAccess]),
        Volatile.Read(ref counters[OtherAccess]));

    private void SetPassedOn()
    {
        _isPassedOn = _hasHardware || Filter is not null || Observer is not null;
        _onlyCounts = !isShared && !_isPassedOn;
    }

    /// <summary>Counts an access of a register whose purpose was looked up before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryCount(ref AccessCounters counters, uint known, uint offset)
    {
        int counter = offset < KnownOffsets ? _counterOf[known + offset] : 0;
        if (counter == 0)
        {
            return false;
        }

        counters[counter]++;
        return true;
    }

    private void Add(ref long counter, long count)
    {
        if (isShared)
        {
            Interlocked.Add(ref counter, count);
        }
        else
        {
            counter += count;
        }
    }

    private int CounterOf(uint offset, bool isRead)
    {
        if (offset >= KnownOffsets)
        {
            return FindCounter(offset, isRead);
        }

        ref byte known = ref _counterOf[offset + (isRead ? KnownOffsets : 0)];
        if (known == 0)
        {
            known = (byte)FindCounter(offset, isRead);
        }

        return known;
    }

    private int FindCounter(uint offset, bool isRead) => purposeOf(offset, isRead) switch
    {
        RegisterPurpose.TableCacheInvalidation => TableCacheAccess,
        RegisterPurpose.TlbInvalidation => TlbAccess,
        RegisterPurpose.Completion => CompletionAccess,
        _ => OtherAccess,
    };

    private bool MustDo(MaintenanceKind kind, ulong address, ulong value, bool? isRead = null, bool isWide = false)
    {
        if (Filter is null && Observer is null)
        {
            return true;
        }

        var step = new MaintenanceStep(kind, address, value, isRead is { } read ? purposeOf((uint)address, read) : default, IsWide: isWide);
        if (Filter is { } filter && filter(step))
        {
            return false;
        }

        Observer?.Invoke(step);
        return true;
    }

    [InlineArray(Counters)]
    private struct AccessCounters
    {
        private long _first;
    }
}
