using System.Runtime.InteropServices;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Reads a command queue as its end moves.</summary>
internal sealed class Smmu3CommandCursor
{
    private readonly PhysicalMemory _memory;
    private readonly List<(ulong Address, Smmu3Command Command)> _commands = [];
    private QueueFollower _queue;

    /// <summary>Begins where the queue of a machine ends by now.</summary>
    public Smmu3CommandCursor(Smmu3Machine machine)
    {
        var model = machine.Model!;
        _memory = machine.Memory;
        _queue = Smmu3QueueReader.Follow(model.Read64(Smmu3Register.CommandQueue), model.Read32(Smmu3Register.CommandProducer));
    }

    /// <summary>The commands up to a new end, as the CPU stored them, with where each is. Good until the next call.</summary>
    public List<(ulong Address, Smmu3Command Command)> Advance(uint producer)
    {
        _commands.Clear();
        while (_queue.TryNext(producer, out ulong address))
        {
            var words = MemoryMarshal.Cast<byte, ulong>(_memory.CpuView.Span(address, Smmu3Command.Bytes));
            _commands.Add((address, new Smmu3Command(words[0], words[1])));
        }

        return _commands;
    }
}
