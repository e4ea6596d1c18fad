namespace IommuKit.Models.Tegra;

/// <summary>
/// Lets those who take no lock find out whether what they read is of one state. Changes are made under a lock, and may be within each other; one
/// who finds a change under way takes the lock too, because he may be in the middle of it himself.
/// </summary>
internal struct ChangeCount
{
    // Odd while something changes.
    private int _number;
    private int _depth;

    /// <summary>Begins to read. False while something changes.</summary>
    public bool TryBegin(out int number)
    {
        number = Volatile.Read(ref _number);
        return (number & 1) == 0;
    }

    /// <summary>Whether what was read since is of one state.</summary>
    public readonly bool IsUnchanged(int number)
    {
#if NET10_0_OR_GREATER
        Volatile.ReadBarrier();
#else
        Interlocked.MemoryBarrier();
#endif
        return Volatile.Read(in _number) == number;
    }

    /// <summary>Begins a change.</summary>
    public void Begin()
    {
        if (_depth++ == 0)
        {
            // Nobody may see what comes without this. That all of it is seen is up to the lock, which is given back with a full fence.
            Volatile.Write(ref _number, _number + 1);
#if NET10_0_OR_GREATER
            Volatile.WriteBarrier();
#else
            Interlocked.MemoryBarrier();
#endif
        }
    }

    /// <summary>Ends it.</summary>
    public void End()
    {
        if (--_depth == 0)
        {
            Volatile.Write(ref _number, _number + 1);
        }
    }
}
