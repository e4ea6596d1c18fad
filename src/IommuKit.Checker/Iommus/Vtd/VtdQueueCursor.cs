using System.Runtime.InteropServices;
using IommuKit.Lab.Iommus.Vtd;
using IommuKit.Models.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Checker.Iommus.Vtd;

/// <summary>Follows an invalidation queue by its tail.</summary>
internal sealed class VtdQueueCursor
{
    private readonly PhysicalMemory _memory;
    private readonly ulong _queue;
    private readonly ulong _mask;
    private readonly List<(ulong Address, VtdInvalidationDescriptor Descriptor)> _descriptors = [];
    private ulong _tail;

    /// <summary>Begins where the tail of a machine is by now.</summary>
    public VtdQueueCursor(VtdMachine machine)
    {
        var model = machine.Model!;
        ulong register = model.Read64(VtdRegister.QueueAddress);
        _memory = machine.Memory;
        _queue = register & ~0xffful;
        _mask = (0x1000ul << (int)(register & VtdRegister.QueueAddressBits.SizeMask)) - 1;
        _tail = model.Read64(VtdRegister.QueueTail);
    }

    /// <summary>The descriptors up to a new tail, with where each is. Good until the next call.</summary>
    public IReadOnlyList<(ulong Address, VtdInvalidationDescriptor Descriptor)> Advance(ulong tail)
    {
        _descriptors.Clear();
        tail &= _mask & ~(ulong)(VtdInvalidationDescriptor.Bytes - 1);
        for (; _tail != tail; _tail = (_tail + VtdInvalidationDescriptor.Bytes) & _mask)
        {
            // Hardware snoops the queue.
            var words = MemoryMarshal.Cast<byte, ulong>(_memory.CpuView.Span(_queue + _tail, VtdInvalidationDescriptor.Bytes));
            _descriptors.Add((_queue + _tail, new VtdInvalidationDescriptor(words[0], words[1], 0, 0)));
        }

        return _descriptors;
    }
}
