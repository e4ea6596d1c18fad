using System.Runtime.InteropServices;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Lab.Iommus.Smmu3;

/// <summary>Counts the commands of an SMMU's queue when its end moves.</summary>
/// <param name="memory">Memory as the CPU sees it.</param>
public sealed class Smmu3QueueReader(HostMemory memory) : IQueueReader
{
    private ulong _queue;
    private uint _next;

    /// <inheritdoc/>
    public void Written(uint offset, ulong value, Meter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        switch (offset)
        {
            case Smmu3Register.CommandQueue:
                _queue = value;
                _next = 0;
                break;
            case Smmu3Register.CommandProducer when _queue != 0:
                Count((uint)value, meter);
                break;
        }
    }

    private void Count(uint producer, Meter meter)
    {
        int log2 = (int)(_queue & Smmu3Register.QueueSizeMask);
        ulong address = _queue & 0x00ff_ffff_ffff_ffe0;
        uint mask = (2u << log2) - 1;
        int translations = 0;
        int waits = 0;
        int others = 0;
        for (; ((_next ^ producer) & mask) != 0; _next++)
        {
            ulong lower = MemoryMarshal.Read<ulong>(memory.Span(address + ((_next & (mask >> 1)) * (ulong)Smmu3Command.Bytes), sizeof(ulong)));
            switch (new Smmu3Command(lower, 0).Code)
            {
                case Smmu3CommandCode.Sync:
                    waits++;
                    break;
                case >= Smmu3CommandCode.DropGuest and <= Smmu3CommandCode.DropDeviceTlb:
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
