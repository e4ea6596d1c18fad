using System.Runtime.CompilerServices;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// Which places of a command queue wait for the message of their CMD_SYNC, which is a zero over its opcode. Under the queue's lock, but where it is said.
/// </summary>
/// <remarks>
/// A message may arrive after CONS has passed its command, and would be stored over the one that is there then. One that is aborted does not come at all:
/// GERROR tells that there was one, and not which (IHI 0070, section 7.5). What helps is that a CMD_SYNC completes only after the messages of those before
/// it.
/// </remarks>
/// <param name="memory">Where the queue is.</param>
/// <param name="start">Its first command.</param>
/// <param name="size">Its commands, a power of two.</param>
/// <param name="errors">GERROR by now.</param>
internal sealed class Smmu3SyncMessages(HostMemory memory, ulong start, uint size, uint errors)
{
    private const int CommandLog2 = 4;

    private readonly bool[] _awaits = new bool[size];
    private uint _seen = errors & Smmu3Register.Errors.CommandMessageAbort;
    private volatile bool _mayMiss;

    /// <summary>Where the message of a place goes.</summary>
    public ulong AddressOf(uint slot) => start + ((ulong)slot << CommandLog2);

    /// <summary>Whether a message has come. Without the lock.</summary>
    public bool HasArrived(ulong message) => Volatile.Read(ref Unsafe.As<byte, uint>(ref memory.At(message, sizeof(uint)))) == 0;

    /// <summary>A CMD_SYNC with a message is about to be handed over.</summary>
    public void Expect(uint slot) => Volatile.Write(ref _awaits[slot], true);

    /// <summary>No message comes for a place. Without the lock, for a command that was refused.</summary>
    public void Forget(uint slot) => Volatile.Write(ref _awaits[slot], false);

    /// <summary>Whether no message is on its way to a place that hardware has consumed.</summary>
    public bool IsFree(long position)
    {
        uint slot = (uint)position & (size - 1);
        if (IsAwaited(slot))
        {
            return false;
        }

        Forget(slot);
        return true;
    }

    /// <summary>Whether a message may be missing for good, by GERROR as it is now. Without the lock.</summary>
    public bool MayMiss(uint errors) => _mayMiss || (errors & Smmu3Register.Errors.CommandMessageAbort) != Volatile.Read(ref _seen);

    /// <summary>Gives up messages that do not come any more.</summary>
    /// <param name="errors">GERROR, from before <paramref name="head"/> was read: hardware shows a CMD_SYNC as consumed before it sends its message.</param>
    /// <param name="head">Commands that hardware has consumed.</param>
    /// <param name="tail">Commands that were stored.</param>
    public void GiveUp(uint errors, long head, long tail)
    {
        if (!MayMiss(errors))
        {
            return;
        }

        Volatile.Write(ref _seen, errors & Smmu3Register.Errors.CommandMessageAbort);
        long newest = head - 1;
        while (newest >= Oldest(tail) && !Volatile.Read(ref _awaits[SlotOf(newest)]))
        {
            newest--;
        }

        // Those before the newest have come or were aborted. It may be late itself, unless nothing else explains the error.
        bool isExplained = false;
        for (long position = Oldest(tail); position < newest; position++)
        {
            if (IsAwaited(SlotOf(position)))
            {
                Forget(SlotOf(position));
                isExplained = true;
            }
        }

        bool isOpen = newest >= Oldest(tail) && IsAwaited(SlotOf(newest));
        if (isOpen && !isExplained && !_mayMiss)
        {
            Forget(SlotOf(newest));
            isOpen = false;
        }

        _mayMiss = isOpen;
    }

    private long Oldest(long tail) => Math.Max(tail - size, 0);

    private uint SlotOf(long position) => (uint)position & (size - 1);

    private bool IsAwaited(uint slot) => Volatile.Read(ref _awaits[slot]) && !HasArrived(AddressOf(slot));
}
