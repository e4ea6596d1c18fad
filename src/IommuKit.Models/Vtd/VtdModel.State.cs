using System.Text;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Saving and restoring the state, and registers that are put there without what a write of them does.</content>
public sealed partial class VtdModel<TMemory>
{
    private const uint StateMagic = 0x4456_4b49;
    private const int StateVersion = 1;

    /// <summary>
    /// Saves registers, caches and everything else that a unit of the same kind and geometry needs to go on in its place. A descriptor that is being done
    /// on another thread counts as not done yet.
    /// </summary>
    public byte[] Save()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        lock (_gate)
        {
            var state = new VtdState(writer);
            Transfer(ref state);
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Restores a state that <see cref="Save"/> returned. Whatever the bytes hold, the unit stays one that can be.</summary>
    /// <exception cref="InvalidDataException">They are no state of such a unit; it is as after reset then.</exception>
    public void Restore(ReadOnlySpan<byte> state)
    {
        using var stream = new MemoryStream(state.ToArray());
        using var reader = new BinaryReader(stream, Encoding.UTF8);
        bool isRestored = false;
        try
        {
            lock (_gate)
            {
                _drops++;
                _queueEpoch++;
                var source = new VtdState(reader);
                Transfer(ref source);
                Sanitize();
                isRestored = stream.Position == stream.Length;
            }
        }
        catch (EndOfStreamException)
        {
            // Said below.
        }

        if (!isRestored)
        {
            Reset();
            throw new InvalidDataException($"{state.Length} bytes are no state of a VT-d unit {_unit.Name} with these caches.");
        }

        Accesses.Drain();
        TellIfDue();
    }

    /// <summary>
    /// Puts a value into a register without doing what a write of it would: to load a snapshot of a machine. GSTS may be loaded too, before or after the
    /// addresses that it has in use; loading IQT takes no descriptors.
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
                    _status = (uint)value & ~VtdRegister.Global.WriteBufferFlush;
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
        }
    }

    private static bool IsWide(uint offset) => offset is
        VtdRegister.ProtectedHighBase or VtdRegister.ProtectedHighLimit or VtdRegister.QueueTail or VtdRegister.QueueAddress
        or VtdRegister.PageQueueHead or VtdRegister.PageQueueTail or VtdRegister.PageQueueAddress;

    private void TakeLoaded()
    {
        if ((_status & VtdRegister.Global.SetRootTable) != 0)
        {
            TakeRootTable(_rootRegister);
        }

        if ((_status & VtdRegister.Global.SetInterruptTable) != 0)
        {
            TakeInterruptTable(_interruptRegister);
        }

        UpdateMode();
    }

    /// <summary>Names everything that is the state, once for both directions.</summary>
    private void Transfer(ref VtdState state)
    {
        state.Expect(StateMagic);
        state.Expect(StateVersion);
        state.Expect(_cap.Value);
        state.Expect(_ecap.Value);
        state.Word(ref _status);
        state.Word(ref _rootRegister);
        state.Word(ref _root);
        int tableMode = (int)_tableMode;
        state.Word(ref tableMode);
        _tableMode = (VtdTableMode)(tableMode & 3);
        state.Word(ref _contextCommand);
        state.Word(ref _iotlbCommand);
        state.Word(ref _iotlbAddress);
        state.Word(ref _interruptRegister);
        state.Word(ref _interruptTable);
        state.Word(ref _protection);
        state.Word(ref _protectedLowBase);
        state.Word(ref _protectedLowLimit);
        state.Word(ref _protectedHighBase);
        state.Word(ref _protectedHighLimit);
        state.Word(ref _queueHead);
        state.Word(ref _queueTail);
        state.Word(ref _queueAddress);
        state.Word(ref _queueError);
        state.Word(ref _completionStatus);
        state.Word(ref _pageStatus);
        state.Word(ref _pageHead);
        state.Word(ref _pageTail);
        state.Word(ref _pageQueue);
        state.Word(ref _faultStatus);
        state.Word(ref _nextRecord);
        state.Word(ref _firstRecord);
        state.Word(ref _isTimeoutPending);
        for (int i = 0; i < _records.Length; i++)
        {
            var (lower, upper) = (_records[i].Lower, _records[i].Upper);
            state.Word(ref lower);
            state.Word(ref upper);
            _records[i] = new VtdFaultRecord(lower, upper);
        }

        Transfer(ref state, ref _faultEvent);
        Transfer(ref state, ref _completionEvent);
        Transfer(ref state, ref _pageEvent);
        ReadOnlySpan<VtdCache> caches = [_contexts, _pasids, _pages, _pages2M, _pages1G, _interrupts];
        foreach (var cache in caches)
        {
            state.Block(cache.Bytes);
        }

        foreach (var tables in _tables)
        {
            state.Block(tables.Bytes);
        }
    }

    private static void Transfer(ref VtdState state, ref VtdEvent source)
    {
        state.Word(ref source.Control);
        state.Word(ref source.Data);
        state.Word(ref source.Address);
        state.Word(ref source.UpperAddress);
        state.Word(ref source.IsMessageDue);
        ulong address = source.Message.Address;
        uint data = source.Message.Data;
        state.Word(ref address);
        state.Word(ref data);
        source.Message = new VtdMessage(address, data);
    }

    /// <summary>Makes what follows from the state follow, and brings within bounds what is used as an index.</summary>
    private void Sanitize()
    {
        _status &= ~VtdRegister.Global.WriteBufferFlush;
        _queueHead &= QueueOffsetMask;
        _queueTail &= QueueOffsetMask;
        _faultStatus &= VtdRegister.FaultStatusBits.Clearable;
        _nextRecord = (int)((uint)_nextRecord % (uint)_records.Length);
        _firstRecord = (int)((uint)_firstRecord % (uint)_records.Length);
        _recordsInUse = _records.Count(record => record.IsFault);
        _isProtecting = (_protection & VtdRegister.ProtectedMemoryBits.Enable) != 0;
        ReadOnlySpan<VtdCache> caches = [_contexts, _pasids, _pages, _pages2M, _pages1G, _interrupts];
        foreach (var cache in caches)
        {
            cache.Recount();
        }

        foreach (var tables in _tables)
        {
            tables.Recount();
        }

        _hasNested = true;
        EndCommands();
        UpdateMode();
    }
}
