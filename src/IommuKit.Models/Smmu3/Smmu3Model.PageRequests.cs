using System.Buffers.Binary;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Page requests of devices (IHI 0070, chapter 8).</content>
public sealed partial class Smmu3Model<TMemory>
{
    private const int PageRequestLog2 = 4;

    private Smmu3Queue _pageQueue;

    /// <summary>
    /// Takes a page request of a device. Software answers by CMD_PRI_RESP; where there is no room the SMMU answers itself, by
    /// <see cref="PageResponded"/>.
    /// </summary>
    /// <returns>Whether the request is in the queue.</returns>
    public bool RequestPage(in Smmu3PageRequest request)
    {
        bool isStored;
        Smmu3PageResponse? response = null;
        lock (_gate)
        {
            int log2 = _pageQueue.Log2(_unit.PageRequestQueueLog2);
            bool isServed = _unit.HasPageRequests
                && IsOn(Smmu3Register.Control.Enable)
                && IsOn(Smmu3Register.Control.PageRequestQueue)
                && !IsActive(Smmu3Register.Errors.PageRequestQueueAbort);
            if (isServed && !_pageQueue.HasOverflow && _pageQueue.IsFull(log2))
            {
                // From here on nothing is stored until software has acknowledged.
                _pageQueue.Producer ^= Smmu3Register.Overflow;
            }

            isStored = isServed && !_pageQueue.HasOverflow && TryStore(request, log2);
            if (!isStored && request.IsLast && !request.IsStopMarker)
            {
                response = isServed && _pageQueue.HasOverflow
                    ? OverflowResponse(request)
                    : new Smmu3PageResponse(request.StreamId, null, request.Group, Smmu3PageResponse.Failure);
            }
        }

        if (response is { } answer)
        {
            PageResponded?.Invoke(answer);
        }

        TellIfDue();
        return isStored;
    }

    private void ResetPageRequests() => _pageQueue = default;

    private bool TryStore(in Smmu3PageRequest request, int log2)
    {
        Span<byte> bytes = stackalloc byte[Smmu3PageRequest.Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, request.Lower);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], request.Upper);
        ulong address = _pageQueue.NextAddress(log2, PageRequestLog2);
        if (IsTooWide(address) || !_memory.TryWrite(address, bytes))
        {
            RaiseError(Smmu3Register.Errors.PageRequestQueueAbort);
            return false;
        }

        bool isTold = _pageQueue.Message.IsToldOfLast ? request.IsLast : _pageQueue.IsEmpty(log2);
        _pageQueue.Advance(log2);
        if (isTold && (_interrupts & Smmu3Register.Interrupts.PageRequest) != 0)
        {
            _due |= 1u << (int)Smmu3Interrupt.PageRequestQueue;
        }

        return true;
    }

    /// <summary>Success, so that the device asks once more; whether with the PASID, the stream says.</summary>
    private Smmu3PageResponse OverflowResponse(in Smmu3PageRequest request)
    {
        bool carries = _unit.ResponsesCarryPasid;
        if (!carries && request.SubstreamId is not null)
        {
            var status = FindStream(request.StreamId, mayRead: true, new Scope(_drops), out var stream);
            if (status != Smmu3EventType.None)
            {
                int substream = request.SubstreamId is { } id ? (int)id : Smmu3Request.NoSubstream;
                var asked = new Smmu3Request(request.StreamId, 0, Smmu3Access.Read, substream);
                RecordAtsError(status, asked, default);
                return new Smmu3PageResponse(request.StreamId, null, request.Group, Smmu3PageResponse.Failure);
            }

            carries = stream.ResponsesCarryPasid;
        }

        return new Smmu3PageResponse(request.StreamId, carries ? request.SubstreamId : null, request.Group, Smmu3PageResponse.Success);
    }
}
