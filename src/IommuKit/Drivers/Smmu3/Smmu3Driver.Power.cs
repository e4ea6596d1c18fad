using IommuKit.Specs.Smmu3;

namespace IommuKit.Drivers.Smmu3;

/// <content>Switching the SMMU on and off (IHI 0070, sections 3.11 and 6.3).</content>
public sealed partial class Smmu3Driver
{
    // Queues and tables: write-back, inner shareable.
    private const uint CachedQueuesAndTables = 0xd75;

    /// <inheritdoc/>
    protected override void SwitchOff()
    {
        StopAll();
        _blocks.Release();
    }

    private void SwitchOn()
    {
        StopAll();
        _registers.Write32(Smmu3Register.Control1, _unit.IsCoherent ? CachedQueuesAndTables : 0);
        _registers.Write32(Smmu3Register.Control2, Smmu3Register.Control2Bits.RecordsBadStream | Smmu3Register.Control2Bits.Private);
        _registers.Write64(Smmu3Register.StreamTable, _streams.Base);
        _registers.Write32(Smmu3Register.StreamTableConfig, _streams.Config);

        _registers.Write64(Smmu3Register.CommandQueue, _queue.Base);
        _registers.Write32(Smmu3Register.CommandProducer, 0);
        _registers.Write32(Smmu3Register.CommandConsumer, 0);

        // What a device says it has translated passes only where it may ask.
        Smmu3Command[] forget = [.. _devices.Where(device => device.HasDeviceTlb).Select(device => Smmu3DeviceEncoder.Everything(device.Tag(null)))];
        uint control = Smmu3Register.Control.CommandQueue | (forget.Length == 0 ? 0 : Smmu3Register.Control.CheckTranslated);
        SetAndWait(Smmu3Register.Control0, Smmu3Register.Control0Ack, control);

        // Caches may hold anything from before, the configuration first: a translation must not come back from it.
        _queue.PushAndWait(Smmu3Command.DropStreams(0, 31));
        if (_unit.HasHypervisor)
        {
            _queue.Push([Smmu3Command.Drop(Smmu3CommandCode.DropHypervisor)]);
        }

        _queue.PushAndWait(Smmu3Command.Drop(Smmu3CommandCode.DropAllGuests));

        _registers.Write64(Smmu3Register.EventQueue, _events.Base);
        _registers.Write32(Smmu3Register.EventProducer, 0);
        _registers.Write32(Smmu3Register.EventConsumer, 0);
        control |= Smmu3Register.Control.EventQueue;
        SetAndWait(Smmu3Register.Control0, Smmu3Register.Control0Ack, control);
        SetAndWait(
            Smmu3Register.InterruptControl,
            Smmu3Register.InterruptControlAck,
            Smmu3Register.Interrupts.GlobalError | Smmu3Register.Interrupts.Event);
        SetAndWait(Smmu3Register.Control0, Smmu3Register.Control0Ack, control | Smmu3Register.Control.Enable);
        if (forget.Length != 0)
        {
            // Devices may hold anything from before too. Before the SMMU is on they cannot be told.
            _queue.PushAndWait(forget);
        }
    }

    /// <summary>Lets nothing pass, whatever the SMMU was doing.</summary>
    private void StopAll()
    {
        uint bypass = _registers.Read32(Smmu3Register.GlobalBypass) & Smmu3Register.Bypass.Mask;
        _registers.Write32(Smmu3Register.GlobalBypass, bypass | Smmu3Register.Bypass.Abort | Smmu3Register.Bypass.Update);
        WaitUntil(Smmu3Register.GlobalBypass, Smmu3Register.Bypass.Update, 0, "GBPA");
        SetAndWait(Smmu3Register.InterruptControl, Smmu3Register.InterruptControlAck, 0);
        SetAndWait(Smmu3Register.Control0, Smmu3Register.Control0Ack, 0);
    }

    private void SetAndWait(uint register, uint acknowledgement, uint value)
    {
        _registers.Write32(register, value);
        WaitUntil(acknowledgement, Smmu3Register.Control.Mask | Smmu3Register.Interrupts.Mask, value, $"register 0x{register:x}");
    }

    private void WaitUntil(uint register, uint mask, uint value, string what)
    {
        var patience = new Patience(_options.Patience, what);
        while ((_registers.Read32(register) & mask) != value)
        {
            patience.Pass();
        }
    }
}
