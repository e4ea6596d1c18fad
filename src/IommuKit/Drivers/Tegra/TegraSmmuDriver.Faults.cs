using IommuKit.Domains;
using IommuKit.Specs.Tegra;

namespace IommuKit.Drivers.Tegra;

/// <content>Faults.</content>
public sealed partial class TegraSmmuDriver
{
    // What one interrupt may bring: an interrupt that stays pending although it was acknowledged must not hold the processor for ever.
    private const int MaxRecords = 8;

    private readonly InterruptWork _interrupts;

    /// <summary>Receives faults of clients that are in no domain.</summary>
    public Action<IommuFault>? StrayFaultHandler { get; set; }

    /// <inheritdoc/>
    /// <remarks>
    /// Handlers are called one after the other, outside all locks of the driver. An interrupt that comes while another is handled, on whatever
    /// thread, is left to the call that is at work; one that comes in the middle of an operation of a domain, on its thread, is handled when that
    /// ends. So a call may return before its fault is reported, and what a handler throws may reach the caller of an operation that is complete.
    /// </remarks>
    public override void HandleInterrupt() => _interrupts.Handle();

    /// <summary>Reads, acknowledges and reports until nothing is pending.</summary>
    private void Drain()
    {
        for (int i = 0; i < MaxRecords; i++)
        {
            uint pending = _mc.Read32(TegraMc.IntStatus) & Soc.InterruptMask;
            if (pending == 0)
            {
                return;
            }

            var status = new TegraFaultStatus(_mc.Read32(TegraMc.ErrStatus));
            uint low = _mc.Read32(TegraMc.ErrAdr);

            // Only what was seen is acknowledged. Until the acknowledgement has taken effect the hardware keeps no
            // further record; the next read waits for it.
            _mc.Write32(TegraMc.IntStatus, pending);
            bool isMore = (_mc.Read32(TegraMc.IntStatus) & Soc.InterruptMask) != 0;
            Report(status, low);
            if (!isMore)
            {
                return;
            }
        }
    }

    private void Report(TegraFaultStatus status, uint low)
    {
        int client = status.ClientOn(Soc);
        var device = _deviceByClient.GetValueOrDefault(client);
        var fault = new IommuFault(
            Soc.FindClient(client)?.Name ?? $"client 0x{client:x}",
            status.AddressOn(Soc, low),
            status.IsWrite,
            status.IsSecure,
            TegraFormat.LeafProtection(status.Rights, 0),
            Reason(status.Type));
        var handler = device?.Domain?.FaultHandler ?? StrayFaultHandler;
        handler?.Invoke(fault);
    }

    private static string Reason(TegraFaultType type) => type switch
    {
        TegraFaultType.InvalidSmmuPage => "SMMU translation error",
        TegraFaultType.DecodeError => "EMEM address decode error",
        TegraFaultType.TrustZone => "TrustZone violation",
        TegraFaultType.Carveout => "carveout violation",
        _ => $"unknown error {(int)type}",
    };
}
