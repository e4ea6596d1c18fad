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
/// <param name="statusWords">What hardware stores to tell how far it is; null if it does not.</param>
/// <param name="queues">Counts what doorbells hand over; null if there are none.</param>
public sealed class Meter(
    IMmio registers,
    ICpuCache cache,
    Func<uint, bool, RegisterPurpose> purposeOf,
    bool isShared,
    IStatusWords? statusWords = null,
    IQueueReader? queues = null) : IMmio, ICpuCache, IStatusWords
{
    // Registers with lower offsets have their purposes looked up once only, but for those that somebody looks at beside counting: silent registers at
    // what sets them up and at what tells how far a queue is, a reader of queues at the former and at doorbells.
    private const uint KnownOffsets = 0x1000;

    // Without hardware behind it there is nothing to pass on, only to count.
    private readonly bool _hasHardware = HasHardware(registers, cache);

    // Where an access is counted, writes before reads; 0 where none was seen yet.
    private readonly byte[] _slotOf = new byte[2 * KnownOffsets];

    // Accesses by purpose only: the totals are made when it is read.
    private OperationCounts _counts;
    private bool _isPassedOn = HasHardware(registers, cache);

    // One thread, and nothing behind: a step is an addition.
    private bool _onlyCounts = !isShared && !HasHardware(registers, cache);

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

    /// <summary>Commands that doorbells handed over, by kind and by the pages that they name; null without queues.</summary>
    public CommandTally? Commands => queues?.Commands;

    /// <summary>Whether several threads may use it at once.</summary>
    public bool IsShared => isShared;

    /// <inheritdoc/>
    public int LineSize { get; } = cache.LineSize;

    /// <summary>Another meter before the same hardware, which counts what is done through it.</summary>
    public Meter Beside() => new(registers, cache, purposeOf, isShared, statusWords);

    /// <summary>What passed so far.</summary>
    /// <param name="software">What domains count themselves.</param>
    public OperationCounts Read(DomainCounters software)
    {
        ArgumentNullException.ThrowIfNull(software);
        Read(software, out var counts);
        return counts;
    }

    /// <summary>The same without a copy of the outcome.</summary>
    internal void Read(DomainCounters software, out OperationCounts counts)
    {
        if (isShared)
        {
            OperationCounts.Read(ref _counts, out counts);
        }
        else
        {
            counts = _counts;
        }

        counts.AddPurposes();
        counts.Add(OperationKind.EntryStored, software.EntriesStored);
        counts.Add(OperationKind.RunStored, software.RunsStored);
        counts.Add(OperationKind.TableAllocated, software.TablesAllocated);
        counts.Add(OperationKind.TableFreed, software.TablesFreed);
        counts.Add(OperationKind.RangeMapped, software.RangesMapped);
        counts.Add(OperationKind.Wait, software.Syncs);
    }

    /// <summary>Counts operations that are no register accesses: commands in memory, requests.</summary>
    /// <param name="kind">What they are.</param>
    /// <param name="purpose">What they are for.</param>
    /// <param name="count">How many.</param>
    public void Count(OperationKind kind, OperationPurpose purpose, long count) => Add(OperationCounts.SlotOf(kind, purpose), count);

    /// <summary>Counts commands that a doorbell handed over.</summary>
    /// <param name="translations">Those that invalidate translations.</param>
    /// <param name="waits">Those that wait.</param>
    /// <param name="others">All others.</param>
    public void CountCommands(long translations, long waits, long others)
    {
        Count(OperationKind.Command, OperationPurpose.Tlb, translations);
        Count(OperationKind.Command, OperationPurpose.Completion, waits);
        if (others != 0)
        {
            Count(OperationKind.Command, OperationPurpose.Other, others);
        }
    }

    /// <summary>What was counted so far, for <see cref="Repeat"/>.</summary>
    /// <returns>False if steps do more than to be counted, or are seen.</returns>
    internal bool TryMark(out OperationCounts counts)
    {
        counts = _counts;
        return _onlyCounts;
    }

    /// <summary>Counts again what was counted since a mark.</summary>
    internal void Repeat(in OperationCounts mark, long times) => _counts.Repeat(mark, times);

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
            case MaintenanceKind.StatusRead:
                _ = statusWords?.HasReached(step.Address, (uint)step.Value);
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
        Add((int)OperationKind.CleanCall, 1);

        // Lines are powers of two; a division would cost more than all else here.
        Add((int)OperationKind.LineCleaned, (long)((physicalAddress + length + mask - first) >> BitOperations.TrailingZeroCount(LineSize)));
        if (_isPassedOn && MustDo(MaintenanceKind.Clean, physicalAddress, length))
        {
            cache.Clean(physicalAddress, length);
        }
    }

    /// <inheritdoc/>
    public void Barrier()
    {
        Add((int)OperationKind.Barrier, 1);
        if (_isPassedOn && MustDo(MaintenanceKind.Barrier, 0, 0))
        {
            cache.Barrier();
        }
    }

    /// <summary>Without hardware, and where the look is left out, it is always reached. That it was looked at costs nothing by itself.</summary>
    public bool HasReached(ulong physicalAddress, uint value) =>
        !_isPassedOn
        || statusWords is null
        || !MustDo(MaintenanceKind.StatusRead, physicalAddress, value)
        || statusWords.HasReached(physicalAddress, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Read(uint offset, bool isWide)
    {
        if (_onlyCounts && TryCount(KnownOffsets, offset))
        {
            return 0;
        }

        Add(SlotOf(offset, isRead: true), 1);
        return !_isPassedOn || MustDo(MaintenanceKind.RegisterRead, offset, 0, isRead: true, isWide)
            ? ReadThrough(offset, isWide)
            : queues?.WhenDone(offset) ?? 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Write(uint offset, ulong value, bool isWide)
    {
        if (_onlyCounts && TryCount(0, offset))
        {
            return;
        }

        Add(SlotOf(offset, isRead: false), 1);
        queues?.Written(offset, value, this);
        if (!_isPassedOn || MustDo(MaintenanceKind.RegisterWrite, offset, value, isRead: false, isWide))
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

    private void SetPassedOn()
    {
        _isPassedOn = _hasHardware || Filter is not null || Observer is not null;
        _onlyCounts = !isShared && !_isPassedOn;
    }

    /// <summary>Counts an access of a register whose purpose was looked up before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryCount(uint known, uint offset)
    {
        int slot = offset < KnownOffsets ? _slotOf[known + offset] : 0;
        if (slot == 0)
        {
            return false;
        }

        _counts.Slot(slot)++;
        return true;
    }

    private void Add(int slot, long count)
    {
        if (isShared)
        {
            Interlocked.Add(ref _counts.Slot(slot), count);
        }
        else
        {
            _counts.Slot(slot) += count;
        }
    }

    private int SlotOf(uint offset, bool isRead)
    {
        if (offset >= KnownOffsets)
        {
            return FindSlot(offset, isRead);
        }

        ref byte known = ref _slotOf[offset + (isRead ? KnownOffsets : 0)];
        if (known != 0)
        {
            return known;
        }

        int slot = FindSlot(offset, isRead);
        var purpose = purposeOf(offset, isRead);
        bool isLookedAt = purpose is RegisterPurpose.Configuration or RegisterPurpose.Doorbell
            || (purpose == RegisterPurpose.Completion && queues is not null);
        if (!isLookedAt)
        {
            known = (byte)slot;
        }

        return slot;
    }

    private int FindSlot(uint offset, bool isRead)
    {
        var purpose = purposeOf(offset, isRead);
        return purpose == RegisterPurpose.Doorbell && !isRead
            ? (int)OperationKind.Doorbell
            : OperationCounts.SlotOf(isRead ? OperationKind.RegisterRead : OperationKind.RegisterWrite, purpose switch
            {
                RegisterPurpose.TableCacheInvalidation => OperationPurpose.TableCache,
                RegisterPurpose.TlbInvalidation => OperationPurpose.Tlb,
                RegisterPurpose.Completion => OperationPurpose.Completion,
                _ => OperationPurpose.Other,
            });
    }

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
}
