using System.Runtime.InteropServices;
using IommuKit.Lab.Iommus.Smmu3;
using IommuKit.Models.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Checker.Iommus.Smmu3;

/// <summary>Follows a command queue by its end.</summary>
internal sealed class Smmu3QueueCursor
{
    private readonly PhysicalMemory _memory;
    private readonly ulong _queue;
    private readonly uint _mask;
    private readonly List<(ulong Address, Smmu3Command Command)> _commands = [];
    private uint _next;

    /// <summary>Begins where the queue of a machine ends by now.</summary>
    public Smmu3QueueCursor(Smmu3Machine machine)
    {
        var model = machine.Model!;
        ulong register = model.Read64(Smmu3Register.CommandQueue);
        _memory = machine.Memory;
        _queue = register & 0x00ff_ffff_ffff_ffe0;
        _mask = (2u << (int)(register & Smmu3Register.QueueSizeMask)) - 1;
        _next = model.Read32(Smmu3Register.CommandProducer);
    }

    /// <summary>The commands up to a new end, as the CPU stored them, with where each is. Good until the next call.</summary>
    public IReadOnlyList<(ulong Address, Smmu3Command Command)> Advance(uint producer)
    {
        _commands.Clear();
        for (; ((_next ^ producer) & _mask) != 0; _next++)
        {
            ulong address = _queue + ((_next & (_mask >> 1)) * (ulong)Smmu3Command.Bytes);
            var words = MemoryMarshal.Cast<byte, ulong>(_memory.CpuView.Span(address, Smmu3Command.Bytes));
            _commands.Add((address, new Smmu3Command(words[0], words[1])));
        }

        return _commands;
    }
}
