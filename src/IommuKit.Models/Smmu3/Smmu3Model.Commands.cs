using System.Buffers.Binary;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Smmu3;

/// <content>The command queue (IHI 0070, chapter 4 and section 7.1).</content>
/// <remarks>
/// One thread at a time consumes commands; another that rings the doorbell leaves them to it. Whatever a command needs from outside (a wait for
/// accesses, a device's answer, a listener) is done without the lock, and CONS moves when it is done. An invalidation that somebody listens to has
/// dropped what it names by then.
/// </remarks>
public sealed partial class Smmu3Model<TMemory>
{
    private const int NobodyConsumes = 0;
    private const int CommandLog2 = 4;

    private ulong _commandQueue;
    private uint _commandProducer;
    private uint _commandConsumer;

    // The thread that consumes, and how many it still may: a queue that rings its own doorbell must not go round for ever.
    private int _consumerThread;
    private long _budget;

    // Counts changes after which a command that is being done is not the one at CONS any more.
    private int _queueEpoch;

    // A device did not answer: the next CMD_SYNC is an error.
    private bool _hasDeviceTimeout;

    // With the erratum: invalidations that had no effect yet.
    private readonly Smmu3TwiceIssued _issuedOnce = new();

    private int CommandQueueSize => (int)Math.Min(_commandQueue & Smmu3Register.QueueSizeMask, (ulong)_unit.CommandQueueLog2);

    private void ResetCommands()
    {
        _queueEpoch++;
        _commandQueue = 0;
        _commandProducer = 0;
        _commandConsumer = 0;
        _hasDeviceTimeout = false;
        _issuedOnce.Clear();
    }

