using IommuKit.Domains;
using IommuKit.Specs.Tegra;

namespace IommuKit.Drivers.Tegra;

/// <content>Faults.</content>
public sealed partial class TegraSmmuDriver
{
    /// <summary>Receives faults of clients that are in no domain.</summary>
    public Action<IommuFault>? StrayFaultHandler { get; set; }

    /// <inheritdoc/>
    public override void HandleInterrupt()
    {
        uint pending;
        TegraFaultStatus status;
        uint low;
        lock (RegisterLock)
        {
            pending = _mc.Read32(TegraMc.IntStatus) & Soc.InterruptMask;
            if (pending == 0)
            {
                return;
            }

            status = new TegraFaultStatus(_mc.Read32(TegraMc.ErrStatus));
            low = _mc.Read32(TegraMc.ErrAdr);

            // Only what was seen is acknowledged.
            _mc.Write32(TegraMc.IntStatus, pending);
        }

        int client = status.ClientOn(Soc);
        var device = _deviceByClient.GetValueOrDefault(client);
        var fault = new IommuFault(
            Soc.FindClient(client)?.Name ?? $"client 0x{client:x}",
            low | ((ulong)status.AddressHigh << 32),
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
