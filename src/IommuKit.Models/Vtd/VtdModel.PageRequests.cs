using System.Buffers.Binary;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Page requests of devices (VT-d specification, section 7.5).</content>
public sealed partial class VtdModel<TMemory>
{
    private VtdEvent _pageEvent;
    private uint _pageStatus;
    private ulong _pageHead;
    private ulong _pageTail;
    private ulong _pageQueue;

    private ulong PageQueueMask => (((0x1000ul << (int)(_pageQueue & VtdRegister.QueueAddressBits.SizeMask)) - 1) & ~31ul) & 0x7_ffe0;

    /// <summary>Queues a page request of a device, and tells software of it.</summary>
    /// <returns>
    /// False if the device is answered at once that the page will not be there (a response with code 1): it may not ask, there is no queue, or the queue is
    /// full.
    /// </returns>
    public bool TryRequestPage(in VtdPageRequest request)
    {
        bool isQueued;
        lock (_gate)
        {
            isQueued = TryQueuePageRequest(request);
        }

        TellIfDue();
        return isQueued;
    }

    private void ResetPageRequests()
    {
        _pageEvent = VtdEvent.AfterReset;
        _pageStatus = 0;
        _pageHead = 0;
        _pageTail = 0;
        _pageQueue = 0;
    }

    private bool TryQueuePageRequest(in VtdPageRequest request)
    {
        if (!_ecap.PageRequests || _mode == Off || (_pageStatus & VtdRegister.PageRequestBits.Overflow) != 0)
        {
            return false;
        }

        var reason = CheckPageRequest(request, out bool isRecorded);
        if (reason != VtdFaultReason.None)
        {
            _stopped++;
            if (isRecorded)
            {
                Record(VtdFaultRecord.ForMemory(
                    request.Source,
                    request.Address,
                    reason,
                    isWrite: false,
                    isPageRequest: true,
                    pasid: request.Pasid,
                    isExecute: request.IsExecute,
                    isPrivileged: request.IsPrivileged));
            }

            return false;
        }

        ulong mask = PageQueueMask;
        ulong next = (_pageTail + VtdPageRequest.Bytes) & mask;
        if (next == (_pageHead & mask))
        {
            RaisePageStatus(VtdRegister.PageRequestBits.Overflow);
            return false;
        }

        Span<byte> bytes = stackalloc byte[VtdPageRequest.Bytes];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, request.First);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], request.Second);
        if (!_memory.TryWrite((_pageQueue & ~0xffful) + (_pageTail & mask), bytes))
        {
            return false;
        }

        _pageTail = next;
        RaisePageStatus(VtdRegister.PageRequestBits.Pending);
        return true;
    }

    private VtdFaultReason CheckPageRequest(in VtdPageRequest request, out bool isRecorded)
    {
        isRecorded = true;
        if (_mode != Scalable)
        {
            return _mode == Legacy ? VtdFaultReason.LegacyPageRequest : VtdFaultReason.TableModeReserved;
        }

        var reason = FindContext(request.Source, mayRead: true, out var context);
        if (reason != VtdFaultReason.None)
        {
            isRecorded = !DisablesFaults(context.Data);
            return reason;
        }

        var entry = new VtdScalableContextEntry(context.Data, context.Info, 0, 0);
        isRecorded = !entry.DisablesFaults;
        if (!entry.EnablesPageRequests)
        {
            return VtdFaultReason.PageRequestsDisabled;
        }

        return request.Pasid is not null && !entry.EnablesPasid ? VtdFaultReason.PasidDisabled : VtdFaultReason.None;
    }

    private void RaisePageStatus(uint bit)
    {
        bool isNewCondition = _pageStatus == 0;
        _pageStatus |= bit;
        if (isNewCondition)
        {
            _pageEvent.Raise();
        }
    }

    private void WritePageStatus(uint value)
    {
        _pageStatus &= ~value;
        if (_pageStatus == 0)
        {
            _pageEvent.Withdraw();
        }
    }

    private void WritePageHead(uint offset, uint value)
    {
        if (_ecap.PageRequests)
        {
            SetHalf(ref _pageHead, offset, value, 0x7_ffe0);
        }
    }

    private void WritePageTail(uint offset, uint value)
    {
        if (_ecap.PageRequests)
        {
            SetHalf(ref _pageTail, offset, value, 0x7_ffe0);
        }
    }

    private void WritePageQueue(uint offset, uint value)
    {
        if (_ecap.PageRequests)
        {
            SetHalf(ref _pageQueue, offset, value, ~0xff8ul);
        }
    }
}
