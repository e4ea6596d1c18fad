using System.Runtime.InteropServices;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Reads an invalidation queue as its tail moves.</summary>
internal sealed class VtdQueueCursor
{
    private readonly PhysicalMemory _memory;
    private readonly ulong _register;
    private readonly List<(ulong Address, VtdInvalidationDescriptor Descriptor)> _descriptors = [];
    private QueueFollower _queue;

    /// <summary>Begins where the tail of a machine is by now.</summary>
    public VtdQueueCursor(VtdMachine machine)
    {
        _memory = machine.Memory;
        _register = machine.Model!.Read64(VtdRegister.QueueAddress);
        _queue = VtdQueueReader.Follow(_register, machine.Model.Read64(VtdRegister.QueueTail));
    }

    /// <summary>The descriptors up to a new tail, with where each is. Good until the next call.</summary>
    public IReadOnlyList<(ulong Address, VtdInvalidationDescriptor Descriptor)> Advance(ulong tail)
    {
        _descriptors.Clear();
        while (_queue.TryNext(VtdQueueReader.EndOf(_register, tail), out ulong address))
        {
            // Hardware snoops the queue.
            var words = MemoryMarshal.Cast<byte, ulong>(_memory.CpuView.Span(address, VtdInvalidationDescriptor.Bytes));
            _descriptors.Add((address, new VtdInvalidationDescriptor(words[0], words[1], 0, 0)));
        }

        return _descriptors;
    }
}
