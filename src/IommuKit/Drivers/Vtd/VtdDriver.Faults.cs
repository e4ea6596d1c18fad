using IommuKit.Domains;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Vtd;

namespace IommuKit.Drivers.Vtd;

/// <content>Faults.</content>
public sealed partial class VtdDriver
{
    // The first processor, fixed delivery, and a vector: where the interrupt goes is up to the one who calls HandleInterrupt.
    private const uint FaultMessageAddress = 0xfee0_0000;
    private const uint FaultMessageData = 0x30;

    private readonly InterruptWork _interrupts;

    /// <summary>Receives faults of devices that are in no domain, or in one without a handler, and of those that are not known.</summary>
    public Action<IommuFault>? StrayFaultHandler { get; set; }

    /// <inheritdoc/>
    /// <remarks>
    /// Handlers are called one after the other, outside all locks of the driver. An interrupt that comes while another is handled, on whatever
    /// thread, is left to the call that is at work; one that comes in the middle of an operation of a domain, on its thread, is handled when that
    /// ends. So a call may return before its fault is reported, and what a handler throws may reach the caller of an operation that is complete.
    /// </remarks>
    public override void HandleInterrupt() => _interrupts.Handle();

    private static string Reason(VtdFaultReason reason) => FormattableString.Invariant($"{reason} ({(int)reason:x2}h)");

    /// <summary>Reports the records that are in use, each once, and frees them.</summary>
    private void Drain()
    {
        uint status = _registers.Read32(VtdRegister.FaultStatus);
        int count = Unit.Capability.FaultRecords;
        int index = (int)(status >> VtdRegister.FaultStatusBits.RecordIndexShift & 0xff) % count;
        bool isPending = (status & (VtdRegister.FaultStatusBits.Pending | VtdRegister.FaultStatusBits.Overflow)) != 0;

        // No more than there are: faults that go on must not hold the processor for ever. Those that come meanwhile raise the interrupt again.
        for (int i = 0; i < count && isPending; i++)
        {
            uint offset = Unit.Capability.FaultRecordOffset + ((uint)index * VtdFaultRecord.Bytes);
            var record = new VtdFaultRecord(_registers.Read64(offset), _registers.Read64(offset + sizeof(ulong)));
            if (!record.IsFault)
            {
                break;
            }

            Free(offset);
            Report(record);
            index = (index + 1) % count;
        }

        // The errors of the queue belong to those who wait for it.
        _registers.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.Overflow);
    }

    private void ClearFaults()
    {
        for (int i = 0; i < Unit.Capability.FaultRecords; i++)
        {
            Free(Unit.Capability.FaultRecordOffset + ((uint)i * VtdFaultRecord.Bytes));
        }

        _registers.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.Clearable);
    }

    private void Free(uint record) => _registers.Write32(record + VtdFaultRecord.Bytes - sizeof(uint), (uint)(VtdFaultRecord.Fault >> 32));

    private void Report(VtdFaultRecord record)
    {
        var device = _deviceBySource.GetValueOrDefault(record.SourceId);
        var domain = device?.DomainOf(record.Pasid ?? IommuDomain.NoPasid);
        var granted = Protection.None;
        if (domain is not null && domain.TryFind(record.Address, out var mapping))
        {
            granted = mapping.Protection;
        }

        var fault = new IommuFault(
            VtdDevice.NameOf(record.SourceId), record.Address, !record.IsRead, IsSecure: false, granted, Reason(record.Reason));
        var handler = domain?.FaultHandler ?? StrayFaultHandler;
        handler?.Invoke(fault);
    }
}
