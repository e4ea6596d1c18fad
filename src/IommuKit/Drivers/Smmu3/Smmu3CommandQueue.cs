using System.Numerics;
using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>The command queue, for several threads (IHI 0070, sections 3.5 and 7.1).</summary>
/// <remarks>
/// <para>
/// A thread holds the lock while it stores its commands, and for nothing else: neither for a register nor for a wait. The doorbell is rung by one
/// thread at a time. Another that comes meanwhile leaves it to that one, which rings again if there is more than it knew; so nobody queues up behind a
/// slow register. Each then waits for its own CMD_SYNC.
/// </para>
/// <para>
/// Positions are counted in 64 bits; hardware has those below the wrap bit. What CONS says is taken relative to the commands that were stored before
/// it was read: as a queue is never more than full, that finds the position, or an older one if others were fast, and never a later one.
/// </para>
/// <para>
/// A message is stored over its CMD_SYNC, and may arrive after CONS has passed it. Such a place is not used again before the message came, which would
/// be stored over the command that is there then, or is known not to come (<see cref="Smmu3SyncMessages"/>).
/// </para>
/// </remarks>
internal sealed class Smmu3CommandQueue
{
    /// <summary>Log2 of the most commands: what one block of the allocator holds.</summary>
    public const int MaxLog2 = 14;

    private const int CommandLog2 = 4;
    private const int LooksPerRegister = 64;
    private const ulong MessageAttributes = (3ul << 22) | (0xful << 24);

    private readonly Lock _gate = new();
    private readonly Lock _errorGate = new();
    private readonly IMmio _registers;
    private readonly ICpuCache _cache;
    private readonly HostMemory _memory;
    private readonly ulong _base;
    private readonly uint _size;
    private readonly bool _issuesTwice;
    private readonly bool _cleans;
    private readonly Smmu3Command _sync;
    private readonly TimeSpan _patience;

    // Null where the end of a CMD_SYNC is seen by CONS.
    private readonly Smmu3SyncMessages? _messages;

    // Commands that were stored, and those that are known to be consumed.
    private long _tail;
    private long _head;

    // Requests to ring that nobody answered yet.
    private int _doorbells;

    // Commands that hardware refused.
    private int _failures;

    public Smmu3CommandQueue(
        IMmio registers, ICpuCache cache, HostMemory memory, ulong address, int log2, Smmu3Unit unit, Smmu3DriverOptions options)
    {
        _registers = registers;
        _cache = cache;
        _memory = memory;
        _base = address;
        _size = 1u << log2;
        _issuesTwice = options.IssuesInvalidationsTwice;
        _cleans = !unit.IsCoherent;
        bool usesMessages = options.UsesMessages && unit is { HasMessages: true, IsCoherent: true };
        _messages = usesMessages ? new Smmu3SyncMessages(memory, address, _size, registers.Read32(Smmu3Register.GlobalError)) : null;
        _patience = options.Patience;
        int signal = usesMessages ? 1 : options.WakesOnSync ? 2 : 0;
        var sync = Smmu3Command.Sync(signal);
        _sync = signal == 0 ? sync : sync with { Lower = sync.Lower | MessageAttributes };
    }

    /// <summary>What CMDQ_BASE has to be.</summary>
    public ulong Base => _base | (uint)BitOperations.Log2(_size);

    /// <summary>Commands that hardware refused so far.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <summary>Hands commands over, without a wait.</summary>
    public void Push(ReadOnlySpan<Smmu3Command> commands) => Push(commands, hasSync: false, out _);

    /// <summary>Hands commands over with one CMD_SYNC, and waits until that is complete: then everything handed over before is, too.</summary>
    /// <exception cref="IommuException">Hardware refused a command (EIO).</exception>
    /// <exception cref="TimeoutException">It does not consume.</exception>
    public void PushAndWait(params ReadOnlySpan<Smmu3Command> commands) => PushAndWait(commands, Failures);

    /// <summary>As <see cref="PushAndWait(ReadOnlySpan{Smmu3Command})"/>, for commands of which some were handed over before.</summary>
    /// <param name="commands">The rest.</param>
    /// <param name="failures"><see cref="Failures"/> before the first of them.</param>
    public void PushAndWait(ReadOnlySpan<Smmu3Command> commands, int failures)
    {
        long end = Push(commands, hasSync: true, out ulong message);
        WaitFor(end, message);
        if (Failures != failures)
        {
            throw new IommuException(IommuError.EIO, "The SMMU refused a command, so that not everything counts as invalidated.");
        }
    }

    /// <summary>Looks for an error that stops the queue, and lets it go on.</summary>
    public void HandleError()
    {
        lock (_errorGate)
        {
            uint acknowledged = _registers.Read32(Smmu3Register.GlobalErrorAck);
            if (((_registers.Read32(Smmu3Register.GlobalError) ^ acknowledged) & Smmu3Register.Errors.CommandQueue) == 0)
            {
                return;
            }

            uint consumer = _registers.Read32(Smmu3Register.CommandConsumer);
            if ((Smmu3CommandError)((consumer >> Smmu3Register.CommandErrorShift) & 0x7f) == Smmu3CommandError.Illegal)
            {
                // What is refused would be again: a CMD_SYNC takes its place, and the callers that wait are told. No message comes for that one.
                uint slot = consumer & (_size - 1);
                Store(slot, Smmu3Command.Sync());
                _messages?.Forget(slot);
                _cache.Barrier();
            }

            Interlocked.Increment(ref _failures);
            _registers.Write32(Smmu3Register.GlobalErrorAck, acknowledged ^ Smmu3Register.Errors.CommandQueue);
        }
    }

