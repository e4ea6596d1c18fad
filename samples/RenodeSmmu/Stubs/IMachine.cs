using Antmicro.Renode.Peripherals.Bus;

namespace Antmicro.Renode.Core;

public interface IMachine
{
    IBusController GetSystemBus(IBusPeripheral peripheral);
}
