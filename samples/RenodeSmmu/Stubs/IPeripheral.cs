namespace Antmicro.Renode.Peripherals;

// What this sample uses of Renode's public interfaces, under their names, so that it can be built and tried without Renode.
public interface IPeripheral
{
    void Reset();
}
