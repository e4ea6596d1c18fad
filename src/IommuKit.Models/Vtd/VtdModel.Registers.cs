using IommuKit.Models.Dma;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>The registers.</content>
public sealed partial class VtdModel<TMemory>
{
    // The modes that a translation asks for without a lock.
    private const int Off = 0;
    private const int Legacy = 1;
    private const int Scalable = 2;
    private const int Reserved = 3;
    private const int Abort = 4;

    private const uint HighHalf = 4;

    private int _mode;
    private uint _status;

    // Bits of GSTS that show the contrary still: a change shows when everybody knows of it who has to.
    private uint _unshown;
    private ulong _rootRegister;
    private ulong _root;
    private VtdTableMode _tableMode;
    private ulong _contextCommand;
    private ulong _iotlbCommand;
    private ulong _iotlbAddress;
    private ulong _interruptRegister;
    private ulong _interruptTable;
    private uint _protection;
    private uint _protectedLowBase;
    private uint _protectedLowLimit;
    private ulong _protectedHighBase;
    private ulong _protectedHighLimit;

    /// <inheritdoc/>
    public uint Read32(uint offset)
    {
        lock (_gate)
        {
            return ReadRegister(offset);
        }
    }

    /// <inheritdoc/>
    public ulong Read64(uint offset)
    {
        lock (_gate)
        {
            return ReadRegister(offset) | ((ulong)ReadRegister(offset + HighHalf) << 32);
        }
    }

    /// <inheritdoc/>
    public void Write32(uint offset, uint value)
    {
        Effects effects;
        InvalidationNotice notice;
        lock (_gate)
        {
            effects = WriteRegister(offset, value);
            notice = NoticeOf(effects);
        }

        Finish(effects, notice);
    }

    /// <inheritdoc/>
    public void Write64(uint offset, ulong value)
    {
        Effects effects;
        InvalidationNotice notice;
        lock (_gate)
        {
            effects = WriteRegister(offset, (uint)value);
            effects |= WriteRegister(offset + HighHalf, (uint)(value >> 32));
            notice = NoticeOf(effects);
        }

        Finish(effects, notice);
    }

    private static uint Half(ulong value, uint offset) => (uint)(value >> (int)((offset & HighHalf) * 8));

    private static void SetHalf(ref ulong register, uint offset, uint value, ulong writable)
    {
        int shift = (int)((offset & HighHalf) * 8);
        ulong mask = writable & (0xffff_fffful << shift);
        register = (register & ~mask) | (((ulong)value << shift) & mask);
    }

    private void ResetRegisters()
    {
        _mode = Off;
        _status = 0;
        ShowChanges();
        _rootRegister = 0;
        _root = 0;
        _tableMode = VtdTableMode.Legacy;
        _contextCommand = 0;
        _iotlbCommand = 0;
        _iotlbAddress = 0;
        _interruptRegister = 0;
        _interruptTable = 0;
        _protection = 0;
        _protectedLowBase = 0;
        _protectedLowLimit = 0;
        _protectedHighBase = 0;
        _protectedHighLimit = 0;
        ResetFaults();
        ResetQueue();
        ResetPageRequests();
    }

    private uint ReadRegister(uint offset)
    {
        if ((offset & 3) != 0)
        {
            return 0;
        }

        switch (offset)
        {
            case VtdRegister.Version:
                return _unit.Version;
            case VtdRegister.GlobalStatus:
                return _status ^ _unshown;
            case VtdRegister.FaultStatus:
                return FaultStatus;
            case VtdRegister.ProtectedMemoryEnable:
                return _protection ^ (_isProtectionChanging ? VtdRegister.ProtectedMemoryBits.Status : 0);
            case VtdRegister.ProtectedLowBase:
                return _protectedLowBase;
            case VtdRegister.ProtectedLowLimit:
                return _protectedLowLimit;
            case VtdRegister.CompletionStatus:
                return _completionStatus;
            case VtdRegister.PageRequestStatus:
                return _pageStatus;
            case >= VtdRegister.FaultEvent and < VtdRegister.FaultEvent + 16:
                return _faultEvent.Read(offset - VtdRegister.FaultEvent);
            case >= VtdRegister.CompletionEvent and < VtdRegister.CompletionEvent + 16:
                return _completionEvent.Read(offset - VtdRegister.CompletionEvent);
            case >= VtdRegister.PageRequestEvent and < VtdRegister.PageRequestEvent + 16:
                return _pageEvent.Read(offset - VtdRegister.PageRequestEvent);
            default:
                return Half(ReadWide(offset & ~HighHalf), offset);
        }
    }

