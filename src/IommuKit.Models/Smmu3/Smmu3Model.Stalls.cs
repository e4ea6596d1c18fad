using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>Transactions that stall (IHI 0070, section 3.12.2).</content>
public sealed partial class Smmu3Model<TMemory>
{
    // More are of no use to anybody: a device waits with its first.
    private const int MostStalls = 4096;

    private readonly Stall[] _stalls;
    private int _stallCount;

    // No slot below it is free.
    private int _firstFree;

    /// <summary>How many transactions stall.</summary>
    public int StallCount
    {
        get
        {
            lock (_gate)
            {
                return _stallCount;
            }
        }
    }

    private void ResetStalls()
    {
        Array.Clear(_stalls);
        _stallCount = 0;
        _firstFree = 0;
    }

    /// <summary>Lets a transaction stall.</summary>
    /// <returns>False if too many do.</returns>
    private bool TryStall(in Smmu3Request request, in Smmu3Event record, out ushort tag)
    {
        while (_firstFree < _stalls.Length && _stalls[_firstFree].IsUsed)
        {
            _firstFree++;
        }

        if (_firstFree == _stalls.Length)
        {
            tag = 0;
            return false;
        }

        tag = (ushort)_firstFree;
        var full = record with { W1 = record.W1 | Smmu3Event.Stall | tag };
        _stalls[tag] = new Stall { IsUsed = true, IsRecorded = TryRecordStall(full), Request = request, Record = full };
        _stallCount++;
        return true;
    }

    /// <summary>Records stalls that had to wait for room in the event queue.</summary>
    private void RecordWaitingStalls()
    {
        for (int tag = 0, seen = 0; seen < _stallCount && tag < _stalls.Length; tag++)
        {
            ref var stall = ref _stalls[tag];
            seen += stall.IsUsed ? 1 : 0;
            if (stall is { IsUsed: true, IsRecorded: false })
            {
                if (!TryRecordStall(stall.Record))
                {
                    return;
                }

                stall.IsRecorded = true;
            }
        }
    }

    /// <summary>
    /// Stalls that nobody knows of yet are retried as if they had just come: an invalidation may have been for them, and a record of what was before
    /// it would mislead (section 7.2.1). They stall again if nothing has changed, and go on waiting for room.
    /// </summary>
    private void RetryWaitingStalls()
    {
        for (int tag = 0; tag < _stalls.Length; tag++)
        {
            Smmu3StallEnd end;
            lock (_gate)
            {
                if (_stallCount == 0)
                {
                    return;
                }

                if (_stalls[tag] is not { IsUsed: true, IsRecorded: false })
                {
                    continue;
                }

                end = TakeStall(tag, Smmu3Outcome.Retry);
            }

            StallEnded?.Invoke(end);
        }
    }

    /// <summary>CMD_RESUME. Of a tag or a stream that does not stall, nothing comes.</summary>
    private void Resume(in Smmu3Command command)
    {
        Smmu3StallEnd end;
        lock (_gate)
        {
            int tag = command.StallTag;
            if (tag >= _stalls.Length || !_stalls[tag].IsUsed || _stalls[tag].Request.StreamId != command.StreamId)
            {
                return;
            }

            bool isAborted = command.IsAbort || _unit.OnlyAborts;
            end = TakeStall(tag, command.IsRetry ? Smmu3Outcome.Retry : isAborted ? Smmu3Outcome.Abort : Smmu3Outcome.Ignored);
        }

        StallEnded?.Invoke(end);
    }

    /// <summary>Ends the stalls of a stream, or all, with an abort.</summary>
    private void EndStalls(uint? stream)
    {
        for (int tag = 0; tag < _stalls.Length; tag++)
        {
            Smmu3StallEnd end;
            lock (_gate)
            {
                if (_stallCount == 0)
                {
                    return;
                }

                if (!_stalls[tag].IsUsed || (stream is { } id && _stalls[tag].Request.StreamId != id))
                {
                    continue;
                }

                end = TakeStall(tag, Smmu3Outcome.Abort);
            }

            StallEnded?.Invoke(end);
        }
    }

    private Smmu3StallEnd TakeStall(int tag, Smmu3Outcome outcome)
    {
        var end = new Smmu3StallEnd((ushort)tag, _stalls[tag].Request, outcome);
        _stalls[tag] = default;
        _stallCount--;
        _firstFree = Math.Min(_firstFree, tag);
        return end;
    }

    private struct Stall
    {
        public bool IsUsed;
        public bool IsRecorded;
        public Smmu3Request Request;
        public Smmu3Event Record;
    }
}
