using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>The registers.</content>
public sealed partial class Smmu3Model<TMemory>
{
    private const uint HighHalf = 4;
    private const ulong TableBaseMask = 0x40ff_ffff_ffff_ffc0;
    private const ulong QueueBaseMask = 0x40ff_ffff_ffff_ffff;
    private const ulong QueueAddressMask = Smmu3Register.QueueAddressMask;
    private const uint Control1Mask = 0xfff;

    private uint _control;
    private uint _control1;
    private uint _control2;
    private uint _bypass;
    private uint _interrupts;
    private uint _errors;
    private uint _errorAcks;
    private ulong _streamTable;
    private uint _streamTableConfig;
    private Smmu3QueueMessage _errorMessage;

    // CR0ACK, and UPDATE of GBPA: a change shows as done when everybody knows of it who has to.
    private uint _controlAck;
    private bool _isBypassChanging;

    // What a translation asks for without a lock.
    private bool _isEnabled;
    private bool _isAborting;

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
            return (offset & 7) == 0 ? ReadRegister(offset) | ((ulong)ReadRegister(offset + HighHalf) << 32) : 0;
        }
    }

    /// <inheritdoc/>
    public void Write32(uint offset, uint value)
    {
        Effects effects;
        lock (_gate)
        {
            effects = WriteRegister(offset, value);
        }

        Finish(effects);
    }

    /// <inheritdoc/>
    public void Write64(uint offset, ulong value)
    {
        if ((offset & 7) != 0)
        {
            return;
        }

        Effects effects;
        lock (_gate)
        {
            effects = WriteRegister(offset, (uint)value);
            effects |= WriteRegister(offset + HighHalf, (uint)(value >> 32));
        }

        Finish(effects);
    }

    private bool IsOn(uint control) => (_control & control) != 0;

    private static uint Half(ulong value, uint offset) => (uint)(value >> (int)((offset & HighHalf) * 8));

    private static void SetHalf(ref ulong register, uint offset, uint value, ulong writable)
    {
        int shift = (int)((offset & HighHalf) * 8);
        ulong mask = writable & (0xffff_fffful << shift);
        register = (register & ~mask) | (((ulong)value << shift) & mask);
    }

    private void ResetRegisters()
    {
        _control = 0;
        _control1 = 0;
        _control2 = 0;
        _bypass = _unit.BypassReset & Smmu3Register.Bypass.Mask;
        _interrupts = 0;
        _errors = 0;
        _errorAcks = 0;
        _streamTable = 0;
        _streamTableConfig = 0;
        _errorMessage = default;
        Acknowledge();
        ResetCommands();
        ResetEvents();
        ResetStalls();
        ResetPageRequests();
        ResetAddressTranslation();
        UpdateModes();
    }

    private void Acknowledge()
    {
        _controlAck = _control;
        _isBypassChanging = false;
    }

    private void UpdateModes()
    {
        // E2H may have changed.
        _shortcuts.Clear();
        _lastDrops = NoDrops;
        Volatile.Write(ref _isAborting, (_bypass & Smmu3Register.Bypass.Abort) != 0);
        Volatile.Write(ref _isEnabled, IsOn(Smmu3Register.Control.Enable));
    }

    /// <summary>The offset in page 1 of a register that is there, which page 0 has at the same place.</summary>
    private static uint InPage1(uint offset) => offset is 0xa8 or 0xac or 0xc8 or 0xcc ? offset + Smmu3Register.Page1 : offset;

    private uint ReadRegister(uint offset)
    {
        if ((offset & 3) != 0)
        {
            return 0;
        }

        offset = InPage1(offset);
        switch (offset)
        {
            case Smmu3Register.Idr0:
                return _unit.Idr0;
            case Smmu3Register.Idr1:
                return _unit.Idr1;
            case Smmu3Register.Idr3:
                return _unit.Idr3;
            case Smmu3Register.Idr5:
                return _unit.Idr5;
            case Smmu3Register.Iidr:
                return _unit.Iidr;
            case Smmu3Register.Aidr:
                return _unit.Aidr;
            case Smmu3Register.Control0:
                return _control;
            case Smmu3Register.Control0Ack:
                // A change is in force when the write returns.
                return _controlAck;
            case Smmu3Register.Control1:
                return _control1;
            case Smmu3Register.Control2:
                return _control2;
            case Smmu3Register.GlobalBypass:
                return _bypass | (_isBypassChanging ? Smmu3Register.Bypass.Update : 0);
            case Smmu3Register.InterruptControl:
            case Smmu3Register.InterruptControlAck:
                return _interrupts;
            case Smmu3Register.GlobalError:
                return _errors;
            case Smmu3Register.GlobalErrorAck:
                return _errorAcks;
            case >= Smmu3Register.GlobalErrorMessage and < Smmu3Register.GlobalErrorMessage + 16:
                return _errorMessage.Read(offset - Smmu3Register.GlobalErrorMessage);
            case Smmu3Register.StreamTable or Smmu3Register.StreamTable + HighHalf:
                return Half(_streamTable, offset);
            case Smmu3Register.StreamTableConfig:
                return _streamTableConfig;
            case Smmu3Register.CommandQueue or Smmu3Register.CommandQueue + HighHalf:
                return Half(_commandQueue, offset);
            case Smmu3Register.CommandProducer:
                return _commandProducer;
            case Smmu3Register.CommandConsumer:
                return _commandConsumer;
            case Smmu3Register.EventQueue or Smmu3Register.EventQueue + HighHalf:
                return Half(_eventQueue.Base, offset);
            case >= Smmu3Register.EventMessage and < Smmu3Register.EventMessage + 16:
                return _eventQueue.Message.Read(offset - Smmu3Register.EventMessage);
            case Smmu3Register.EventProducer:
                return _eventQueue.Producer;
            case Smmu3Register.EventConsumer:
                return _eventQueue.Consumer;
            case Smmu3Register.PageRequestQueue or Smmu3Register.PageRequestQueue + HighHalf:
                return Half(_pageQueue.Base, offset);
            case >= Smmu3Register.PageRequestMessage and < Smmu3Register.PageRequestMessage + 16:
                return _pageQueue.Message.Read(offset - Smmu3Register.PageRequestMessage);
            case Smmu3Register.PageRequestProducer:
                return _pageQueue.Producer;
            case Smmu3Register.PageRequestConsumer:
                return _pageQueue.Consumer;
            case >= Smmu3Register.TranslationControl and < Smmu3Register.TranslationResult + 8:
                return Half(ReadAddressTranslation(offset & ~HighHalf), offset);
            default:
                return Identification(offset);
        }
    }

    /// <summary>PIDR and CIDR: the part by IIDR, and the preamble that all components of Arm's have.</summary>
    private uint Identification(uint offset)
    {
        uint part = _unit.Iidr >> 20;
        uint implementer = _unit.Iidr & 0xfff;
        return offset switch
        {
            0xfd0 => (implementer >> 8) & 0xf,
            0xfe0 => part & 0xff,
            0xfe4 => ((part >> 8) & 0xf) | ((implementer & 0xf) << 4),
            0xfe8 => ((_unit.Iidr >> 16 & 0xf) << 4) | 8 | ((implementer >> 4) & 7),
            0xfec => (_unit.Iidr >> 12 & 0xf) << 4,
            0xff0 => 0x0d,
            0xff4 => 0xf0,
            0xff8 => 0x05,
            0xffc => 0xb1,
            _ => 0,
        };
    }

    private Effects WriteRegister(uint offset, uint value)
    {
        if ((offset & 3) != 0)
        {
            return Effects.None;
        }

        offset = InPage1(offset);
        switch (offset)
        {
            case Smmu3Register.Control0:
                return WriteControl(value);
            case Smmu3Register.Control1:
                WriteControl1(value);
                return Effects.None;
            case Smmu3Register.Control2 when !IsOn(Smmu3Register.Control.Enable):
                // PTM is reserved where there are no broadcasts (IDR0.BTM): a bit that holds what is written and does nothing, as it may, and as it
                // was recorded of one that software had written.
                _control2 = value & ((_unit.HasHypervisor ? Smmu3Register.Control2Bits.Host : 0)
                    | Smmu3Register.Control2Bits.RecordsBadStream
                    | Smmu3Register.Control2Bits.Private
                    | (_unit.RecordsAtsErrors ? Smmu3Register.Control2Bits.RecordsAtsErrors : 0));
                return Effects.None;
            case Smmu3Register.GlobalBypass when (value & Smmu3Register.Bypass.Update) != 0:
                _bypass = value & Smmu3Register.Bypass.Mask;
                _isBypassChanging = true;
                UpdateModes();
                return Effects.ChangeMode;
            case Smmu3Register.InterruptControl:
                _interrupts = value & (Smmu3Register.Interrupts.GlobalError
                    | Smmu3Register.Interrupts.Event
                    | (_unit.HasPageRequests ? Smmu3Register.Interrupts.PageRequest : 0));
                return Effects.None;
            case Smmu3Register.GlobalErrorAck:
                return WriteErrorAcks(value);
            case >= Smmu3Register.GlobalErrorMessage and < Smmu3Register.GlobalErrorMessage + 16:
                WriteMessage(ref _errorMessage, offset - Smmu3Register.GlobalErrorMessage, value, Smmu3Register.Interrupts.GlobalError);
                return Effects.None;
            case Smmu3Register.StreamTable or Smmu3Register.StreamTable + HighHalf when !IsOn(Smmu3Register.Control.Enable):
                SetHalf(ref _streamTable, offset, value, TableBaseMask);
                return Effects.None;
            case Smmu3Register.StreamTableConfig when !IsOn(Smmu3Register.Control.Enable):
                _streamTableConfig = value & (_unit.HasTwoLevelStreams ? 0x3_07ffu : 0x3f);
                return Effects.None;
            case Smmu3Register.CommandQueue or Smmu3Register.CommandQueue + HighHalf when !IsOn(Smmu3Register.Control.CommandQueue):
                SetHalf(ref _commandQueue, offset, value, QueueBaseMask);
                return Effects.None;
            case Smmu3Register.CommandProducer:
                _commandProducer = value & Smmu3Register.QueueIndexMask;
                return Effects.Queue;
            case Smmu3Register.CommandConsumer when !IsOn(Smmu3Register.Control.CommandQueue):
                _commandConsumer = value & (Smmu3Register.QueueIndexMask | (0x7fu << Smmu3Register.CommandErrorShift));
                return Effects.None;
            case Smmu3Register.EventQueue or Smmu3Register.EventQueue + HighHalf when !IsOn(Smmu3Register.Control.EventQueue):
                SetHalf(ref _eventQueue.Base, offset, value, QueueBaseMask);
                return Effects.None;
            case >= Smmu3Register.EventMessage and < Smmu3Register.EventMessage + 16:
                WriteMessage(ref _eventQueue.Message, offset - Smmu3Register.EventMessage, value, Smmu3Register.Interrupts.Event);
                return Effects.None;
            case Smmu3Register.EventProducer when !IsOn(Smmu3Register.Control.EventQueue):
                _eventQueue.Producer = value & (Smmu3Register.QueueIndexMask | Smmu3Register.Overflow);
                return Effects.None;
            case Smmu3Register.EventConsumer:
                _eventQueue.Consumer = value & (Smmu3Register.QueueIndexMask | Smmu3Register.Overflow);
                RecordWaitingStalls();
                return Effects.None;
            case >= Smmu3Register.PageRequestQueue and <= Smmu3Register.PageRequestMessage + 12 or >= Smmu3Register.PageRequestProducer:
                return _unit.HasPageRequests ? WritePageRequestRegister(offset, value) : Effects.None;
            case >= Smmu3Register.TranslationControl and < Smmu3Register.TranslationResult:
                return _unit.HasAddressTranslation ? WriteAddressTranslation(offset, value) : Effects.None;
            default:
                return Effects.None;
        }
    }

    private Effects WritePageRequestRegister(uint offset, uint value)
    {
        switch (offset)
        {
            case Smmu3Register.PageRequestQueue or Smmu3Register.PageRequestQueue + HighHalf when !IsOn(Smmu3Register.Control.PageRequestQueue):
                SetHalf(ref _pageQueue.Base, offset, value, QueueBaseMask);
                break;
            case >= Smmu3Register.PageRequestMessage and < Smmu3Register.PageRequestMessage + 16:
                WriteMessage(ref _pageQueue.Message, offset - Smmu3Register.PageRequestMessage, value, Smmu3Register.Interrupts.PageRequest);
                break;
            case Smmu3Register.PageRequestProducer when !IsOn(Smmu3Register.Control.PageRequestQueue):
                _pageQueue.Producer = value & (Smmu3Register.QueueIndexMask | Smmu3Register.Overflow);
                break;
            case Smmu3Register.PageRequestConsumer:
                _pageQueue.Consumer = value & (Smmu3Register.QueueIndexMask | Smmu3Register.Overflow);
                break;
            default:
                break;
        }

        return Effects.None;
    }

    /// <summary>Where an interrupt's message goes can be changed while the interrupt is off.</summary>
    private void WriteMessage(ref Smmu3QueueMessage message, uint register, uint value, uint interrupt)
    {
        if ((_interrupts & interrupt) == 0 && (_unit.HasMessages || register == Smmu3QueueMessage.Attributes))
        {
            message.Write(register, value, _unit.HasMessages, interrupt == Smmu3Register.Interrupts.PageRequest);
        }
    }

    private void WriteControl1(uint value)
    {
        const uint queues = 0x3f;
        const uint allQueues = Smmu3Register.Control.CommandQueue | Smmu3Register.Control.EventQueue | Smmu3Register.Control.PageRequestQueue;
        uint writable = (IsOn(allQueues) ? 0 : queues) | (IsOn(Smmu3Register.Control.Enable) ? 0 : Control1Mask & ~queues);
        _control1 = (_control1 & ~writable) | (value & writable);
    }

    private Effects WriteControl(uint value)
    {
        uint mask = Smmu3Register.Control.Mask
            & ~(_unit.HasPageRequests ? 0 : Smmu3Register.Control.PageRequestQueue)
            & ~(_unit.HasAts ? 0 : Smmu3Register.Control.CheckTranslated)
            & ~(_unit.HasVmidWildcards ? 0u : 7u << Smmu3Register.Control.VmidWildcardShift);
        uint changed = (value ^ _control) & mask;
        _control ^= changed;
        UpdateModes();
        const uint modes = Smmu3Register.Control.Enable | Smmu3Register.Control.CheckTranslated;
        _controlAck ^= changed & ~modes;
        var effects = (changed & modes) != 0 ? Effects.ChangeMode : Effects.None;
        if ((changed & ~_control & Smmu3Register.Control.Enable) != 0)
        {
            effects |= Effects.EndStalls;
        }

        if ((changed & Smmu3Register.Control.CommandQueue) != 0)
        {
            _queueEpoch++;
            effects |= Effects.Queue;
        }

        if ((changed & _control & Smmu3Register.Control.EventQueue) != 0)
        {
            RecordWaitingStalls();
        }

        return effects;
    }

    private Effects WriteErrorAcks(uint value)
    {
        // Only active errors can be acknowledged.
        uint acknowledged = (value ^ _errorAcks) & (_errors ^ _errorAcks) & Smmu3Register.Errors.Mask;
        _errorAcks ^= acknowledged;
        if ((acknowledged & Smmu3Register.Errors.EventQueueAbort) != 0)
        {
            RecordWaitingStalls();
        }

        return (acknowledged & Smmu3Register.Errors.CommandQueue) != 0 ? Effects.Queue : Effects.None;
    }

    /// <summary>Does what a register write leads to, outside the lock.</summary>
    private void Finish(Effects effects)
    {
        if ((effects & Effects.ChangeMode) != 0)
        {
            try
            {
                TellEverything();
                Accesses.Drain();
            }
            finally
            {
                lock (_gate)
                {
                    Acknowledge();
                }
            }
        }

        if ((effects & Effects.EndStalls) != 0)
        {
            EndStalls(stream: null);
        }

        if ((effects & Effects.Queue) != 0)
        {
            ProcessCommands();
        }

        TellIfDue();
    }

    /// <summary>What a register write leads to, beside a change of the registers.</summary>
    [Flags]
    private enum Effects
    {
        None = 0,
        ChangeMode = 1,
        Queue = 2,
        EndStalls = 4,
    }
}