    /// <summary>A register of 64 bits; 0 if there is none.</summary>
    private ulong ReadWide(uint offset)
    {
        switch (offset)
        {
            case VtdRegister.Capability:
                return _cap.Value;
            case VtdRegister.ExtendedCapability:
                return _ecap.Value;
            case VtdRegister.RootTable:
                return _rootRegister;
            case VtdRegister.ContextCommand:
                return _contextCommand;
            case VtdRegister.ProtectedHighBase:
                return _protectedHighBase;
            case VtdRegister.ProtectedHighLimit:
                return _protectedHighLimit;
            case VtdRegister.QueueHead:
                return _queueHead;
            case VtdRegister.QueueTail:
                return _queueTail;
            case VtdRegister.QueueAddress:
                return _queueAddress;
            case VtdRegister.QueueErrorRecord:
                return _queueError;
            case VtdRegister.InterruptTable:
                return _interruptRegister;
            case VtdRegister.PageQueueHead:
                return _pageHead;
            case VtdRegister.PageQueueTail:
                return _pageTail;
            case VtdRegister.PageQueueAddress:
                return _pageQueue;
            default:
                uint iotlb = _ecap.IotlbRegisterOffset;
                if (offset == iotlb)
                {
                    return _iotlbAddress;
                }

                if (offset == iotlb + VtdRegister.IotlbBits.Offset)
                {
                    return _iotlbCommand;
                }

                uint record = offset - _cap.FaultRecordOffset;
                return record < (uint)_records.Length * VtdFaultRecord.Bytes ? ReadFaultRecord(record) : 0;
        }
    }

    private Effects WriteRegister(uint offset, uint value)
    {
        if ((offset & 3) != 0)
        {
            return Effects.None;
        }

        switch (offset)
        {
            case VtdRegister.GlobalCommand:
                return WriteGlobalCommand(value);
            case VtdRegister.FaultStatus:
                return WriteFaultStatus(value);
            case VtdRegister.ProtectedMemoryEnable:
                return WriteProtection(value);
            case VtdRegister.ProtectedLowBase when _cap.HasProtectedLowMemory:
                _protectedLowBase = value & ~(ProtectedUnit - 1);
                return Effects.None;
            case VtdRegister.ProtectedLowLimit when _cap.HasProtectedLowMemory:
                _protectedLowLimit = value & ~(ProtectedUnit - 1);
                return Effects.None;
            case VtdRegister.CompletionStatus:
                WriteCompletionStatus(value);
                return Effects.None;
            case VtdRegister.PageRequestStatus:
                WritePageStatus(value);
                return Effects.None;
            case >= VtdRegister.FaultEvent and < VtdRegister.FaultEvent + 16:
                _faultEvent.Write(offset - VtdRegister.FaultEvent, value);
                return Effects.None;
            case >= VtdRegister.CompletionEvent and < VtdRegister.CompletionEvent + 16:
                _completionEvent.Write(offset - VtdRegister.CompletionEvent, value);
                return Effects.None;
            case >= VtdRegister.PageRequestEvent and < VtdRegister.PageRequestEvent + 16:
                if (_ecap.PageRequests)
                {
                    _pageEvent.Write(offset - VtdRegister.PageRequestEvent, value);
                }

                return Effects.None;
            default:
                return WriteWide(offset, value);
        }
    }

    private Effects WriteWide(uint offset, uint value)
    {
        switch (offset & ~HighHalf)
        {
            case VtdRegister.RootTable:
                SetHalf(ref _rootRegister, offset, value, ~0x3fful);
                return Effects.None;
            case VtdRegister.ContextCommand:
                SetHalf(ref _contextCommand, offset, value, 0xe000_0003_ffff_fffful);
                return (offset & HighHalf) != 0 ? BeginContextCommand() : Effects.None;
            case VtdRegister.ProtectedHighBase when _cap.HasProtectedHighMemory:
                SetHalf(ref _protectedHighBase, offset, value, ~(ulong)(ProtectedUnit - 1));
                return Effects.None;
            case VtdRegister.ProtectedHighLimit when _cap.HasProtectedHighMemory:
                SetHalf(ref _protectedHighLimit, offset, value, ~(ulong)(ProtectedUnit - 1));
                return Effects.None;
            case VtdRegister.QueueTail:
                return WriteQueueTail(offset, value);
            case VtdRegister.QueueAddress:
                return WriteQueueAddress(offset, value);
            case VtdRegister.InterruptTable:
                SetHalf(ref _interruptRegister, offset, value, ~0x7f0ul);
                return Effects.None;
            case VtdRegister.PageQueueHead:
                WritePageHead(offset, value);
                return Effects.None;
            case VtdRegister.PageQueueTail:
                WritePageTail(offset, value);
                return Effects.None;
            case VtdRegister.PageQueueAddress:
                WritePageQueue(offset, value);
                return Effects.None;
            default:
                uint iotlb = offset - _ecap.IotlbRegisterOffset;
                if (iotlb < VtdRegister.IotlbBits.Offset)
                {
                    SetHalf(ref _iotlbAddress, offset, value, ~0xf80ul);
                    return Effects.None;
                }

                if (iotlb < 2 * VtdRegister.IotlbBits.Offset)
                {
                    SetHalf(ref _iotlbCommand, offset, value, 0xb003_ffff_0000_0000);
                    return (offset & HighHalf) != 0 ? BeginIotlbCommand() : Effects.None;
                }

                uint record = offset - _cap.FaultRecordOffset;
                if (record < (uint)_records.Length * VtdFaultRecord.Bytes)
                {
                    WriteFaultRecord(record, value);
                }

                return Effects.None;
        }
    }

