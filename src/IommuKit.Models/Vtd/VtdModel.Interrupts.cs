using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Vtd;

/// <content>Interrupt remapping (VT-d specification, section 5.1).</content>
public sealed partial class VtdModel<TMemory>
{
    /// <summary>Remaps a message that asks for an interrupt, or records a fault. Posted interrupts are refused, as there are none.</summary>
    /// <param name="request">The message.</param>
    /// <param name="interrupt">The interrupt that it becomes.</param>
    /// <returns>False if it is stopped.</returns>
    public bool TryRemap(in VtdInterruptRequest request, out VtdInterrupt interrupt)
    {
        bool isAllowed;
        lock (_gate)
        {
            isAllowed = TryRemapLocked(request, out interrupt);
        }

        TellIfDue();
        return isAllowed;
    }

    private bool TryRemapLocked(in VtdInterruptRequest request, out VtdInterrupt interrupt)
    {
        bool isExtended = _ecap.ExtendedInterruptMode && (_interruptTable & VtdRegister.InterruptTableBits.Extended) != 0;
        if ((_status & VtdRegister.Global.InterruptRemappingEnable) == 0)
        {
            interrupt = VtdInterrupt.FromMessage(request.Address, request.Data);
            return true;
        }

        interrupt = default;
        if (!request.IsRemappable)
        {
            if (!isExtended && (_status & VtdRegister.Global.CompatibilityFormat) != 0)
            {
                interrupt = VtdInterrupt.FromMessage(request.Address, request.Data);
                return true;
            }

            return StopInterrupt(request, 0, VtdFaultReason.InterruptCompatibility, isRecorded: true);
        }

        if (request.HasReservedBits)
        {
            return StopInterrupt(request, request.Index, VtdFaultReason.InterruptReserved, isRecorded: true);
        }

        if (request.Index >> ((int)(_interruptTable & VtdRegister.InterruptTableBits.SizeMask) + 1) != 0)
        {
            return StopInterrupt(request, request.Index, VtdFaultReason.InterruptIndex, isRecorded: true);
        }

        var reason = FindInterrupt(request.Index, isExtended, out var entry);
        if (reason == VtdFaultReason.None && !entry.Allows(request.Source))
        {
            reason = VtdFaultReason.InterruptSource;
        }

        if (reason != VtdFaultReason.None)
        {
            return StopInterrupt(request, request.Index, reason, !entry.DisablesFaults);
        }

        interrupt = entry.Remap(isExtended);
        return true;
    }

    private VtdFaultReason FindInterrupt(uint index, bool isExtended, out VtdInterruptEntry entry)
    {
        if (_interrupts.TryFind(index, VtdCache.Valid, VtdCache.Valid, out var slot))
        {
            entry = new VtdInterruptEntry(slot.Data, slot.Info);
            return ReasonOf(slot);
        }

        long drops = _drops;
        var reason = VtdFaultReason.None;
        if (!TryReadPair((_interruptTable & VtdRootEntry.AddressMask) + (index * VtdInterruptEntry.Bytes), out ulong lower, out ulong upper))
        {
            reason = VtdFaultReason.InterruptNotReadable;
        }

        entry = new VtdInterruptEntry(lower, upper);
        if (reason == VtdFaultReason.None)
        {
            reason = !entry.IsPresent ? VtdFaultReason.InterruptNotPresent
                : entry.HasReservedBits(isExtended) ? VtdFaultReason.InterruptEntryReserved
                : VtdFaultReason.None;
        }

        if ((reason == VtdFaultReason.None || _cap.CachingMode) && drops == _drops)
        {
            _interrupts.Add(new VtdCache.Slot
            {
                Key = index, Space = VtdCache.Valid | ((ulong)reason << ReasonShift), Data = lower, Info = upper,
            });
        }

        return reason;
    }

    private bool StopInterrupt(in VtdInterruptRequest request, uint index, VtdFaultReason reason, bool isRecorded)
    {
        _stopped++;
        if (isRecorded)
        {
            Record(VtdFaultRecord.ForInterrupt(request.Source, (ushort)index, reason));
        }

        return false;
    }
}
