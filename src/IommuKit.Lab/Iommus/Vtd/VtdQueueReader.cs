using System.Runtime.InteropServices;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Vtd;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>Counts the descriptors of an invalidation queue when its tail moves.</summary>
/// <param name="memory">Memory as the CPU sees it.</param>
public sealed class VtdQueueReader(HostMemory memory) : IQueueReader
{
    private ulong _address;
    private ulong _tail;

    /// <inheritdoc/>
    public void Written(uint offset, ulong value, Meter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        switch (offset)
        {
            case VtdRegister.QueueAddress:
                _address = value;
                _tail = 0;
                break;
            case VtdRegister.QueueTail when _address != 0:
                Count(value, meter);
                break;
        }
    }

    private void Count(ulong tail, Meter meter)
    {
        ulong bytes = (_address & VtdRegister.QueueAddressBits.Wide) != 0
            ? (ulong)VtdInvalidationDescriptor.WideBytes
            : (ulong)VtdInvalidationDescriptor.Bytes;
        ulong mask = (0x1000ul << (int)(_address & VtdRegister.QueueAddressBits.SizeMask)) - 1;
        tail &= mask & ~(bytes - 1);
        int translations = 0;
        int waits = 0;
        int others = 0;
        for (; _tail != tail; _tail = (_tail + bytes) & mask)
        {
            ulong qw0 = MemoryMarshal.Read<ulong>(memory.Span((_address & ~0xffful) + _tail, sizeof(ulong)));
            switch (new VtdInvalidationDescriptor(qw0, 0, 0, 0).Type)
            {
                case VtdInvalidationType.Wait:
                    waits++;
                    break;
                case VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb
                    or VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb:
                    translations++;
                    break;
                default:
                    others++;
                    break;
            }
        }

        meter.Count(OperationKind.Command, OperationPurpose.Tlb, translations);
        meter.Count(OperationKind.Command, OperationPurpose.Completion, waits);
        if (others != 0)
        {
            meter.Count(OperationKind.Command, OperationPurpose.Other, others);
        }
    }
}
