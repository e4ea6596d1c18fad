using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Fault records and the fault event (VT-d specification, sections 7.2 and 7.3).</content>
public sealed partial class VtdModel<TMemory>
{
    private readonly VtdFaultRecord[] _records;
    private VtdEvent _faultEvent;

    // The bits of FSTS that software clears; the others follow from the records.
    private uint _faultStatus;
    private int _nextRecord;
    private int _recordsInUse;
    private int _firstRecord;

    private uint FaultStatus => _faultStatus
        | (_recordsInUse != 0 ? VtdRegister.FaultStatusBits.Pending : 0)
        | ((uint)_firstRecord << VtdRegister.FaultStatusBits.RecordIndexShift);

    /// <summary>
    /// Tells that a device completed an invalidation of its TLB that nobody asked for: ICE, with the device in IQERCD.
    /// </summary>
    public void ReportWrongCompletion(ushort source)
    {
        lock (_gate)
        {
            _queueError = (_queueError & ~(0xfffful << 48)) | ((ulong)source << 48);
            RaiseFaultStatus(VtdRegister.FaultStatusBits.CompletionError);
        }

        TellIfDue();
    }

    private void ResetFaults()
    {
        Array.Clear(_records);
        _faultEvent = VtdEvent.AfterReset;
        _faultStatus = 0;
        _nextRecord = 0;
        _recordsInUse = 0;
        _firstRecord = 0;
    }

    private void Record(in VtdFaultRecord record)
    {
        if ((_faultStatus & VtdRegister.FaultStatusBits.Overflow) != 0)
        {
            return;
        }

        if (_records[_nextRecord].IsFault)
        {
            RaiseFaultStatus(VtdRegister.FaultStatusBits.Overflow);
            return;
        }

        bool isNewCondition = FaultConditions == 0;
        _records[_nextRecord] = record;
        if (_recordsInUse++ == 0)
        {
            _firstRecord = _nextRecord;
        }

        _nextRecord = _nextRecord + 1 == _records.Length ? 0 : _nextRecord + 1;
        if (isNewCondition)
        {
            _faultEvent.Raise();
        }
    }

    /// <summary>The bits of FSTS of which the first that is set raises the event; while one is, others do not.</summary>
    private uint FaultConditions => FaultStatus & (VtdRegister.FaultStatusBits.Clearable | VtdRegister.FaultStatusBits.Pending);

    private void RaiseFaultStatus(uint bit)
    {
        bool isNewCondition = FaultConditions == 0;
        _faultStatus |= bit;
        if (isNewCondition)
        {
            _faultEvent.Raise();
        }
    }

    private Effects WriteFaultStatus(uint value)
    {
        uint cleared = _faultStatus & value & VtdRegister.FaultStatusBits.Clearable;
        _faultStatus &= ~cleared;
        WithdrawFaultEvent();
        if ((cleared & VtdRegister.FaultStatusBits.QueueError) != 0)
        {
            _queueError &= ~0xful;
        }

        if ((cleared & VtdRegister.FaultStatusBits.TimeoutError) != 0)
        {
            _isTimeoutPending = false;
        }

        // The queue goes on where it stopped.
        return (cleared & (VtdRegister.FaultStatusBits.QueueError | VtdRegister.FaultStatusBits.TimeoutError)) != 0 ? Effects.Queue : Effects.None;
    }

    private void WithdrawFaultEvent()
    {
        if (FaultConditions == 0)
        {
            _faultEvent.Withdraw();
        }
    }

    private ulong ReadFaultRecord(uint offset)
    {
        ref readonly var record = ref _records[offset / VtdFaultRecord.Bytes];
        return (offset & 8) == 0 ? record.Lower : record.Upper;
    }

    private void WriteFaultRecord(uint offset, uint value)
    {
        // Only F can be written, which is in the last word.
        int index = (int)(offset / VtdFaultRecord.Bytes);
        if ((offset & 12) != 12 || (value >> 31) == 0 || !_records[index].IsFault)
        {
            return;
        }

        _records[index] = _records[index] with { Upper = _records[index].Upper & ~VtdFaultRecord.Fault };
        _recordsInUse--;

        // FRI is the oldest that is left.
        for (int i = 0; _recordsInUse != 0 && i < _records.Length && !_records[_firstRecord].IsFault; i++)
        {
            _firstRecord = _firstRecord + 1 == _records.Length ? 0 : _firstRecord + 1;
        }

        WithdrawFaultEvent();
    }

    private void TellIfDue()
    {
        if (Volatile.Read(ref _faultEvent.IsMessageDue) || Volatile.Read(ref _completionEvent.IsMessageDue) || Volatile.Read(ref _pageEvent.IsMessageDue))
        {
            Accesses.WhenEnded(_tell);
        }
    }

    private void TellMessages()
    {
        while (TryTakeMessage(out var message))
        {
            MessageSent?.Invoke(message);
        }
    }

    private bool TryTakeMessage(out VtdMessage message)
    {
        lock (_gate)
        {
            if (TryTake(ref _faultEvent, out message) || TryTake(ref _completionEvent, out message))
            {
                return true;
            }

            return TryTake(ref _pageEvent, out message);
        }
    }

    private static bool TryTake(ref VtdEvent source, out VtdMessage message)
    {
        bool isDue = source.IsMessageDue;
        message = source.Message;
        source.IsMessageDue = false;
        return isDue;
    }
}