    private Effects WriteGlobalCommand(uint value)
    {
        var effects = Effects.None;
        if ((value & VtdRegister.GlobalBits.SetRootTable) != 0)
        {
            TakeRootTable(_rootRegister);
            _unshown |= VtdRegister.GlobalBits.SetRootTable;
            effects |= Effects.Drain | Effects.ChangeMode;
        }

        if ((value & VtdRegister.GlobalBits.SetInterruptTable) != 0 && _ecap.InterruptRemapping)
        {
            TakeInterruptTable(_interruptRegister);
        }

        if ((value & VtdRegister.GlobalBits.WriteBufferFlush) != 0 && _cap.NeedsWriteBufferFlush)
        {
            _status |= VtdRegister.GlobalBits.WriteBufferFlush;
            effects |= Effects.WriteBuffer;
        }

        uint switches = VtdRegister.GlobalBits.TranslationEnable
            | (_ecap.QueuedInvalidation ? VtdRegister.GlobalBits.QueuedInvalidationEnable : 0)
            | (_ecap.InterruptRemapping ? VtdRegister.GlobalBits.InterruptRemappingEnable | VtdRegister.GlobalBits.CompatibilityFormat : 0);
        uint changed = (value ^ _status) & switches;
        _status ^= changed;
        if ((changed & VtdRegister.GlobalBits.TranslationEnable) != 0)
        {
            UpdateMode();
            _unshown |= VtdRegister.GlobalBits.TranslationEnable;
            effects |= Effects.Drain | Effects.ChangeMode;
        }

        if ((changed & VtdRegister.GlobalBits.QueuedInvalidationEnable) != 0)
        {
            SwitchQueue();
            effects |= Effects.Queue;
        }

        return effects;
    }

    private void TakeRootTable(ulong register)
    {
        _drops++;
        _root = register & VtdRootEntry.AddressMask;
        var mode = (VtdTableMode)((register >> 10) & 3);
        bool exists = mode switch
        {
            VtdTableMode.Scalable => _ecap.ScalableMode,
            VtdTableMode.Abort => _ecap.AbortDmaMode,
            _ => true,
        };
        _tableMode = exists ? mode : VtdTableMode.Reserved;
        _status |= VtdRegister.GlobalBits.SetRootTable;
        if (_cap.SetRootTableInvalidates)
        {
            DropContexts();
            DropTranslations();
        }

        UpdateMode();
    }

    private void TakeInterruptTable(ulong register)
    {
        _drops++;
        _interruptTable = register;
        _status |= VtdRegister.GlobalBits.SetInterruptTable;
        if (_cap.SetInterruptTableInvalidates)
        {
            _interrupts.Clear();
        }
    }

    private void ShowChanges()
    {
        _unshown = 0;
        _isProtectionChanging = false;
    }

    private void UpdateMode() => Volatile.Write(ref _mode, (_status & VtdRegister.GlobalBits.TranslationEnable) == 0 ? Off : _tableMode switch
    {
        VtdTableMode.Legacy => Legacy,
        VtdTableMode.Scalable => Scalable,
        VtdTableMode.Abort => Abort,
        _ => Reserved,
    });

    /// <summary>Does what a register write leads to, outside the lock.</summary>
    private void Finish(Effects effects, in InvalidationNotice notice)
    {
        if ((effects & Effects.WriteBuffer) != 0)
        {
            try
            {
                WriteBufferFlushed?.Invoke();
            }
            finally
            {
                lock (_gate)
                {
                    _status &= ~VtdRegister.GlobalBits.WriteBufferFlush;
                }
            }
        }

        if ((effects & (Effects.Drain | Effects.Command)) != 0)
        {
            try
            {
                if ((effects & (Effects.ChangeMode | Effects.Contexts | Effects.Iotlb)) != 0)
                {
                    Invalidated?.Invoke(notice);
                }

                if ((effects & Effects.Drain) != 0)
                {
                    Accesses.Drain();
                }
            }
            finally
            {
                lock (_gate)
                {
                    ShowChanges();
                    EndCommands();
                }
            }
        }

        if ((effects & Effects.Queue) != 0)
        {
            ProcessQueue();
        }

        TellIfDue();
    }

    /// <summary>What a register write leads to, beside a change of the registers.</summary>
    [Flags]
    private enum Effects
    {
        None = 0,
        Drain = 1,
        Queue = 2,
        WriteBuffer = 4,

        // What is told.
        ChangeMode = 8,
        Contexts = 16,
        Iotlb = 32,

        // A register command is under way, and ends.
        Command = 64,
    }
}
