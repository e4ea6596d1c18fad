using IommuKit.Domains;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <content>Events and errors.</content>
public sealed partial class Smmu3Driver
{
    private const int RecordsAtOnce = 16;

    private readonly InterruptWork _interrupts;

    /// <summary>Receives faults of devices that are in no domain, and of StreamIDs of no device.</summary>
    public Action<IommuFault>? StrayFaultHandler { get; set; }

    /// <summary>Receives errors of the SMMU itself, as bits of GERROR: it goes on, but may have lost events or messages.</summary>
    public Action<uint>? ErrorHandler { get; set; }

    /// <inheritdoc/>
    /// <remarks>
    /// Handlers are called one after the other, outside all locks of the driver. An interrupt that comes while another is handled, on whatever
    /// thread, is left to the call that is at work; one that comes in the middle of an operation of a domain, on its thread, is handled when that
    /// ends. A transaction that stalls, where hardware can do nothing else, is aborted after its handler.
    /// </remarks>
    public override void HandleInterrupt() => _interrupts.Handle();

    private void HandleErrors()
    {
        uint acknowledged = _registers.Read32(Smmu3Register.GlobalErrorAck);
        uint active = (_registers.Read32(Smmu3Register.GlobalError) ^ acknowledged) & Smmu3Register.Errors.Mask;
        if ((active & Smmu3Register.Errors.CommandQueue) != 0)
        {
            _queue.HandleError();
            active &= ~Smmu3Register.Errors.CommandQueue;
            acknowledged = _registers.Read32(Smmu3Register.GlobalErrorAck);
        }

        if ((active & Smmu3Register.Errors.CommandMessageAbort) != 0)
        {
            _queue.HandleAbortedMessage();
        }

        if (active != 0)
        {
            _registers.Write32(Smmu3Register.GlobalErrorAck, acknowledged ^ active);
            ErrorHandler?.Invoke(active);
        }
    }

    /// <summary>Acknowledges errors, and reports what is in the queue; what comes meanwhile raises another interrupt, or is there at the next look.</summary>
    private void Drain()
    {
        HandleErrors();
        Span<Smmu3Event> records = stackalloc Smmu3Event[RecordsAtOnce];
        int most = 1 << _events.SizeLog2;
        for (int handled = 0; handled < most;)
        {
            int count = _events.Take(records);
            for (int i = 0; i < count; i++)
            {
                Report(records[i]);
            }

            if (count == 0)
            {
                return;
            }

            handled += count;
        }
    }

    private void Report(in Smmu3Event record)
    {
        try
        {
            var device = _deviceByStream.GetValueOrDefault(record.StreamId);

            // Substreams of a guest are its own.
            var domain = device?.Domain as Smmu3NestedDomain
                ?? device?.DomainOf(record.HasSubstream ? (int)record.SubstreamId : IommuDomain.NoPasid);
            var fault = new IommuFault(
                device?.Name ?? $"stream 0x{record.StreamId:x}",
                record.Address,
                !record.IsRead,
                IsSecure: false,
                RightsAt(domain, record),
                Smmu3EventName.Of(record.Type));
            var handler = domain?.FaultHandler ?? StrayFaultHandler;
            handler?.Invoke(fault);
        }
        finally
        {
            if (record.IsStall)
            {
                _queue.Push([Smmu3Command.Resume(record.StreamId, record.StallTag, isRetry: false, isAbort: true)]);
            }
        }
    }

    // The record does not tell; the table may have changed since.
    private static Protection RightsAt(IommuDomain? domain, in Smmu3Event record) =>
        record.Type == Smmu3EventType.Permission && domain is { IsDisposed: false } && domain.TryFind(record.Address, out var mapping)
            ? mapping.Protection
            : Protection.None;
}
