using System.Buffers.Binary;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>The event queue, GERROR, and interrupts (IHI 0070, sections 7.2 to 7.5 and 3.18).</content>
public sealed partial class Smmu3Model<TMemory>
{
    private const int EventLog2 = 5;
    private const ulong MergedAddressMask = ~0xffful;

    private Smmu3Queue _eventQueue;

    // The record that was stored last, which like ones may be merged with as long as software has not taken it.
    private Smmu3Event _lastEvent;

    // Interrupts that the listener has not been told of, one bit for each of Smmu3Interrupt.
    private uint _due;
    private Smmu3Message _syncMessage;

    private void ResetEvents()
    {
        _eventQueue = default;
        _lastEvent = default;
        _due = 0;
        _syncMessage = default;
    }

    private bool IsActive(uint error) => ((_errors ^ _errorAcks) & error) != 0;

    private void RaiseError(uint error)
    {
        if (IsActive(error))
        {
            return;
        }

        _errors ^= error;
        if (error != Smmu3Register.Errors.GlobalErrorMessageAbort && (_interrupts & Smmu3Register.Interrupts.GlobalError) != 0)
        {
            _due |= 1u << (int)Smmu3Interrupt.GlobalError;
        }
    }

    /// <summary>Records an event of a transaction that ended. Where there is no room it is lost, and the overflow told.</summary>
    private void Record(in Smmu3Event record, bool mayMerge)
    {
        int log2 = _eventQueue.Log2(_unit.EventQueueLog2);
        if (!IsOn(Smmu3Register.Control.EventQueue) || IsActive(Smmu3Register.Errors.EventQueueAbort))
        {
            _lostEvents++;
            return;
        }

        if (mayMerge && !_eventQueue.IsEmpty(log2) && IsLike(record, _lastEvent))
        {
            return;
        }

        if (_eventQueue.IsFull(log2))
        {
            _lostEvents++;
            if (!_eventQueue.HasOverflow)
            {
                _eventQueue.Producer ^= Smmu3Register.Overflow;
            }

            return;
        }

        Store(record, log2);
    }

    /// <summary>Records an event of a stall, which is never lost.</summary>
    /// <returns>False if it has to wait.</returns>
    private bool TryRecordStall(in Smmu3Event record)
    {
        int log2 = _eventQueue.Log2(_unit.EventQueueLog2);
        return IsOn(Smmu3Register.Control.EventQueue)
            && !IsActive(Smmu3Register.Errors.EventQueueAbort)
            && !_eventQueue.IsFull(log2)
            && Store(record, log2);
    }

    private bool Store(in Smmu3Event record, int log2)
    {
        Span<byte> bytes = stackalloc byte[Smmu3Event.Bytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, record.W0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], record.W1);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], record.W2);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], record.W3);
        ulong address = _eventQueue.NextAddress(log2, EventLog2);
        if (IsTooWide(address) || !_memory.TryWrite(address, bytes))
        {
            _lostEvents++;
            RaiseError(Smmu3Register.Errors.EventQueueAbort);
            return false;
        }

        bool wasEmpty = _eventQueue.IsEmpty(log2);
        _eventQueue.Advance(log2);
        _lastEvent = record;
        if (wasEmpty && (_interrupts & Smmu3Register.Interrupts.Event) != 0)
        {
            _due |= 1u << (int)Smmu3Interrupt.EventQueue;
        }

        return true;
    }

    private static bool IsLike(in Smmu3Event one, in Smmu3Event other) =>
        one.W0 == other.W0
        && one.W1 == other.W1
        && ((one.W2 ^ other.W2) & MergedAddressMask) == 0
        && one.W3 == other.W3
        && !one.IsStall;

    private bool IsTooWide(ulong address) => address >> _unit.AddressBits != 0;

    private void TellIfDue()
    {
        if (Volatile.Read(ref _due) != 0)
        {
            Accesses.WhenEnded(_tell);
        }
    }

    private void Tell()
    {
        while (TryTakeInterrupt(out var interrupt, out var message))
        {
            if (message.Address == 0)
            {
                InterruptRaised?.Invoke(interrupt);
            }
            else if (!TrySend(message))
            {
                lock (_gate)
                {
                    RaiseError(interrupt switch
                    {
                        Smmu3Interrupt.EventQueue => Smmu3Register.Errors.EventMessageAbort,
                        Smmu3Interrupt.PageRequestQueue => Smmu3Register.Errors.PageRequestMessageAbort,
                        Smmu3Interrupt.CommandSync => Smmu3Register.Errors.CommandMessageAbort,
                        _ => Smmu3Register.Errors.GlobalErrorMessageAbort,
                    });
                }
            }
        }
    }

    private bool TryTakeInterrupt(out Smmu3Interrupt interrupt, out Smmu3Message message)
    {
        lock (_gate)
        {
            message = default;
            interrupt = default;
            if (_due == 0)
            {
                return false;
            }

            interrupt = (Smmu3Interrupt)uint.TrailingZeroCount(_due);
            _due &= _due - 1;
            message = interrupt switch
            {
                Smmu3Interrupt.EventQueue => MessageOf(_eventQueue.Message),
                Smmu3Interrupt.PageRequestQueue => MessageOf(_pageQueue.Message),
                Smmu3Interrupt.GlobalError => MessageOf(_errorMessage),
                Smmu3Interrupt.CommandSync => _syncMessage,
                _ => default,
            };
            return true;
        }
    }

    private static Smmu3Message MessageOf(Smmu3QueueMessage target) => new(target.Address, target.Data);

    /// <summary>Sends a message: to memory, or to whatever else is at its address.</summary>
    private bool TrySend(in Smmu3Message message) =>
        TryStore(message) || (!IsTooWide(message.Address) && (MessageSent?.Invoke(message) ?? false));

    private bool TryStore(in Smmu3Message message)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, message.Data);
        return !IsTooWide(message.Address) && _memory.TryWrite(message.Address, bytes);
    }
}
