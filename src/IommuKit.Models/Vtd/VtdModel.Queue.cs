using System.Buffers.Binary;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>The invalidation queue (VT-d specification, section 6.5.2).</content>
/// <remarks>
/// One thread at a time takes descriptors from the queue; another that rings the doorbell leaves them to it. Whatever a descriptor needs from
/// outside (a wait for accesses, a store to memory, a device's answer, a listener) is done without the lock, and the head moves when it is done. An
/// invalidation that somebody listens to has dropped what it names by then.
/// </remarks>
public sealed partial class VtdModel<TMemory>
{
    private const ulong QueueOffsetMask = 0x7_fff0;
    private const int NobodyProcesses = 0;

    private ulong _queueHead;
    private ulong _queueTail;
    private ulong _queueAddress;
    private ulong _queueError;
    private uint _completionStatus;
    private VtdEvent _completionEvent;

    // The thread that takes descriptors, and how many it still may: a queue that rings its own doorbell must not go round for ever.
    private int _processor;
    private long _budget;

    // Counts changes after which a descriptor that is being done is not the one at the head any more.
    private int _queueEpoch;

    // Something since the last wait has to wait for accesses that were under way.
    private bool _isDrainDue;

    // A device did not answer: the next wait is dropped, and then the queue stops.
    private bool _isTimeoutPending;

    private bool IsQueueWide => (_queueAddress & VtdRegister.QueueAddressBits.Wide) != 0;

    private ulong QueueBytes => 0x1000ul << (int)(_queueAddress & VtdRegister.QueueAddressBits.SizeMask);

    private ulong DescriptorBytes => (ulong)(IsQueueWide ? VtdInvalidationDescriptor.WideBytes : VtdInvalidationDescriptor.Bytes);

    private bool IsQueueEnabled => (_status & VtdRegister.GlobalBits.QueuedInvalidationEnable) != 0;

    private void ResetQueue()
    {
        _queueEpoch++;
        _queueHead = 0;
        _queueTail = 0;
        _queueAddress = 0;
        _queueError = 0;
        _completionStatus = 0;
        _completionEvent = VtdEvent.AfterReset;
        _isTimeoutPending = false;
        _isDrainDue = false;
    }

    private void SwitchQueue()
    {
        _queueEpoch++;
        if (!IsQueueEnabled)
        {
            _queueHead = 0;
            _isDrainDue = false;
            _isTimeoutPending = false;
        }
    }

    private Effects WriteQueueAddress(uint offset, uint value)
    {
        if (_ecap.QueuedInvalidation)
        {
            _queueEpoch++;
            SetHalf(ref _queueAddress, offset, value, ~(_ecap.ScalableMode ? 0x7f8ul : 0xff8ul));
        }

        return Effects.None;
    }

    private Effects WriteQueueTail(uint offset, uint value)
    {
        if (!_ecap.QueuedInvalidation)
        {
            return Effects.None;
        }

        SetHalf(ref _queueTail, offset, value, QueueOffsetMask);
        return (offset & HighHalf) == 0 ? Effects.Queue : Effects.None;
    }

    private void WriteCompletionStatus(uint value)
    {
        _completionStatus &= ~(value & 1);
        if (_completionStatus == 0)
        {
            _completionEvent.Withdraw();
        }
    }

    /// <summary>Takes descriptors until the head is at the tail, or an error stops the queue.</summary>
    private void ProcessQueue()
    {
        int thread = Environment.CurrentManagedThreadId;
        lock (_gate)
        {
            long entries = (long)(QueueBytes / DescriptorBytes);
            if (_processor != NobodyProcesses)
            {
                // From within the descriptor that this thread is doing, nothing more is allowed to it.
                _budget += _processor == thread ? 0 : entries;
                return;
            }

            _processor = thread;
            _budget = entries;
        }

        bool isDone = false;
        try
        {
            while (!isDone)
            {
                isDone = !TakeDescriptors(out var outside, out int epoch);
                if (!isDone)
                {
                    DoOutside(outside, epoch);
                }
            }
        }
        finally
        {
            if (!isDone)
            {
                // Something outside threw.
                lock (_gate)
                {
                    _processor = NobodyProcesses;
                }
            }
        }
    }

