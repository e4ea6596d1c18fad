namespace IommuKit.Traces.Faults;

/// <summary>What a kernel log says of faults.</summary>
public sealed class KernelLog
{
    /// <summary>Faults that are kept; those after them are only counted.</summary>
    internal const int MaxFaults = 20_000;

    private const int MaxNotes = 1000;

    private readonly List<LoggedFault> _faults = [];
    private readonly List<SuppressedMessages> _suppressed = [];
    private readonly List<(long Line, string Message)> _failures = [];

    /// <summary>The file; empty where the messages are from a trace.</summary>
    public string File { get; internal init; } = string.Empty;

    /// <summary>Lines read.</summary>
    public long Lines { get; internal set; }

    /// <summary>Whether a line looks like one of a kernel's: a time in front, "kernel:", or a message that is known.</summary>
    internal bool IsOfKernel { get; set; }

    /// <summary>Lines of which only the start was read, as they are longer than any message.</summary>
    public long LongLines { get; internal set; }

    /// <summary>What is wrong with the file as a whole, where reading it stopped early; null if nothing is.</summary>
    public string? Problem { get; internal set; }

    /// <summary>The faults, in the order of the log; those with only a heading too.</summary>
    public IReadOnlyList<LoggedFault> Faults => _faults;

    /// <summary>Faults beyond those that are kept.</summary>
    public long MoreFaults { get; private set; }

    /// <summary>Notes of the kernel that it left out messages.</summary>
    public IReadOnlyList<SuppressedMessages> Suppressed => _suppressed;

    /// <summary>How many calls the kernel says it left out.</summary>
    public long SuppressedCalls { get; private set; }

    /// <summary>Messages that a flush was refused or not answered.</summary>
    public long FlushFailures { get; private set; }

    /// <summary>The first of them, with the line of each.</summary>
    internal IReadOnlyList<(long Line, string Message)> FirstFlushFailures => _failures;

    /// <summary>What it says of the machine.</summary>
    public TraceMachine Machine { get; } = new();

    /// <summary>Adds a fault, if there is room.</summary>
    /// <returns>Whether there was.</returns>
    internal bool Add(LoggedFault fault)
    {
        if (_faults.Count == MaxFaults)
        {
            MoreFaults++;
            return false;
        }

        _faults.Add(fault);
        return true;
    }

    /// <summary>Puts the faults into the order of their lines: that only a heading is there shows late.</summary>
    internal void Sort()
    {
        var sorted = _faults.OrderBy(fault => fault.Line).ToList();
        _faults.Clear();
        _faults.AddRange(sorted);
    }

    /// <summary>Adds a message that a flush failed.</summary>
    internal void AddFlushFailure(long line, string message)
    {
        FlushFailures++;
        if (_failures.Count < MaxNotes)
        {
            _failures.Add((line, message));
        }
    }

    /// <summary>Adds a note.</summary>
    internal void Add(SuppressedMessages note)
    {
        SuppressedCalls = Saturating.Add(SuppressedCalls, (ulong)note.Count);
        if (_suppressed.Count < MaxNotes)
        {
            _suppressed.Add(note);
        }
    }
}
