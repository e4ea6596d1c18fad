namespace Antmicro.Renode.Core;

public sealed class GPIO
{
    private IGPIOReceiver? _target;
    private int _number;

    public bool IsSet { get; private set; }

    public void Connect(IGPIOReceiver destination, int destinationNumber)
    {
        (_target, _number) = (destination, destinationNumber);
        destination.OnGPIO(destinationNumber, IsSet);
    }

    public void Set(bool value)
    {
        if (IsSet != value)
        {
            IsSet = value;
            _target?.OnGPIO(_number, value);
        }
    }
}
