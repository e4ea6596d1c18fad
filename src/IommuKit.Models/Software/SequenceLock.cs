using System.Runtime.CompilerServices;

namespace IommuKit.Models.Software;

/// <summary>
/// A lock for writers, and a number for readers who take none: they read, and look whether the number has stayed. For a few instructions at a time.
/// </summary>
internal struct SequenceLock
{
    // Odd while a writer is at work.
    private int _number;

    /// <summary>The number before a reader begins who does not wait: if a writer is at work, it is one that never stays.</summary>
    public readonly int Number => Volatile.Read(in _number) & ~1;

    /// <summary>The number before a reader begins; it waits while a writer is at work.</summary>
    public int BeginRead()
    {
        int number = Volatile.Read(ref _number);
        return (number & 1) == 0 ? number : WaitForWriter();
    }

    /// <summary>Whether what was read since is of one state. All of it must have been read by volatile reads.</summary>
    public readonly bool IsUnchanged(int number) => Volatile.Read(in _number) == number;

    /// <summary>Keeps other writers out, and readers from believing what they read.</summary>
    public void Enter()
    {
        var spin = default(SpinWait);
        while (!TryEnter(Number))
        {
            spin.SpinOnce();
        }
    }

    /// <summary>Enters if no writer has come since a number was read: what was read since is of one state, and it is still so.</summary>
    /// <param name="number">The number when the caller began to read.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryEnter(int number) => Interlocked.CompareExchange(ref _number, number + 1, number) == number;

    /// <summary>Ends what <see cref="Enter"/> or <see cref="TryEnter"/> began.</summary>
    public void Exit() => Volatile.Write(ref _number, _number + 1);

    private int WaitForWriter()
    {
        var spin = default(SpinWait);
        while (true)
        {
            spin.SpinOnce();
            int number = Volatile.Read(ref _number);
            if ((number & 1) == 0)
            {
                return number;
            }
        }
    }
}
