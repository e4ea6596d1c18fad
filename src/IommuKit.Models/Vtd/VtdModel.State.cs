using IommuKit.Models.State;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Saving and restoring the state, and registers that are put there without what a write of them does.</content>
public sealed partial class VtdModel<TMemory>
{
    /// <inheritdoc/>
    /// <remarks>Statistics go on.</remarks>
    public void Reset()
    {
        lock (_gate)
        {
            ResetAll();
        }

        TellEverything();
        Accesses.Drain();
    }

    /// <inheritdoc/>
    /// <remarks>A descriptor that another thread is doing counts as not done yet.</remarks>
    public byte[] Save()
    {
        var transfer = StateTransfer.Save();
        lock (_gate)
        {
            Transfer(ref transfer);
        }

        return transfer.ToArray();
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Memory has to be restored before: what was under way goes on in this call, as its doorbell was rung before the state was saved and is not rung
    /// again. Descriptors that were not done yet are, and commands of registers end.
    /// </remarks>
    public void Restore(ReadOnlySpan<byte> state)
    {
        Effects effects;
        try
        {
            lock (_gate)
            {
                _drops++;
                _queueEpoch++;
                StateTransfer.Restore(state, Transfer, ResetAll);
                bool isFlushing = (_status & VtdRegister.GlobalBits.WriteBufferFlush) != 0;
                effects = Effects.Command | Effects.Queue | (isFlushing ? Effects.WriteBuffer : Effects.None);
            }
        }
        finally
        {
            TellEverything();
            Accesses.Drain();
            TellIfDue();
        }

        Finish(effects, default);
    }

    /// <summary>
    /// Puts a value into a register without doing what a write of it would: to load a snapshot of a machine. GSTS may be loaded too, before or
    /// after the addresses that it has in use; loading IQT takes no descriptors.
    /// </summary>
    /// <param name="offset">The register.</param>
    /// <param name="value">Its value. Bits that it does not have are ignored.</param>
    public void LoadRegister(uint offset, ulong value)
    {
        lock (_gate)
        {
            switch (offset)
            {
                case VtdRegister.GlobalStatus:
                    _status = (uint)value & ~VtdRegister.GlobalBits.WriteBufferFlush;
                    TakeLoaded();
                    break;
                case VtdRegister.RootTable:
                    _rootRegister = value & ~0x3fful;
                    TakeLoaded();
                    break;
                case VtdRegister.InterruptTable:
                    _interruptRegister = value & ~0x7f0ul;
                    TakeLoaded();
                    break;
                case VtdRegister.QueueHead:
                    _queueHead = value & QueueOffsetMask;
                    break;
                case VtdRegister.FaultStatus:
                    _faultStatus = (uint)value & VtdRegister.FaultStatusBits.Clearable;
                    break;
                case VtdRegister.CompletionStatus:
                    _completionStatus = (uint)value & 1;
                    break;
                case VtdRegister.ContextCommand:
                    _contextCommand = value & ~VtdRegister.ContextCommandBits.Invalidate;
                    break;
                default:
                    WriteRegister(offset, (uint)value);
                    if (value >> 32 != 0 || IsWide(offset))
                    {
                        WriteRegister(offset + HighHalf, (uint)(value >> 32));
                    }

                    break;
            }

            ShowChanges();
        }

        TellEverything();
    }

    private static bool IsWide(uint offset) => offset is
        VtdRegister.ProtectedHighBase or VtdRegister.ProtectedHighLimit or VtdRegister.QueueTail or VtdRegister.QueueAddress
        or VtdRegister.PageQueueHead or VtdRegister.PageQueueTail or VtdRegister.PageQueueAddress;

    private void TakeLoaded()
    {
        if ((_status & VtdRegister.GlobalBits.SetRootTable) != 0)
        {
            TakeRootTable(_rootRegister);
        }

        if ((_status & VtdRegister.GlobalBits.SetInterruptTable) != 0)
        {
            TakeInterruptTable(_interruptRegister);
        }

        UpdateMode();
    }

    private void ResetAll()
    {
        DropEverything();
        ResetRegisters();
    }

    /// <summary>Names everything that is the state, once for both directions.</summary>
    private void Transfer(ref StateTransfer transfer)
    {
        transfer.Header($"vtd-2 {_cap.Value:x} {_ecap.Value:x} {_unit.HostAddressBits} {_options}");
        transfer.Value(ref _status);
        transfer.Value(ref _rootRegister);
        transfer.Value(ref _root);
        int tableMode = (int)_tableMode;
        transfer.Value(ref tableMode);
        _tableMode = (VtdTableMode)(tableMode & 3);
        transfer.Value(ref _contextCommand);
        transfer.Value(ref _iotlbCommand);
        transfer.Value(ref _iotlbAddress);
        transfer.Value(ref _interruptRegister);
        transfer.Value(ref _interruptTable);
        transfer.Value(ref _protection);
        transfer.Value(ref _protectedLowBase);
        transfer.Value(ref _protectedLowLimit);
        transfer.Value(ref _protectedHighBase);
        transfer.Value(ref _protectedHighLimit);
        transfer.Value(ref _queueHead);
        transfer.Value(ref _queueTail);
        transfer.Value(ref _queueAddress);
        transfer.Value(ref _queueError);
        transfer.Value(ref _completionStatus);
        transfer.Value(ref _pageStatus);
        transfer.Value(ref _pageHead);
        transfer.Value(ref _pageTail);
        transfer.Value(ref _pageQueue);
        transfer.Value(ref _faultStatus);
        transfer.Value(ref _nextRecord);
        transfer.Value(ref _firstRecord);
        transfer.Value(ref _isTimeoutPending);
        transfer.Value(ref _isDrainDue);
        for (int i = 0; i < _records.Length; i++)
        {
            var (lower, upper) = _records[i];
            transfer.Value(ref lower);
            transfer.Value(ref upper);
            _records[i] = new VtdFaultRecord(lower, upper);
        }

        _faultEvent.Transfer(ref transfer);
        _completionEvent.Transfer(ref transfer);
        _pageEvent.Transfer(ref transfer);
        ReadOnlySpan<VtdCache> caches = [_contexts, _pasids, _pages, _pages2M, _pages1G, _interrupts, .. _tables];
        foreach (var cache in caches)
        {
            cache.Transfer(ref transfer);
        }

        if (transfer.IsRestoring)
        {
            KeepToHardware();
        }
    }

    /// <summary>Clears bits that no register has, brings within bounds what is used as an index, and derives what follows from the rest.</summary>
    private void KeepToHardware()
    {
        _status &= ~VtdRegister.GlobalBits.WriteBufferFlush;
        _queueHead &= QueueOffsetMask;
        _queueTail &= QueueOffsetMask;
        _faultStatus &= VtdRegister.FaultStatusBits.Clearable;
        _nextRecord = (int)((uint)_nextRecord % (uint)_records.Length);
        _firstRecord = (int)((uint)_firstRecord % (uint)_records.Length);
        _recordsInUse = _records.Count(record => record.IsFault);
        _isProtecting = (_protection & VtdRegister.ProtectedMemoryBits.Enable) != 0;
        _hasNested = true;
        EndCommands();
        UpdateMode();
    }
}
