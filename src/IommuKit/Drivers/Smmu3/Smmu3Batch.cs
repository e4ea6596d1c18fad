using System.Runtime.CompilerServices;
using IommuKit.Specs.Smmu3;
using IommuKit.Sync;

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

    private Smmu3DeviceRanges _ranges;

    // Whether there are commands by IPA, which leave what a guest's stage 1 was combined with.
    private bool _leavesCombined;

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

    /// <summary>Adds a command by IPA.</summary>
    public void AddByIpa(Smmu3CommandQueue queue, in Smmu3Command command)
    {
        Add(queue, command);
        _leavesCombined = true;
    }

    /// <summary>Adds a range that devices have to forget too.</summary>
    public void AddForDevices(Interval range) => _ranges.Add(range);

    /// <summary>Hands the commands over with a CMD_SYNC, and waits for it.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="devices">
    /// Who keeps translations of its own. It is told behind a CMD_SYNC for the SMMU's: it could ask for what it dropped, and be given it from there.
    /// </param>
    /// <param name="guest">
    /// The VMID of a guest whose stage 1 is on top; 0 if none is. What was combined of both stages goes behind stage 2, from which it would be combined
    /// again.
    /// </param>
    public void Complete(Smmu3CommandQueue queue, ReadOnlySpan<Smmu3DeviceTag> devices, ushort guest)
    {
        if (_count != 0 || _hasSpilled)
        {
            if (_leavesCombined && guest != 0)
            {
                Add(queue, Smmu3Command.Drop(Smmu3CommandCode.DropGuest, vmid: guest));
            }

            _leavesCombined = false;
            if (!devices.IsEmpty)
            {
                AddDevices(queue, devices);
            }

            _ranges.Clear();
            queue.PushAndWait(((ReadOnlySpan<Smmu3Command>)_commands)[.._count], _hasSpilled ? _failures : queue.Failures);
            _count = 0;
            _hasSpilled = false;
        }
    }

    private void AddDevices(Smmu3CommandQueue queue, ReadOnlySpan<Smmu3DeviceTag> devices)
    {
        Add(queue, Smmu3Command.Sync());
        for (int i = 0; i < _ranges.Count; i++)
        {
            foreach (var device in devices)
            {
                var encoder = new Smmu3DeviceEncoder(device, _ranges[i]);
                while (encoder.TryNext(out var command))
                {
                    Add(queue, command);
                }
            }
        }
    }

    [InlineArray(Capacity)]
    private struct Commands
    {
        private Smmu3Command _first;
    }
}
