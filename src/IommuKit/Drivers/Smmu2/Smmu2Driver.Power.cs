using IommuKit.Specs.Smmu2;

namespace IommuKit.Drivers.Smmu2;

/// <content>Switching the SMMU on and off.</content>
public sealed partial class Smmu2Driver
{
    // sACR of an MMU-500: its TLBs of what stream matching finds.
    private const uint MatchCaches = (1u << 8) | (1u << 10);
    private const uint Prefetch = 1u << 1;

    /// <inheritdoc/>
    protected override void SwitchOff()
    {
        foreach (var device in _devices)
        {
            WriteContext(device.Group, Smmu2StreamContext.Fault);
        }

        _registers.Write(Smmu2Global.Control0, Smmu2Global.Control.UnmatchedFaults | Smmu2Global.Control.FaultAborts);
    }

    private void SwitchOn()
    {
        _registers.Write(Smmu2Global.FaultStatus, _registers.Read(Smmu2Global.FaultStatus));
        bool isWide = _unit.HasWideStreamIds;

        // Registers of 16-bit StreamIDs are written as such only where sCR0 says so already.
        uint control = Smmu2Global.Control.FaultAborts
            | Smmu2Global.Control.FaultInterrupt
            | Smmu2Global.Control.ConfigurationFaultAborts
            | Smmu2Global.Control.ConfigurationFaultInterrupt
            | Smmu2Global.Control.PrivateVmids
            | Smmu2Global.Control.Private
            | Smmu2Global.Control.UnmatchedFaults
            | (isWide ? Smmu2Global.Control.WideStreamIds : 0);
        for (int group = 0; group < _unit.StreamCount; group++)
        {
            _registers.Write(Smmu2Global.StreamContext + ((uint)group * sizeof(uint)), Smmu2StreamContext.Fault.Value);
            if (_unit.HasStreamMatching)
            {
                _registers.Write(Smmu2Global.StreamMatch + ((uint)group * sizeof(uint)), 0);
            }
        }

        if (_options.IsMmu500)
        {
            uint auxiliary = _registers.Read(Smmu2Global.Auxiliary) & ~Smmu2Global.CacheLock;
            _registers.Write(Smmu2Global.Auxiliary, auxiliary | MatchCaches);
        }

        for (int bank = 0; bank < _unit.BankCount; bank++)
        {
            _registers.WriteBank(bank, Smmu2Bank.SystemControl, 0);
            _registers.WriteBank(bank, Smmu2Bank.FaultStatus, Smmu2Bank.Faults.All | Smmu2Bank.Faults.Multiple);
            if (_options.IsMmu500)
            {
                uint auxiliary = _registers.ReadBank(bank, Smmu2Bank.Auxiliary);
                _registers.WriteBank(bank, Smmu2Bank.Auxiliary, auxiliary & ~Prefetch);
            }
        }

        // Caches may hold anything from before.
        _registers.Write(Smmu2Global.DropHypervisor, 0);
        _registers.Write(Smmu2Global.DropAllGuests, 0);
        _registers.SyncAll();
        _registers.Write(Smmu2Global.Control0, control);
        foreach (var device in _devices)
        {
            if (_unit.HasStreamMatching)
            {
                var match = Smmu2StreamMatch.Of(device.Client.StreamId, device.Client.Mask, isWide);
                _registers.Write(Smmu2Global.StreamMatch + ((uint)device.Group * sizeof(uint)), match.Value);
            }

            WriteContext(device.Group, Smmu2StreamContext.Fault);
        }
    }
}
