namespace Antmicro.Renode.Core;

public interface IGPIOReceiver
{
    void OnGPIO(int number, bool value);
}