    /// <summary>Looks for a message that was aborted, and waits for it no more. The error stays active: it is somebody else's to be told of.</summary>
    public void HandleAbortedMessage()
    {
        if (_messages is null)
        {
            return;
        }

        uint errors = _registers.Read32(Smmu3Register.GlobalError);
        if (_messages.MayMiss(errors))
        {
            Look();
            lock (_gate)
            {
                _messages.GiveUp(errors, Volatile.Read(ref _head), _tail);
            }
        }
    }

    private long Push(ReadOnlySpan<Smmu3Command> commands, bool hasSync, out ulong message)
    {
        if (_issuesTwice && HasInvalidation(commands))
        {
            // With a CMD_SYNC of their own, for which nobody waits. What of them is no invalidation does no harm here.
            Store(commands, Smmu3Command.Sync(), hasMessage: false, out _);
        }

        long end = Store(commands, hasSync ? _sync : null, hasMessage: true, out message);
        Ring();
        return end;
    }

    /// <summary>Whether there is an invalidation that the SMMU does itself: CFGI or TLBI.</summary>
    private static bool HasInvalidation(ReadOnlySpan<Smmu3Command> commands)
    {
        foreach (ref readonly var command in commands)
        {
            if (command.Code is > Smmu3CommandCode.PrefetchAddress and < Smmu3CommandCode.DropDeviceTlb)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Stores commands, when there is room, and a CMD_SYNC behind them.</summary>
    private long Store(ReadOnlySpan<Smmu3Command> commands, Smmu3Command? sync, bool hasMessage, out ulong message)
    {
        long end;
        message = 0;
        var patience = new Patience(_patience, "the command queue is full, or a message of a CMD_SYNC does not come");
        while (!TryStore(ref commands, sync, hasMessage, out end, ref message))
        {
            Ring();
            Look();
            HandleAbortedMessage();
            patience.Pass();
        }

        return end;
    }

    /// <summary>Stores as many commands as there is room for.</summary>
    /// <returns>Whether that was all, with the CMD_SYNC.</returns>
    private bool TryStore(ref ReadOnlySpan<Smmu3Command> commands, Smmu3Command? sync, bool hasMessage, out long end, ref ulong message)
    {
        lock (_gate)
        {
            long tail = _tail;
            long room = _size - (tail - Volatile.Read(ref _head));
            while (!commands.IsEmpty && room > 0 && IsFree(tail))
            {
                Store((uint)tail++ & (_size - 1), commands[0]);
                room--;
                commands = commands[1..];
            }

            bool isDone = commands.IsEmpty && (sync is null || (room > 0 && IsFree(tail)));
            if (isDone && sync is { } last)
            {
                uint slot = (uint)tail++ & (_size - 1);
                message = hasMessage ? _messages?.AddressOf(slot) ?? 0 : 0;
                Store(slot, last with { Upper = message });
                if (message != 0)
                {
                    _messages!.Expect(slot);
                }
            }

            // Hardware must find the commands when it sees the new end of the queue, from any thread.
            _cache.Barrier();
            Volatile.Write(ref _tail, tail);
            end = tail;
            return isDone;
        }
    }

    private bool IsFree(long position) => _messages?.IsFree(position) ?? true;

    private ulong AddressOf(uint slot) => _base + ((ulong)slot << CommandLog2);

    private void Store(uint slot, in Smmu3Command command)
    {
        ulong address = AddressOf(slot);
        ref ulong words = ref Unsafe.As<byte, ulong>(ref _memory.At(address, Smmu3Command.Bytes));
        Volatile.Write(ref words, command.Lower);
        Volatile.Write(ref Unsafe.Add(ref words, 1), command.Upper);
        if (_cleans)
        {
            _cache.Clean(address, Smmu3Command.Bytes);
        }
    }

    /// <summary>Tells hardware of everything that was stored, or leaves it to the thread that is about to.</summary>
    private void Ring()
    {
        if (Interlocked.Increment(ref _doorbells) != 1)
        {
            return;
        }

        int seen = 0;
        bool isDone = false;
        try
        {
            do
            {
                seen = Volatile.Read(ref _doorbells);
                _registers.Write32(Smmu3Register.CommandProducer, (uint)Volatile.Read(ref _tail) & ((2 * _size) - 1));
            }
            while (Interlocked.Add(ref _doorbells, -seen) != 0);

            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                Volatile.Write(ref _doorbells, 0);
            }
        }
    }

    private void WaitFor(long end, ulong message)
    {
        var patience = new Patience(_patience, "a CMD_SYNC is not complete");
        for (int looks = 0; Volatile.Read(ref _head) < end; looks++)
        {
            if (message == 0 || looks % LooksPerRegister == LooksPerRegister - 1)
            {
                Look();
            }
            else if (_messages!.HasArrived(message))
            {
                // The place is free for others only when this message has come, and the command is known to be consumed.
                Raise(end);
            }

            if (Volatile.Read(ref _head) < end)
            {
                patience.Pass();
            }
        }
    }

    /// <summary>Reads how far hardware is.</summary>
    private void Look()
    {
        long tail = Volatile.Read(ref _tail);
        uint consumer = _registers.Read32(Smmu3Register.CommandConsumer);
        Raise(tail - (((uint)tail - consumer) & ((2 * _size) - 1)));
        if (consumer >> Smmu3Register.CommandErrorShift != 0)
        {
            HandleError();
        }
    }

    private void Raise(long head)
    {
        long seen = Volatile.Read(ref _head);
        while (head > seen)
        {
            long before = Interlocked.CompareExchange(ref _head, head, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}
