using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;

namespace MyIommu;

/// <summary>Tells the checker what accesses of the registers mean. It has nothing from the driver, or it would believe its mistakes.</summary>
public sealed class MyDecoder : ICommandDecoder
{
    private int _space;

    public void Decode(in MaintenanceStep access, ShadowCommands commands)
    {
        if (access.Kind == MaintenanceKind.RegisterRead)
        {
            commands.Complete();
            return;
        }

        uint value = (uint)access.Value;
        switch ((uint)access.Address)
        {
            case MyRegisters.Space:
                _space = (int)(value % MyRegisters.Devices);
                break;
            case MyRegisters.Root:
                commands.SetRoot(_space, (value & MyRegisters.RootIsValid) == 0 ? null : value & ~0xfffu);
                break;
            case MyRegisters.InvalidatePage:
                commands.DropTranslations(_space, value & ~0xfffu, value | 0xfffu);
                break;
            case MyRegisters.InvalidateSpace:
                commands.DropTranslations(_space, 0, uint.MaxValue);
                break;
            case >= MyRegisters.FirstDevice and var register:
                commands.SetRoute((int)(register - MyRegisters.FirstDevice) / 4, value == 0 ? null : (int)value - 1);
                break;
        }
    }
}