    /// <summary>Consumes commands until there are none, or an error stops the queue.</summary>
    private void ProcessCommands()
    {
        int thread = Environment.CurrentManagedThreadId;
        lock (_gate)
        {
            long entries = 2L << CommandQueueSize;
            if (_consumerThread != NobodyConsumes)
            {
                // From within the command that this thread is doing, nothing more is allowed to it.
                _budget += _consumerThread == thread ? 0 : entries;
                return;
            }

            _consumerThread = thread;
            _budget = entries;
        }

        bool isDone = false;
        try
        {
            while (!isDone)
            {
                isDone = !ConsumeCommands(out var outside, out int epoch);
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
                    _consumerThread = NobodyConsumes;
                }
            }
        }
    }

    /// <summary>Does commands until one needs something from outside.</summary>
    /// <returns>False if there are no more; nobody consumes then.</returns>
    private bool ConsumeCommands(out Smmu3Command outside, out int epoch)
    {
        lock (_gate)
        {
            while (IsOn(Smmu3Register.Control.CommandQueue)
                && !IsActive(Smmu3Register.Errors.CommandQueue)
                && ((_commandProducer ^ _commandConsumer) & Smmu3Queue.PositionMask(CommandQueueSize)) != 0
                && _budget > 0)
            {
                if (!TryFetch(out outside))
                {
                    StopCommands(Smmu3CommandError.Abort);
                    break;
                }

                _budget--;
                if (!IsLegal(outside))
                {
                    StopCommands(Smmu3CommandError.Illegal);
                    break;
                }

                _commands++;
                if (NeedsOutside(outside))
                {
                    if (outside.Code == Smmu3CommandCode.Sync)
                    {
                        _issuedOnce.Sync();
                    }

                    epoch = _queueEpoch;
                    return true;
                }

                if (HasEffect(outside))
                {
                    Invalidate(outside);
                    if (Invalidated is not null && TryNotice(outside, out _notice))
                    {
                        epoch = _queueEpoch;
                        return true;
                    }
                }

                AdvanceConsumer();
            }

            _consumerThread = NobodyConsumes;
            outside = default;
            epoch = 0;
            return false;
        }
    }

    private bool TryFetch(out Smmu3Command command)
    {
        Span<byte> bytes = stackalloc byte[Smmu3Command.Bytes];
        int log2 = CommandQueueSize;
        ulong size = 1ul << Math.Max(log2 + CommandLog2, 5);
        ulong address = (_commandQueue & QueueAddressMask & ~(size - 1)) + ((ulong)(_commandConsumer & ((1u << log2) - 1)) << CommandLog2);
        bool isRead = !IsTooWide(address) && _memory.TryRead(address, bytes);
        command = isRead
            ? new Smmu3Command(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]))
            : default;
        return isRead;
    }

    private void AdvanceConsumer()
    {
        int log2 = CommandQueueSize;
        if (_unit.HasSendEvent && ((_commandProducer ^ _commandConsumer) & Smmu3Queue.PositionMask(log2)) == 1u << log2)
        {
            // It was full, and a CPU may wait for room by WFE (section 4.1.2).
            _due |= 1u << (int)Smmu3Interrupt.SendEvent;
        }

        _commandConsumer = (_commandConsumer & ~Smmu3Register.QueueIndexMask) | ((_commandConsumer + 1) & Smmu3Queue.PositionMask(log2));
    }

    private void StopCommands(Smmu3CommandError error)
    {
        // The reason is there before the error is active.
        _commandConsumer = (_commandConsumer & Smmu3Register.QueueIndexMask) | ((uint)error << Smmu3Register.CommandErrorShift);
        RaiseError(Smmu3Register.Errors.CommandQueue);
    }

    /// <summary>Whether a command is one that the SMMU can do.</summary>
    private bool IsLegal(in Smmu3Command command) => !command.IsSecure && command.Code switch
    {
        Smmu3CommandCode.PrefetchConfig or Smmu3CommandCode.PrefetchAddress => true,
        Smmu3CommandCode.DropStream or Smmu3CommandCode.DropStreams => true,
        Smmu3CommandCode.DropContext or Smmu3CommandCode.DropContexts => _unit.HasStage1,
        Smmu3CommandCode.DropGuest or Smmu3CommandCode.DropAsid => _unit.HasStage1,
        Smmu3CommandCode.DropVa or Smmu3CommandCode.DropVaAllAsids => _unit.HasStage1 && IsLegalRange(command),
        Smmu3CommandCode.DropHypervisor or Smmu3CommandCode.DropHypervisorAsid => _unit.HasHypervisor,
        Smmu3CommandCode.DropHypervisorVa or Smmu3CommandCode.DropHypervisorVaAllAsids => _unit.HasHypervisor && IsLegalRange(command),
        Smmu3CommandCode.DropVmid => _unit.HasStage2,
        Smmu3CommandCode.DropIpa => _unit.HasStage2 && IsLegalRange(command),
        Smmu3CommandCode.DropAllGuests => true,
        Smmu3CommandCode.DropDeviceTlb => _unit.HasAts,
        Smmu3CommandCode.RespondToPages => _unit.HasPageRequests && command.Response != 3,
        Smmu3CommandCode.Resume or Smmu3CommandCode.TerminateStalls => _unit.StallModel != 1,
        Smmu3CommandCode.Sync => command.Signal != 3,
        _ => false,
    };

    /// <summary>Whether NUM, SCALE, TTL and TG of an invalidation by address make sense.</summary>
    private bool IsLegalRange(in Smmu3Command command)
    {
        if (!_unit.HasRangeInvalidation || command.Granule == 0)
        {
            // These fields are reserved then, and ignored.
            return true;
        }

        return command.Number != 0 || command.Scale != 0 || LevelOf(command) != 0;
    }

    /// <summary>TTL; a level that a granule has no leaves at is none.</summary>
    private int LevelOf(in Smmu3Command command) =>
        command is { Granule: 2, Level: 1 } && !_unit.HasWideSmallGranules ? 0 : command.Level;

    private static bool NeedsOutside(in Smmu3Command command) => command.Code is
        Smmu3CommandCode.Sync or Smmu3CommandCode.DropDeviceTlb or Smmu3CommandCode.RespondToPages or Smmu3CommandCode.Resume
        or Smmu3CommandCode.TerminateStalls;

    /// <summary>Whether the erratum lets an invalidation have an effect.</summary>
    private bool HasEffect(in Smmu3Command command) =>
        !_options.NeedsInvalidationsTwice || command.Code <= Smmu3CommandCode.PrefetchAddress || _issuedOnce.Issue(command);

    private void DoOutside(in Smmu3Command command, int epoch)
    {
        bool isAnswered = true;
        bool isEnabled = Volatile.Read(ref _isEnabled);
        bool isLate = false;
        switch (command.Code)
        {
            case Smmu3CommandCode.Sync:
                isLate = Volatile.Read(ref _hasDeviceTimeout);
                Accesses.Drain();
                RetryWaitingStalls();
                break;
            case Smmu3CommandCode.DropDeviceTlb:
                if (isEnabled)
                {
                    var device = DeviceTlbOf(command);
                    Invalidated?.Invoke(NoticeOf(device));
                    isAnswered = DeviceTlbInvalidated?.Invoke(device) ?? true;
                }

                break;
            case Smmu3CommandCode.RespondToPages when isEnabled:
                PageResponded?.Invoke(new Smmu3PageResponse(
                    command.StreamId, command.HasSubstream ? command.SubstreamId : null, command.PageGroup, CodeOf(command.Response)));
                break;
            case Smmu3CommandCode.Resume:
                Resume(command);
                break;
            case Smmu3CommandCode.TerminateStalls:
                EndStalls(command.StreamId);
                break;
            case Smmu3CommandCode.RespondToPages:
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

            _hasDeviceTimeout = (_hasDeviceTimeout && !isLate) || !isAnswered;
            if (isLate)
            {
                StopCommands(Smmu3CommandError.DeviceTimeout);
            }
            else
            {
                AdvanceConsumer();
                if (command.Code == Smmu3CommandCode.Sync)
                {
                    Signal(command);
                }
            }
        }

        TellIfDue();
    }

    private void Signal(in Smmu3Command sync)
    {
        if (sync.Signal == 1)
        {
            var message = new Smmu3Message(_unit.HasMessages ? sync.MessageAddress : 0, sync.MessageData);
            if (message.Address == 0 || !TryStore(message))
            {
                _syncMessage = message;
                _due |= 1u << (int)Smmu3Interrupt.CommandSync;
            }
        }
        else if (sync.Signal == 2 && _unit.HasSendEvent)
        {
            _due |= 1u << (int)Smmu3Interrupt.SendEvent;
        }
    }

    private static int CodeOf(int response) => response switch
    {
        0 => Smmu3PageResponse.Failure,
        1 => Smmu3PageResponse.InvalidRequest,
        _ => Smmu3PageResponse.Success,
    };

    private static Smmu3DeviceTlbInvalidation DeviceTlbOf(in Smmu3Command command)
    {
        // 52 is everything.
        ulong below = command.DeviceSize >= 52 ? ulong.MaxValue : (0x1000ul << command.DeviceSize) - 1;
        ulong first = command.Address & ~below;
        return new Smmu3DeviceTlbInvalidation(
            command.StreamId, command.HasSubstream ? command.SubstreamId : null, command.IsGlobal, first, first | below);
    }
}
