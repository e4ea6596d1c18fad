using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <summary>
/// The invalidation queue. A piece is written where hardware will read it, between <see cref="Begin"/> and <see cref="Submit"/>, with one wait at its
/// end; the tail is written once for all of it.
/// </summary>
/// <remarks>
/// A position is the number of descriptors before it since the start. The ticket of a wait is the position after it, which hardware stores, as far as
/// 32 bits go, into a word that belongs to the place of the wait in the queue.
/// </remarks>
internal sealed class VtdQueue
{
    private const int PollsPerLook = 64;
    private const uint Errors = VtdRegister.FaultStatusBits.QueueError
        | VtdRegister.FaultStatusBits.CompletionError
        | VtdRegister.FaultStatusBits.TimeoutError;

    private readonly Lock _lock = new();
    private readonly IMmio _registers;
    private readonly VtdGlobalCommands _commands;
    private readonly HostMemory _memory;
    private readonly IStatusWords _words;
    private readonly ulong _ring;
    private readonly ulong _status;
    private readonly TimeSpan _patience;
    private readonly int _entryBytes;
    private readonly uint _mask;
    private ulong _next;
    private ulong _published;

    // Everything before this position has completed, or failed.
    private ulong _completed;

    // Waits up to this position may never be answered.
    private ulong _failed;

    /// <summary>Makes an empty queue, which is not enabled.</summary>
    /// <param name="registers">The unit's registers.</param>
    /// <param name="commands">Its global commands.</param>
    /// <param name="memory">The CPU's view of the memory that the queue is in.</param>
    /// <param name="words">How the words are looked at that tell of waits.</param>
    /// <param name="ring">The physical address of the queue.</param>
    /// <param name="status">The physical address of a word for each descriptor.</param>
    /// <param name="log2">Log2 of the descriptors.</param>
    /// <param name="isWide">Whether descriptors have 256 bits.</param>
    /// <param name="patience">How long hardware may take to answer a wait.</param>
    public VtdQueue(
        IMmio registers,
        VtdGlobalCommands commands,
        HostMemory memory,
        IStatusWords words,
        ulong ring,
        ulong status,
        int log2,
        bool isWide,
        TimeSpan patience)
    {
        _registers = registers;
        _commands = commands;
        _memory = memory;
        _words = words;
        _ring = ring;
        _status = status;
        _patience = patience;
        _entryBytes = isWide ? VtdInvalidationDescriptor.WideBytes : VtdInvalidationDescriptor.Bytes;
        _mask = (1u << log2) - 1;
        int pagesLog2 = Math.Max(0, log2 + (isWide ? 5 : 4) - 12);
        Register = ring | (isWide ? VtdRegister.QueueAddressBits.Wide : 0) | (uint)pagesLog2;
    }

    /// <summary>What IQA is.</summary>
    public ulong Register { get; }

    /// <summary>Whether there is something in the piece that has been begun, and no wait is behind it yet.</summary>
    public bool HasPiece => _next != _published;

    /// <summary>Switches it on, empty.</summary>
    public void Enable()
    {
        _registers.Write64(VtdRegister.QueueTail, 0);
        _registers.Write64(VtdRegister.QueueAddress, Register);
        _commands.Set(VtdRegister.GlobalBits.QueuedInvalidationEnable);
    }

    /// <summary>Begins a piece: until <see cref="Submit"/> the queue is the caller's.</summary>
    public void Begin() => _lock.Enter();

    /// <summary>Adds a descriptor to the piece.</summary>
    public void Add(in VtdInvalidationDescriptor descriptor)
    {
        // One place is for the wait, and one stays empty: a full queue would look like an empty one.
        if (_next - _completed >= _mask - 1)
        {
            MakeRoom();
        }

        Store(descriptor);
    }

