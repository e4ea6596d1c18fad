namespace Antmicro.Renode.Peripherals.Bus;

public interface IKnownSize : IBusPeripheral
{
    long Size { get; }
}
