using System.Runtime.InteropServices;
using IommuKit.Lab.Machines;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Vtd;
using IommuKit.Traces.Audit;

namespace IommuKit.Lab.Iommus.Vtd;

/// <summary>Counts the descriptors of an invalidation queue when its tail moves.</summary>
/// <param name="memory">Memory as the CPU sees it.</param>
public sealed class VtdQueueReader(HostMemory memory) : IQueueReader
{
    private static readonly CommandKind[] Kinds =
        [.. VtdCommandKinds.Names.Select((name, slot) => new CommandKind(name, PurposeOf((VtdInvalidationType)(slot >> 2))))];

    private ulong _register;
    private QueueFollower _queue;

    /// <inheritdoc/>
    public CommandTally Commands { get; } = new(Kinds);

    /// <summary>Follows the queue that the register of its address says.</summary>
    /// <param name="register">The value of the register.</param>
    /// <param name="tail">The tail by now.</param>
    public static QueueFollower Follow(ulong register, ulong tail)
    {
        int bytes = EntryBytes(register);
        uint entries = (0x1000u << (int)(register & VtdRegister.QueueAddressBits.SizeMask)) / (uint)bytes;
        return new QueueFollower(register & ~0xffful, bytes, entries, hasWrapBit: false, EndOf(register, tail));
    }

    /// <summary>A tail, which is in bytes, in entries.</summary>
    /// <param name="register">The value of the register of the queue's address.</param>
    /// <param name="tail">The tail.</param>
    public static uint EndOf(ulong register, ulong tail) => (uint)tail / (uint)EntryBytes(register);

    /// <inheritdoc/>
    public void Written(uint offset, ulong value, Meter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        switch (offset)
        {
            case VtdRegister.QueueAddress:
                _register = value;
                _queue = Follow(value, 0);
                break;
            case VtdRegister.QueueTail when _register != 0:
                Count(value, meter);
                break;
        }
    }

    private void Count(ulong tail, Meter meter)
    {
        uint end = EndOf(_register, tail);
        int translations = 0;
        int waits = 0;
        int others = 0;
        while (_queue.TryNext(end, out ulong address))
        {
            var words = MemoryMarshal.Cast<byte, ulong>(memory.Span(address, VtdInvalidationDescriptor.Bytes));
            var descriptor = new VtdInvalidationDescriptor(words[0], words[1], 0, 0);
            if (descriptor.Type == VtdInvalidationType.Wait)
            {
                // Every second one is: they name nothing, and are counted together.
                waits++;
                continue;
            }

            int slot = VtdCommandKinds.SlotOf(descriptor);
            Commands.Count(slot, VtdCommandKinds.PagesOf(descriptor));
            if (Kinds[slot].Purpose == OperationPurpose.Tlb)
            {
                translations++;
            }
            else
            {
                others++;
            }
        }

        Commands.Count((int)VtdInvalidationType.Wait << 2, pages: 0, waits);
        meter.CountCommands(translations, waits, others);
    }

    private static OperationPurpose PurposeOf(VtdInvalidationType type) => type switch
    {
        VtdInvalidationType.Wait => OperationPurpose.Completion,
        VtdInvalidationType.Iotlb or VtdInvalidationType.PasidIotlb or VtdInvalidationType.DeviceTlb or VtdInvalidationType.PasidDeviceTlb =>
            OperationPurpose.Tlb,
        _ => OperationPurpose.Other,
    };

    private static int EntryBytes(ulong register) => (register & VtdRegister.QueueAddressBits.Wide) != 0
        ? VtdInvalidationDescriptor.WideBytes
        : VtdInvalidationDescriptor.Bytes;
}
