using System.Runtime.CompilerServices;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <summary>
/// The commands of one operation. They go to the queue together with their CMD_SYNC, so that an operation rings the doorbell once; earlier only
/// those that do not fit.
/// </summary>
internal struct Smmu3Batch
{
    private const int Capacity = 6;

    private Commands _commands;
    private int _count;

    // Whether commands went to the queue before, and what had failed until then.
    private bool _hasSpilled;
    private int _failures;

    /// <summary>Adds a command.</summary>
    public void Add(Smmu3CommandQueue queue, in Smmu3Command command)
    {
        if (_count == Capacity)
        {
            _failures = _hasSpilled ? _failures : queue.Failures;
            queue.Push(((ReadOnlySpan<Smmu3Command>)_commands)[.._count]);
            _hasSpilled = true;
            _count = 0;
        }

        _commands[_count++] = command;
    }

    /// <summary>Hands the commands over with a CMD_SYNC, and waits for it.</summary>
    public void Complete(Smmu3CommandQueue queue)
    {
        if (_count != 0 || _hasSpilled)
        {
            queue.PushAndWait(((ReadOnlySpan<Smmu3Command>)_commands)[.._count], _hasSpilled ? _failures : queue.Failures);
            _count = 0;
            _hasSpilled = false;
        }
    }

    [InlineArray(Capacity)]
    private struct Commands
    {
        private Smmu3Command _first;
    }
}