    /// <summary>Does descriptors until one needs something from outside.</summary>
    /// <returns>False if there are no more; nobody processes then.</returns>
    private bool TakeDescriptors(out VtdInvalidationDescriptor outside, out int epoch)
    {
        lock (_gate)
        {
            while (MayTake())
            {
                if (!TryFetch(out outside))
                {
                    break;
                }

                _budget--;
                if (Check(outside) is var error and not VtdQueueError.None)
                {
                    StopQueue(error);
                    break;
                }

                if (!Invalidate(outside) || (Invalidated is not null && TryNotice(outside, out _notice)))
                {
                    epoch = _queueEpoch;
                    return true;
                }

                AdvanceHead();
            }

            _processor = NobodyProcesses;
            outside = default;
            epoch = 0;
            return false;
        }
    }

    private bool MayTake()
    {
        bool isStopped = (_faultStatus & VtdRegister.FaultStatusBits.QueueError) != 0
            || ((_faultStatus & VtdRegister.FaultStatusBits.TimeoutError) != 0 && !_isTimeoutPending);
        if (!IsQueueEnabled || isStopped || _queueHead == _queueTail || _budget <= 0)
        {
            return false;
        }

        var error = _queueTail >= QueueBytes ? VtdQueueError.Tail
            : IsQueueWide && (_queueTail & VtdInvalidationDescriptor.Bytes) != 0 ? VtdQueueError.TailAlignment
            : _tableMode == VtdTableMode.Reserved ? VtdQueueError.TableMode
            : _tableMode == VtdTableMode.Scalable && !IsQueueWide ? VtdQueueError.Width
            : VtdQueueError.None;
        if (error != VtdQueueError.None)
        {
            StopQueue(error);
        }

        return error == VtdQueueError.None;
    }