    /// <summary>Ends a piece: hands it over with a wait behind it, if there is anything in it.</summary>
    /// <returns>What to wait for; 0 for nothing.</returns>
    public ulong Submit()
    {
        try
        {
            return HasPiece ? Publish() : 0;
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Hands over what there is of the piece with a wait behind it, and goes on with the piece: its ticket covers this too.</summary>
    public void HandOver()
    {
        if (HasPiece)
        {
            Publish();
        }
    }

    /// <summary>Waits until a piece has taken effect. Needs no lock.</summary>
    /// <exception cref="IommuException">The hardware refused a descriptor, or a device did not answer (EIO).</exception>
    /// <exception cref="TimeoutException">The hardware does not take descriptors, and reports no error.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Wait(ulong ticket)
    {
        if (ticket > Volatile.Read(ref _failed) && _words.HasReached(WordOf(ticket), (uint)ticket))
        {
            Complete(ticket);
        }
        else if (ticket != 0)
        {
            WaitLong(ticket);
        }
    }

    /// <summary>One descriptor, with the wait.</summary>
    public void Do(in VtdInvalidationDescriptor descriptor)
    {
        ulong ticket;
        Begin();
        try
        {
            Add(descriptor);
        }
        finally
        {
            ticket = Submit();
        }

        Wait(ticket);
    }

    private ulong WordOf(ulong ticket) => _status + (((ticket - 1) & _mask) * sizeof(uint));

    private void Store(in VtdInvalidationDescriptor descriptor)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(_memory.Span(_ring + ((_next & _mask) * (uint)_entryBytes), _entryBytes));
        words[0] = descriptor.Qw0;
        words[1] = descriptor.Qw1;
        if (words.Length == 4)
        {
            words[2] = descriptor.Qw2;
            words[3] = descriptor.Qw3;
        }

        _next++;
    }

    private ulong Publish()
    {
        ulong ticket = _next + 1;
        ulong word = WordOf(ticket);

        // What an earlier wait left there may be so old that it looks new.
        Volatile.Write(ref MemoryMarshal.AsRef<uint>(_memory.Span(word, sizeof(uint))), (uint)ticket - 1);
        Store(VtdInvalidationDescriptor.CompletionWait(word, (uint)ticket));
        _published = ticket;
        _registers.Write32(VtdRegister.QueueTail, (uint)(_next & _mask) * (uint)_entryBytes);
        return ticket;
    }

    /// <summary>More descriptors than the queue holds are under way: what there is of the piece is handed over, and waited for.</summary>
    private void MakeRoom() => Wait(HasPiece ? Publish() : _published);

    private void Complete(ulong ticket)
    {
        // Only a hint about room, which may be too low. Hardware takes descriptors in order.
        if (Volatile.Read(ref _completed) < ticket)
        {
            Volatile.Write(ref _completed, ticket);
        }
    }

    private void WaitLong(ulong ticket)
    {
        var spin = default(SpinWait);
        var patience = new Patience(_patience, "the invalidation queue has not come to a wait");
        for (int polls = 1; ; polls++)
        {
            if (ticket <= Volatile.Read(ref _failed))
            {
                throw new IommuException(IommuError.EIO, "The invalidation queue stopped at an error, and was started again.");
            }

            if (_words.HasReached(WordOf(ticket), (uint)ticket))
            {
                Complete(ticket);
                return;
            }

            if (polls % PollsPerLook == 0 && (_registers.Read32(VtdRegister.FaultStatus) & Errors) != 0)
            {
                Restart();
            }

            // To sleep would be to wait far longer than an invalidation takes.
            spin.SpinOnce(sleep1Threshold: -1);
            patience.Look();
        }
    }

    /// <summary>After an error: starts again with an empty queue. The callers that wait are told, as nobody knows what has been done.</summary>
    private void Restart()
    {
        lock (_lock)
        {
            if ((_registers.Read32(VtdRegister.FaultStatus) & Errors) == 0)
            {
                return;
            }

            _commands.Clear(VtdRegister.GlobalBits.QueuedInvalidationEnable);
            _registers.Write32(VtdRegister.FaultStatus, Errors);

            // A piece that somebody has begun is lost with the rest.
            _next = (_next + _mask) & ~(ulong)_mask;
            _published = _next;
            _completed = _next;
            Volatile.Write(ref _failed, _next);
            Enable();
        }
    }
}
