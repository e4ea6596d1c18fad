using IommuKit.Domains;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <content>Faults.</content>
public sealed partial class Smmu2Driver
{
    private const uint Terminate = 1;

    private readonly InterruptWork _interrupts;

    /// <summary>Receives faults of devices that are in no domain, and of StreamIDs of no device.</summary>
    public Action<IommuFault>? StrayFaultHandler { get; set; }

    /// <inheritdoc/>
    /// <remarks>
    /// Handlers are called one after the other, outside all locks of the driver. An interrupt that comes while another is handled, on whatever
    /// thread, is left to the call that is at work; one that comes in the middle of an operation of a domain, on its thread, is handled when that
    /// ends. A transaction that stalls is ended after its handler.
    /// </remarks>
    public override void HandleInterrupt() => _interrupts.Handle();

    private static readonly (uint Bit, string Name)[] s_reasons =
    [
        (Smmu2Bank.Faults.Translation, "translation fault"),
        (Smmu2Bank.Faults.AccessFlag, "access flag fault"),
        (Smmu2Bank.Faults.Permission, "permission fault"),
        (Smmu2Bank.Faults.External, "external fault of a walk"),
        (Smmu2Bank.Faults.AddressSize, "address size fault"),
        (Smmu2Bank.Faults.Unsupported, "unsupported upstream transaction"),
    ];

    private static readonly (uint Bit, string Name)[] s_globalReasons =
    [
        (Smmu2Global.Faults.InvalidContext, "invalid context"),
        (Smmu2Global.Faults.UnmatchedStream, "unidentified stream"),
        (Smmu2Global.Faults.MatchConflict, "stream match conflict"),
        (Smmu2Global.Faults.NoSuchBank, "unimplemented context bank"),
    ];

    private static string ReasonOf(uint status, (uint Bit, string Name)[] reasons) =>
        Array.Find(reasons, reason => (status & reason.Bit) != 0).Name ?? $"fault 0x{status:x}";

    /// <summary>
    /// Reads, reports and acknowledges what every bank in use and the global space have. What comes meanwhile raises the line again.
    /// </summary>
    private void Drain()
    {
        for (int bank = 0; bank < _owners.Length; bank++)
        {
            if (Volatile.Read(ref _owners[bank]) is { } owner)
            {
                DrainBank(bank, owner);
            }
        }

        uint status = _registers.Read(Smmu2Global.FaultStatus);
        if (status == 0)
        {
            return;
        }

        uint kind = _registers.Read(Smmu2Global.Syndrome0);
        uint stream = _registers.Read(Smmu2Global.Syndrome1) & 0xffff;
        ulong address = _registers.Read64(Smmu2Global.FaultAddress);
        _registers.Write(Smmu2Global.FaultStatus, status);
        if (status == Smmu2Global.Faults.Multiple)
        {
            // One that came after the last look: nothing was recorded of it.
            return;
        }

        var device = Find(stream);
        var fault = new IommuFault(
            device?.Name ?? $"stream 0x{stream:x}",
            address,
            (kind & Smmu2Global.Syndrome.Write) != 0,
            IsSecure: false,
            Protection.None,
            ReasonOf(status, s_globalReasons));
        var handler = device?.Domain?.FaultHandler ?? StrayFaultHandler;
        handler?.Invoke(fault);
    }

    private void DrainBank(int bank, IommuDomain owner)
    {
        uint status = _registers.ReadBank(bank, Smmu2Bank.FaultStatus);
        if ((status & Smmu2Bank.Faults.All) == 0)
        {
            if ((status & Smmu2Bank.Faults.Multiple) != 0)
            {
                // One that came after the last look: nothing was recorded of it, but until it is cleared nothing is of any other.
                _registers.WriteBank(bank, Smmu2Bank.FaultStatus, Smmu2Bank.Faults.Multiple);
            }

            return;
        }

        ulong address = _registers.ReadBank64(bank, Smmu2Bank.FaultAddress);
        uint kind = _registers.ReadBank(bank, Smmu2Bank.Syndrome0);
        uint stream = _registers.ReadRouting(Smmu2Routing.FaultStream, bank) & 0xffff;
        var device = Find(stream);
        try
        {
            var fault = new IommuFault(
                device?.Name ?? $"stream 0x{stream:x}",
                address,
                (kind & Smmu2Bank.Syndrome.Write) != 0,
                IsSecure: false,
                RightsAt(owner, status, address),
                ReasonOf(status, s_reasons));

            // A device may be in another domain by now; the fault is still that of the one that owned the bank.
            var handler = owner.FaultHandler ?? StrayFaultHandler;
            handler?.Invoke(fault);
        }
        finally
        {
            _registers.WriteBank(bank, Smmu2Bank.FaultStatus, status);
            if ((status & Smmu2Bank.Faults.Stalled) != 0)
            {
                _registers.WriteBank(bank, Smmu2Bank.Resume, Terminate);
            }
        }
    }

    private Smmu2StreamDevice? Find(uint stream) => Array.Find(_devices, device => device.Client.Has(stream));

    // The record does not tell; the table may have changed since.
    private static Protection RightsAt(IommuDomain domain, uint status, ulong address) =>
        (status & Smmu2Bank.Faults.Permission) != 0 && !domain.IsDisposed && domain.TryFind(address, out var mapping)
            ? mapping.Protection
            : Protection.None;
}
