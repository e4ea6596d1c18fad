namespace Antmicro.Renode.Peripherals.Bus;

[Flags]
public enum BusAccessPrivileges
{
    None = 0,
    Read = 1,
    Write = 2,
    Other = 4,
}
