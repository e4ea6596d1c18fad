using IommuKit.Models.State;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Reset, save and restore.</content>
public sealed partial class Smmu3Model<TMemory>
{
    private const string StateKind = "smmu3";
    private const int StateVersion = 2;

    /// <inheritdoc/>
    public byte[] Save()
    {
        lock (_gate)
        {
            var state = StateTransfer.Save();
            Transfer(ref state);
            return state.ToArray();
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Memory has to be restored before: what was under way goes on in this call. Commands that were not consumed yet are, as their doorbell was
    /// rung before the state was saved and is not rung again; stalls that SMMUEN = 0 was about to end do.
    /// </remarks>
    public void Restore(ReadOnlySpan<byte> state)
    {
        try
        {
            lock (_gate)
            {
                _drops++;
                _queueEpoch++;
                StateTransfer.Restore(state, Transfer, ResetAll);
            }
        }
        finally
        {
            TellEverything();
            Accesses.Drain();
            TellIfDue();
        }

        Finish(Effects.Queue | (Volatile.Read(ref _isEnabled) ? Effects.None : Effects.EndStalls));
    }

    private void ResetAll()
    {
        ClearCaches();
        ResetRegisters();
    }

    /// <summary>Names everything that is the state, once for both directions.</summary>
    private void Transfer(ref StateTransfer state)
    {
        state.Header(
            StateKind,
            StateVersion,
            _unit.Idr0,
            _unit.Idr1,
            _unit.Idr3,
            _unit.Idr5,
            _options.Iotlb.Sets,
            _options.Iotlb.Ways,
            _options.TableCache.Sets,
            _options.TableCache.Ways,
            _options.StreamCache.Sets,
            _options.StreamCache.Ways,
            _options.StreamTableCache.Sets,
            _options.StreamTableCache.Ways,
            _options.ContextCache.Sets,
            _options.ContextCache.Ways,
            _options.ContextTableCache.Sets,
            _options.ContextTableCache.Ways);
        state.Value(ref _control);
        state.Value(ref _control1);
        state.Value(ref _control2);
        state.Value(ref _bypass);
        state.Value(ref _interrupts);
        state.Value(ref _errors);
        state.Value(ref _errorAcks);
        state.Value(ref _streamTable);
        state.Value(ref _streamTableConfig);
        Transfer(ref state, ref _errorMessage);
        state.Value(ref _commandQueue);
        state.Value(ref _commandProducer);
        state.Value(ref _commandConsumer);
        state.Value(ref _hasDeviceTimeout);
        _issuedOnce.Transfer(ref state);
        Transfer(ref state, ref _eventQueue);
        Transfer(ref state, ref _pageQueue);
        Transfer(ref state, ref _lastEvent);
        state.Value(ref _due);
        var (address, data) = (_syncMessage.Address, _syncMessage.Data);
        state.Value(ref address);
        state.Value(ref data);
        _syncMessage = new Smmu3Message(address, data);
        state.Value(ref _translationControl);
        state.Value(ref _translationStream);
        state.Value(ref _translationAddress);
        state.Value(ref _translationResult);
        TransferStalls(ref state);
        state.Value(ref _brokenSizes);
        _streams.Transfer(ref state);
        _streamTables.Transfer(ref state);
        _contexts.Transfer(ref state);
        _contextTables.Transfer(ref state);
        _pages.Transfer(ref state);
        _tables.Transfer(ref state);
        if (state.IsRestoring)
        {
            Sanitize();
        }
    }

    private void TransferStalls(ref StateTransfer state)
    {
        int count = _stallCount;
        state.Value(ref count);
        if (state.IsRestoring)
        {
            StateTransfer.Check((uint)count <= (uint)_stalls.Length, "more transactions stall than can");
            ResetStalls();
        }

        int tag = -1;
        for (int i = 0; i < count; i++)
        {
            int next = tag + 1;
            while (!state.IsRestoring && !_stalls[next].IsUsed)
            {
                next++;
            }

            state.Value(ref next);
            StateTransfer.Check(next > tag && next < _stalls.Length, "a stall has no tag that can be");
            tag = next;
            ref var stall = ref _stalls[tag];
            state.Value(ref stall.IsRecorded);
            Transfer(ref state, ref stall.Record);
            ulong input = stall.Request.Address;
            uint stream = stall.Request.StreamId;
            int access = (int)stall.Request.Access;
            int substream = stall.Request.SubstreamId;
            state.Value(ref input);
            state.Value(ref stream);
            state.Value(ref access);
            state.Value(ref substream);
            stall.IsUsed = true;
            stall.Request = new Smmu3Request(stream, input, (Smmu3Access)(access & 0xf), substream);
        }

        _stallCount = count;
    }

    private static void Transfer(ref StateTransfer state, ref Smmu3QueueMessage message)
    {
        state.Value(ref message.Address);
        state.Value(ref message.Data);
        state.Value(ref message.Configuration);
    }

    private static void Transfer(ref StateTransfer state, ref Smmu3Queue queue)
    {
        state.Value(ref queue.Base);
        state.Value(ref queue.Producer);
        state.Value(ref queue.Consumer);
        Transfer(ref state, ref queue.Message);
    }

    private static void Transfer(ref StateTransfer state, ref Smmu3Event record)
    {
        var (w0, w1, w2, w3) = (record.W0, record.W1, record.W2, record.W3);
        state.Value(ref w0);
        state.Value(ref w1);
        state.Value(ref w2);
        state.Value(ref w3);
        record = new Smmu3Event(w0, w1, w2, w3);
    }

    /// <summary>Makes what follows from the state follow, and takes away bits that no write could have set.</summary>
    private void Sanitize()
    {
        _control &= Smmu3Register.Control.Mask;
        _bypass &= Smmu3Register.Bypass.Mask;
        _interrupts &= Smmu3Register.Interrupts.Mask;
        _errors &= Smmu3Register.Errors.Mask;
        _errorAcks &= Smmu3Register.Errors.Mask;
        _due &= (1u << ((int)Smmu3Interrupt.SendEvent + 1)) - 1;
        _translationControl = 0;
        _piecedSizes |= _brokenSizes;
        Acknowledge();
        UpdateModes();
    }
}