    private bool TryFetch(out VtdInvalidationDescriptor descriptor)
    {
        Span<byte> bytes = stackalloc byte[VtdInvalidationDescriptor.WideBytes];
        bytes.Clear();
        if (!_memory.TryRead((_queueAddress & ~0xffful) + _queueHead, bytes[..(int)DescriptorBytes]))
        {
            descriptor = default;
            StopQueue(VtdQueueError.Fetch);
            return false;
        }

        _descriptors++;
        descriptor = new VtdInvalidationDescriptor(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]));
        return true;
    }

    private void AdvanceHead() => _queueHead = (_queueHead + DescriptorBytes) & (QueueBytes - 1);

    private void StopQueue(VtdQueueError error)
    {
        _queueError = (_queueError & ~0xful) | (uint)error;
        RaiseFaultStatus(VtdRegister.FaultStatusBits.QueueError);
    }

    /// <summary>Whether a descriptor is one that the unit can do.</summary>
    private VtdQueueError Check(in VtdInvalidationDescriptor descriptor)
    {
        bool exists = descriptor.IsDefinedType && descriptor.Type switch
        {
            VtdInvalidationType.DeviceTlb => _ecap.DeviceTlb,
            VtdInvalidationType.InterruptEntryCache => _ecap.InterruptRemapping,
            VtdInvalidationType.PasidIotlb or VtdInvalidationType.PasidCache => _ecap.ScalableMode,
            VtdInvalidationType.PasidDeviceTlb => _ecap.ScalableMode && _ecap.DeviceTlb,
            VtdInvalidationType.PageGroupResponse => _ecap.PageRequests,
            _ => true,
        };
        if (!exists)
        {
            return VtdQueueError.Type;
        }

        bool isSelective = descriptor.Granularity == VtdGranularity.Selective;
        bool isPossible = descriptor.Type switch
        {
            VtdInvalidationType.ContextCache => descriptor.Granularity != VtdGranularity.Reserved,
            VtdInvalidationType.Iotlb => descriptor.Granularity != VtdGranularity.Reserved
                && (!isSelective || (_cap.PageSelectiveInvalidation && descriptor.AddressMask <= _cap.MaxAddressMask)),
            VtdInvalidationType.PasidIotlb => descriptor.Granularity is VtdGranularity.Domain or VtdGranularity.Selective
                && (!isSelective || descriptor.AddressMask <= _cap.MaxAddressMask),
            VtdInvalidationType.PasidCache => descriptor.Granularity != VtdGranularity.Domain,
            VtdInvalidationType.InterruptEntryCache => !descriptor.IsIndexSelective || descriptor.IndexMask <= _ecap.MaxHandleMask,
            _ => true,
        };
        return isPossible && !descriptor.HasReservedBits ? VtdQueueError.None : VtdQueueError.ReservedField;
    }

    /// <summary>Does a descriptor, if the unit can do it alone.</summary>
    private bool Invalidate(in VtdInvalidationDescriptor descriptor)
    {
        _drops++;
        _isDrainDue |= IsToDrain(descriptor);
        switch (descriptor.Type)
        {
            case VtdInvalidationType.ContextCache:
                DropContexts(descriptor.Granularity, descriptor.DomainId, descriptor.SourceId, descriptor.FunctionMask);
                return true;
            case VtdInvalidationType.Iotlb:
                DropTranslations(
                    descriptor.Granularity, descriptor.DomainId, descriptor.Address, descriptor.LastAddress, descriptor.InvalidationHint);
                return true;
            case VtdInvalidationType.InterruptEntryCache:
                DropInterrupts(descriptor);
                return true;
            case VtdInvalidationType.PasidCache:
                DropPasids(descriptor);
                return true;
            case VtdInvalidationType.PasidIotlb:
                DropPasidTranslations(descriptor);
                return true;
            default:
                return false;
        }
    }

    /// <summary>
    /// Whether a descriptor is complete only when accesses under way are. Of the IOTLB without a PASID it has to ask for that. Those of contexts and
    /// PASID entries never do: one of the IOTLB has to follow them.
    /// </summary>
    private bool IsToDrain(in VtdInvalidationDescriptor descriptor) => descriptor.Type switch
    {
        VtdInvalidationType.Iotlb => _unit.Drains(descriptor.DrainsReads, descriptor.DrainsWrites),
        VtdInvalidationType.PasidIotlb or VtdInvalidationType.InterruptEntryCache
            or VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb => true,
        _ => false,
    };

    private void DoOutside(in VtdInvalidationDescriptor descriptor, int epoch)
    {
        bool isAnswered = true;
        bool isAborted = false;
        switch (descriptor.Type)
        {
            case VtdInvalidationType.Wait:
                isAborted = Volatile.Read(ref _isTimeoutPending);
                if (!isAborted)
                {
                    Complete(descriptor);
                }

                break;
            case VtdInvalidationType.PageGroupResponse:
                PageGroupResponded?.Invoke(descriptor.PageGroupResponse);
                break;
            case VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb:
                Invalidated?.Invoke(NoticeOf(descriptor.DeviceTlb));
                isAnswered = DeviceTlbInvalidated?.Invoke(descriptor.DeviceTlb) ?? true;
                break;
            default:
                Invalidated?.Invoke(_notice);
                break;
        }

        lock (_gate)
        {
            if (epoch != _queueEpoch)
            {
                return;
            }

            AdvanceHead();
            if (isAborted)
            {
                // From here on the queue stands until ITE is cleared.
                _isTimeoutPending = false;
            }
            else if (!isAnswered)
            {
                _isTimeoutPending = true;
                _queueError = (_queueError & ~(0xfffful << 32)) | ((ulong)descriptor.DeviceTlb.Source << 32);
                RaiseFaultStatus(VtdRegister.FaultStatusBits.TimeoutError);
            }
            else if (descriptor is { Type: VtdInvalidationType.Wait, RaisesInterrupt: true })
            {
                RaiseCompletion();
            }
        }

        TellIfDue();
    }

    /// <summary>A wait: what came before is complete when its status is stored.</summary>
    private void Complete(in VtdInvalidationDescriptor descriptor)
    {
        bool isDrainDue;
        lock (_gate)
        {
            isDrainDue = _isDrainDue;
            _isDrainDue = false;
        }

        if (isDrainDue)
        {
            Accesses.Drain();
        }

        if (descriptor.WritesStatus)
        {
            Span<byte> bytes = stackalloc byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, descriptor.StatusData);

            // Where nothing answers, the store is lost, as on a bus.
            _memory.TryWrite(descriptor.StatusAddress, bytes);
        }
    }

    private void RaiseCompletion()
    {
        if (_completionStatus == 0)
        {
            _completionStatus = 1;
            _completionEvent.Raise();
        }
    }
}
